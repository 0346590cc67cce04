"""What Accept headers choose, those of real clients first."""

import pytest

from ga4gh.accept import choose
from refget_app.media_types import DOCUMENT, SEQUENCE, Representation

V2 = "text/vnd.ga4gh.refget.v2.0.0+plain"
V101 = "text/vnd.ga4gh.refget.v1.0.1+plain"
V1 = "text/vnd.ga4gh.refget.v1.0.0+plain"
JSON2 = "application/vnd.ga4gh.refget.v2.0.0+json"
JSON101 = "application/vnd.ga4gh.refget.v1.0.1+json"
JSON1 = "application/vnd.ga4gh.refget.v1.0.0+json"

FIREFOX = "text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8"
CHROME = (
    "text/html,application/xhtml+xml,application/xml;q=0.9,image/avif,image/webp,image/apng,*/*;q=0.8,"
    "application/signed-exchange;v=b3;q=0.7"
)
JAVA = "text/html, image/gif, */*;q=0.2"
OLD_JAVA = "text/html, image/gif, image/jpeg, *; q=.2, */*; q=.2"


def chosen(offers: tuple[Representation, ...], accept: str) -> str | None:
    offer = choose(offers, accept)
    return None if offer is None else offer.media_type


@pytest.mark.parametrize(
    ("accept", "expected"),
    [
        ("", V2),
        ("  ", V2),
        ("*/*", V2),
        ("*", V2),
        ("text/*", V2),
        ("text/plain", V2),
        ("TEXT/Plain", V2),
        ("text/plain; charset=us-ascii", V2),
        (V2, V2),
        (f"{V2}; charset=us-ascii", V2),
        (V1, V1),
        (V101, V101),
        (f"{V1}, {V101}", V101),
        (f"{V1}, {V101}, {V2}", V2),
        (f"{V1}, {V2};q=0.9", V1),
        (f"text/plain, {V1}", V1),
        (f"*/*, {V1}", V1),
        (f"*/*, {V1};q=0.5", V2),
        ("text/x-fasta", "text/x-fasta"),
        ("text/x-fasta, */*;q=0.1", "text/x-fasta"),
        ("text/x-fasta;q=0.5, text/plain", V2),
        ("text/x-fasta, text/plain", V2),
        ("application/json", "application/json"),
        ("application/*", "application/json"),
        ("application/json, text/plain;q=0.9", "application/json"),
        ("text/plain;q=0, */*", "text/x-fasta"),
        ("text/*;q=0, */*", "application/json"),
        ("text/*;q=0.2, */*;q=0.1", V2),
        (FIREFOX, V2),
        (CHROME, V2),
        (JAVA, V2),
        (OLD_JAVA, V2),
        # A query string made spaces of the plus signs.
        ("text/vnd.ga4gh.refget.v1.0.0 plain", V1),
        ("embl/some_json", None),
        ("text/html", None),
        ("text/plain;q=0", None),
        ("*/*;q=0", None),
        ("*/*;q=0.000", None),
        ("*/*;q=junk", None),
        ("*/*;q=.", None),
        ("text/vnd.ga4gh.refget.v3.0.0+plain", None),
        (JSON2, None),
        (",", None),
        (";", None),
    ],
)
def test_forms_of_a_sequence(accept: str, expected: str | None) -> None:
    assert chosen(SEQUENCE, accept) == expected


@pytest.mark.parametrize(
    ("accept", "expected"),
    [
        ("", JSON2),
        ("*/*", JSON2),
        ("application/json", JSON2),
        ("application/*", JSON2),
        (JSON2, JSON2),
        (JSON101, JSON101),
        (JSON1, JSON1),
        (f"{JSON1}, {JSON2}", JSON2),
        (f"application/json, {JSON1}", JSON1),
        (FIREFOX, JSON2),
        (CHROME, JSON2),
        (JAVA, JSON2),
        (OLD_JAVA, JSON2),
        ("text/plain", None),
        ("text/html", None),
        (V2, None),
        ("embl/some_json", None),
    ],
)
def test_forms_of_a_document(accept: str, expected: str | None) -> None:
    assert chosen(DOCUMENT, accept) == expected


def test_only_version_1_has_the_old_layout() -> None:
    assert [offer.legacy for offer in DOCUMENT] == [False, True, True]


def test_content_types_name_their_charset() -> None:
    assert [offer.content_type for offer in SEQUENCE] == [
        f"{V2}; charset=us-ascii",
        f"{V101}; charset=us-ascii",
        f"{V1}; charset=us-ascii",
        "text/x-fasta; charset=us-ascii",
        "application/json; charset=us-ascii",
    ]


def test_tags_tell_every_form_apart() -> None:
    assert len({offer.tag for offer in SEQUENCE}) == len(SEQUENCE)
