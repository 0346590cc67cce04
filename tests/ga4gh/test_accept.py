"""Accept headers as clients write them, over offers of three kinds."""

import pytest

from ga4gh.accept import Offer, choose

NEW = Offer(media_type="text/vnd.made.v2+plain", also=("text/plain",))
OLD = Offer(media_type="text/vnd.made.v1+plain", explicit=True)
JSON = Offer(media_type="application/json", charset="utf-8")
OFFERS = (NEW, OLD, JSON)


@pytest.mark.parametrize(
    ("accept", "expected"),
    [
        ("", NEW),
        ("   ", NEW),
        ("*/*", NEW),
        ("text/*", NEW),
        ("text/plain", NEW),
        ("TEXT/Plain ; Q=0.5", NEW),
        ("application/*", JSON),
        ("text/vnd.made.v1+plain", OLD),
        ("text/vnd.made.v1 plain", OLD),
        ("text/vnd.made.v1+plain, text/vnd.made.v2+plain", NEW),
        ("text/vnd.made.v1+plain, text/vnd.made.v2+plain;q=0.9", OLD),
        ("text/vnd.made.v1+plain, */*", OLD),
        ("text/*;q=0, */*", JSON),
        ("application/json;q=0.5, text/plain;q=0.4", JSON),
        # What Java sends by default.
        ("text/html, image/gif, image/jpeg, *; q=.2, */*; q=.2", NEW),
        ("text/html, image/gif, */*;q=0.2", NEW),
        ("image/png", None),
        ("*/*;q=0", None),
        ("*/*;q=.", None),
        ("*/*;q=junk", None),
        ("*/*;q=nan", None),
        (",;,", None),
    ],
)
def test_the_offer_that_is_chosen(accept: str, expected: Offer | None) -> None:
    assert choose(OFFERS, accept) is expected


def test_the_content_type_names_the_charset() -> None:
    assert [offer.content_type for offer in (NEW, JSON)] == [
        "text/vnd.made.v2+plain; charset=us-ascii",
        "application/json; charset=utf-8",
    ]


def test_a_quality_over_1_is_no_advantage() -> None:
    assert choose(OFFERS, "application/json;q=1.9, text/plain") is NEW
