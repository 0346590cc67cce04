"""Methods, pages of other origins, and cookies."""

import pytest

from tests.refget_app.answers.asked import MD5, assert_error, get

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("held")]


@pytest.mark.parametrize(
    "target",
    [
        f"/sequence/{MD5}",
        f"/sequence/{MD5}?start=5&end=9",
        f"/sequence/{MD5}?start=a",
        "/sequence/unknown",
        f"/sequence/{MD5}/metadata",
        "/service-info",
        f"/md5/{MD5}",
        f"/sequence/{MD5}?accept=text/x-fasta",
    ],
)
def test_head_is_get_without_its_body(target: str) -> None:
    full, head = get(target), get(target, method="HEAD")
    assert (head.status, head.headers, head.body) == (full.status, full.headers, b"")
    assert full.header("Content-Length") == str(len(full.body))


@pytest.mark.parametrize("method", ["POST", "PUT", "PATCH", "DELETE", "TRACE"])
@pytest.mark.parametrize(
    "path", [f"/sequence/{MD5}", f"/sequence/{MD5}/metadata", "/service-info", f"/md5/{MD5}"]
)
def test_other_methods(method: str, path: str) -> None:
    reply = get(path, method=method)
    assert_error(reply, 405)
    assert reply.header("Allow") == "GET, HEAD, OPTIONS"


@pytest.mark.parametrize(
    "path", [f"/sequence/{MD5}", f"/sequence/{MD5}/metadata", "/service-info", f"/md5/{MD5}"]
)
def test_pages_of_other_origins_may_ask(path: str) -> None:
    asked = {
        "Origin": "https://browser.example",
        "Access-Control-Request-Method": "GET",
        "Access-Control-Request-Headers": "range,x-mine",
    }
    consent = get(path, asked, method="OPTIONS")
    assert (consent.status, consent.body) == ("200 OK", b"")
    assert consent.header("Access-Control-Allow-Origin") == "https://browser.example"
    assert consent.header("Access-Control-Allow-Methods") == "GET, HEAD, OPTIONS"
    assert consent.header("Access-Control-Allow-Headers") == "range,x-mine"
    assert consent.header("Access-Control-Max-Age") == "2592000"
    for target in (path, f"{path}?start=x", "/sequence/unknown"):
        reply = get(target, {"Origin": "https://browser.example"})
        assert reply.header("Access-Control-Allow-Origin") == "https://browser.example"
        assert "Content-Range" in str(reply.header("Access-Control-Expose-Headers"))
        assert "Origin" in str(reply.header("Vary"))
        assert reply.header("Access-Control-Allow-Credentials") is None
    assert get(path).header("Access-Control-Allow-Origin") is None
    assert get(path, method="OPTIONS").header("Allow") == "GET, HEAD, OPTIONS"


def test_no_cookie_is_read_or_set() -> None:
    reply = get(f"/sequence/{MD5}", {"Cookie": "sessionid=abc"})
    assert reply.header("Set-Cookie") is None
    assert "Cookie" not in str(reply.header("Vary"))
