"""Signing in, and what every request and page is given."""

import logging
import re
from html.parser import HTMLParser
from typing import Any

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client

from catalogue.rate_limits import Rate
from catalogue.request_context import current_context
from tests.catalogue.made_access import make_user

pytestmark = pytest.mark.django_db

PASSWORD = "correct horse battery"


def test_the_page_is_for_those_who_signed_in(client: Client) -> None:
    response = client.get("/account/")
    assert response.status_code == 302 and response.headers["Location"] == "/account/sign-in?next=/account/"
    make_user("ada", password=PASSWORD)
    signed = client.post("/account/sign-in", {"username": "ada", "password": PASSWORD, "next": "/account/"})
    assert signed.headers["Location"] == "/account/"
    elsewhere = client.post(
        "/account/sign-in", {"username": "ada", "password": PASSWORD, "next": "https://evil.example"}
    )
    assert "evil" not in elsewhere.headers.get("Location", "")


@pytest.mark.parametrize("page", ["/account/sign-in", "/admin/login/"])
def test_wrong_passwords_are_limited(client: Client, settings: Any, page: str) -> None:
    settings.THROTTLE_SIGN_IN = Rate(3, 3600)
    make_user("ada", password=PASSWORD, is_staff=True)
    for _ in range(3):
        assert "Too many" not in client.post(page, {"username": "ada", "password": "x"}).content.decode()
    right = {"username": "ada", "password": PASSWORD}
    assert "Too many" in client.post(page, right).content.decode()
    assert client.post(page, right, REMOTE_ADDR="192.0.2.9").status_code == 302


