"""The addresses of pages lead back to the ids that they were made of."""

from urllib.parse import parse_qs, unquote, urlsplit

import pytest
from hypothesis import HealthCheck, given
from hypothesis import settings as examples
from hypothesis import strategies as some

from portal import links

IDS = some.text(some.characters(exclude_categories=["Cs"], exclude_characters="\0"), min_size=1)


@examples(deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(IDS)
def test_the_address_of_a_file_holds_its_id(htsget_id: str) -> None:
    path = links.file_path("reads", htsget_id)
    assert path.isascii()
    parts = urlsplit(f"http://site{path}")
    if parts.query:
        assert parts.path == "/files/reads/" and parse_qs(parts.query)["id"] == [htsget_id]
    else:
        assert unquote(parts.path) == f"/files/reads/{htsget_id}"
        assert not {".", ".."} & set(parts.path.split("/"))


@examples(deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(IDS)
def test_the_url_of_a_ticket_holds_its_id(htsget_id: str) -> None:
    url = links.protocol_url("http://site", "reads", htsget_id, start=1, referenceName=htsget_id)
    parts = urlsplit(url)
    assert unquote(parts.path) == f"/reads/{htsget_id}"
    assert parse_qs(parts.query) == {"start": ["1"], "referenceName": [htsget_id]}
    assert not set(url) & set("'\"\\ $`{}[]*!<>|;\n"), "characters that shells and curl interpret"


@pytest.mark.parametrize(
    ("digest", "name", "path"),
    [("abc", "hg38", "/collections/abc"), (None, "a/b c.fa", "/collections/a%2Fb%20c.fa/")],
)
def test_the_address_of_a_collection(digest: str | None, name: str, path: str) -> None:
    assert links.collection_path(digest, name) == path
