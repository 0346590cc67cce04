"""Cache-Control, ETag, and conditional requests."""

import pytest

from catalogue import api_tokens
from tests.catalogue.made_access import make_user
from tests.refget_app.answers.asked import DIGESTS, MD5, RESIDUES, get

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("held")]


def test_how_long_an_answer_may_be_kept() -> None:
    for identifier in (MD5, DIGESTS.sq, f"trunc512:{DIGESTS.trunc512}"):
        kept = get(f"/sequence/{identifier}?start=1&end=5").header("Cache-Control")
        assert kept == "public, max-age=31536000, immutable"
    for target in ("/sequence/chrI", f"/sequence/{MD5}/metadata", "/service-info"):
        assert get(target).header("Cache-Control") == "public, max-age=300"


def test_shared_caches_keep_nothing_that_credentials_may_have_opened() -> None:
    """A private name, in the path or in metadata, is not for whoever asks a shared cache next."""
    _, token = api_tokens.issue(user=make_user("anna"), name="test", scopes=["sequences"], expires=None)
    for target in ("/sequence/chrI", f"/sequence/{MD5}/metadata", "/sequence/chrI/metadata"):
        reply = get(target, {"Authorization": f"Bearer {token}"})
        assert (reply.code, reply.header("Cache-Control")) == (200, "private, no-store")
    by_digest = get(f"/sequence/{MD5}", {"Authorization": f"Bearer {token}"})
    assert by_digest.header("Cache-Control") == "public, max-age=31536000, immutable"


def test_an_etag_names_one_representation() -> None:
    etags = [
        get(f"/sequence/{MD5}{query}", {"Accept": accept}).header("ETag")
        for query in ("", "?start=0", "?end=5", "?start=0&end=5", "?start=5", "?start=5&end=5")
        for accept in ("text/plain", "text/vnd.ga4gh.refget.v1.0.0+plain", "text/x-fasta", "application/json")
    ]
    assert all(etag is not None and etag[0] == etag[-1] == '"' for etag in etags)
    assert len(set(etags)) == len(etags)
    assert get(f"/sequence/{DIGESTS.sq}").header("ETag") == get(f"/md5/{MD5}").header("ETag") == etags[0]
    assert get(f"/sequence/{MD5}", {"Range": "bytes=0-5"}).header("ETag") == etags[0]


@pytest.mark.parametrize(
    "target", [f"/sequence/{MD5}", f"/sequence/{MD5}?start=5", f"/sequence/{MD5}/metadata", "/service-info"]
)
def test_what_the_client_has_is_not_sent_again(target: str) -> None:
    first = get(target)
    etag = str(first.header("ETag"))
    for condition in (etag, f"W/{etag}", f'"other", {etag}', "*"):
        for method in ("GET", "HEAD"):
            reply = get(target, {"If-None-Match": condition}, method)
            assert (reply.status, reply.body) == ("304 Not Modified", b"")
            for name in ("ETag", "Cache-Control", "Vary"):
                assert reply.header(name) == first.header(name)
            assert reply.header("Content-Type") is None
    assert get(target, {"If-None-Match": '"other"'}).body == first.body


def test_a_condition_does_not_hide_an_error() -> None:
    assert get(f"/sequence/{MD5}?start=abc", {"If-None-Match": "*"}).code == 400
    assert get("/sequence/unknown", {"If-None-Match": "*"}).code == 404


def test_a_range_of_something_else_gives_the_whole() -> None:
    etag = str(get(f"/sequence/{MD5}").header("ETag"))
    part = get(f"/sequence/{MD5}", {"Range": "bytes=5-9", "If-Range": etag})
    assert (part.code, part.body) == (206, RESIDUES[5:10])
    for other in ('"other"', f"W/{etag}", "Wed, 21 Oct 2015 07:28:00 GMT"):
        whole = get(f"/sequence/{MD5}", {"Range": "bytes=5-9", "If-Range": other})
        assert (whole.code, whole.body, whole.header("Content-Range")) == (200, RESIDUES, None)