def test_the_limit_is_counted_before_the_password_is_checked(
    client: Client, settings: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Passwords that come while the first is still being hashed count too."""
    settings.THROTTLE_SIGN_IN = Rate(1, 3600)
    answers: list[str] = []

    def check(*_: Any, **__: Any) -> None:
        meanwhile = Client().post("/account/sign-in", {"username": "ada", "password": "y"})
        answers.append(meanwhile.content.decode())

    monkeypatch.setattr("django.contrib.auth.forms.authenticate", check)
    client.post("/account/sign-in", {"username": "ada", "password": "x"})
    assert len(answers) == 1 and "Too many" in answers[0]


def test_an_account_is_limited_whatever_the_address(client: Client, settings: Any) -> None:
    settings.THROTTLE_SIGN_IN_ACCOUNT = Rate(3, 3600)
    make_user("ada", password=PASSWORD)
    for number in range(3):
        client.post("/account/sign-in", {"username": "ada", "password": "x"}, REMOTE_ADDR=f"192.0.2.{number}")
    right = {"username": "ada", "password": PASSWORD}
    assert "Too many" in client.post("/account/sign-in", right, REMOTE_ADDR="192.0.2.9").content.decode()


@pytest.mark.parametrize(
    ("first", "second", "alike"),
    [
        ("2001:db8:1:2::1", "2001:db8:1:2:ffff::9", True),
        ("2001:db8:1:2::1", "2001:db8:1:3::1", False),
        ("::ffff:192.0.2.1", "192.0.2.1", True),
        ("::ffff:192.0.2.1", "::ffff:192.0.2.2", False),
    ],
)
def test_an_ipv6_network_counts_as_one_address(
    client: Client, settings: Any, first: str, second: str, alike: bool
) -> None:
    settings.THROTTLE_SIGN_IN = Rate(1, 3600)
    sent = {"username": "ada", "password": "x"}
    client.post("/account/sign-in", sent, REMOTE_ADDR=first)
    told = client.post("/account/sign-in", sent, REMOTE_ADDR=second).content.decode()
    assert ("Too many" in told) is alike


def test_nothing_is_uploaded(client: Client, settings: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """A file in a form would be spooled to the temporary folder, by anybody and as often as they like."""
    settings.FILE_UPLOAD_MAX_MEMORY_SIZE = 10
    spooled: list[object] = []
    monkeypatch.setattr("django.core.files.uploadedfile.tempfile.NamedTemporaryFile", spooled.append)
    file = SimpleUploadedFile("large", b"x" * (900 << 10))
    answer = client.post("/account/sign-in", {"username": "a", "password": "b", "file": file})
    assert answer.status_code == 200 and not spooled


@pytest.mark.parametrize("length", ["3000000", "9" * 30, "-1", "x"])
def test_a_body_that_is_too_long_is_not_read(client: Client, length: str) -> None:
    answer = client.post("/account/sign-in", CONTENT_LENGTH=length)
    assert answer.status_code == 413


# --- Requests ---------------------------------------------------------------------------------------------------------


def test_every_line_of_the_log_has_the_request(client: Client, caplog: pytest.LogCaptureFixture) -> None:
    from htsgetsite.logs import RequestFilter

    record = logging.LogRecord("x", logging.INFO, "p", 1, "m", (), None)
    assert RequestFilter().filter(record) and record.request_id == "-"  # type: ignore[attr-defined]
    missing = client.get("/reads/nothing")
    assert re.fullmatch(r"[0-9a-f]{32}", missing.headers["X-Request-ID"])
    assert client.get("/reads/nothing").headers["X-Request-ID"] != missing.headers["X-Request-ID"]
    assert current_context().request_id == "", "what comes after a request is not of it"


def test_a_proxy_is_believed_where_it_is_trusted(client: Client, settings: Any) -> None:
    from catalogue.models import AuditEvent

    sent = {"X-Forwarded-For": "203.0.113.9, 198.51.100.7", "X-Request-ID": "from-the-proxy"}
    client.get("/reads/nothing", headers=sent)
    event = AuditEvent.objects.latest("id")
    assert event.address == "127.0.0.1" and event.request_id != "from-the-proxy"
    settings.TRUST_PROXY = True
    client.get("/reads/nothing", headers=sent)
    event = AuditEvent.objects.latest("id")
    assert (event.address, event.request_id) == ("198.51.100.7", "from-the-proxy")
    settings.PROXY_HOPS = 2
    client.get("/reads/nothing", headers=sent)
    assert AuditEvent.objects.latest("id").address == "203.0.113.9"
    settings.PROXY_HOPS = 1
    for odd in ({"X-Forwarded-For": "nonsense"}, {"X-Request-ID": "a\nb"}, {"X-Request-ID": "x" * 65}):
        client.get("/reads/nothing", headers=odd)
        event = AuditEvent.objects.latest("id")
        assert event.address in {None, "127.0.0.1"} and re.fullmatch(r"[0-9a-f]{32}", event.request_id)


@pytest.mark.parametrize("page", ["/", "/account/sign-in", "/admin/login/"])
def test_headers_of_pages(client: Client, page: str) -> None:
    headers = client.get(page).headers
    assert "default-src '" in headers["Content-Security-Policy"]
    assert "unsafe" not in headers["Content-Security-Policy"]
    assert headers["X-Content-Type-Options"] == "nosniff"
    assert headers["X-Frame-Options"] == "DENY"
    assert headers["Referrer-Policy"] == "same-origin"


@pytest.mark.parametrize(
    "page",
    [
        "/",
        "/account/sign-in",
        "/account/",
        "/admin/",
        "/admin/catalogue/grant/add/",
        "/admin/catalogue/auditevent/",
        "/admin/catalogue/apitoken/add/",
    ],
)
def test_pages_hold_nothing_that_their_policy_forbids(client: Client, page: str) -> None:
    client.force_login(make_user("root", is_staff=True, is_superuser=True))
    content = client.get(page, follow=True).content.decode()
    assert not re.search(r"<script(?![^>]*\bsrc=)(?![^>]*type=\"application/json\")", content)
    assert not re.search(r"<[^>]+\s(style|on\w+)=", content)
    assert "<style" not in content


def test_the_protocols_give_no_cookies(client: Client) -> None:
    client.force_login(make_user("ada"))
    for path in ("/reads/x", "/variants/service-info", "/sequence/x", "/data/x", "/services"):
        response = client.get(path)
        assert not response.cookies and "Cookie" not in response.headers.get("Vary", "")


@pytest.mark.parametrize("page", ["/", "/account/sign-in"])
def test_the_tags_of_pages_are_balanced(client: Client, page: str) -> None:
    class Tags(HTMLParser):
        def __init__(self) -> None:
            super().__init__()
            self.open: list[str] = []

        def handle_starttag(self, tag: str, attrs: Any) -> None:
            if tag not in {"meta", "link", "input", "br", "img"}:
                self.open.append(tag)

        def handle_endtag(self, tag: str) -> None:
            assert self.open.pop() == tag, self.getpos()

    tags = Tags()
    tags.feed(client.get(page).content.decode())
    assert not tags.open
