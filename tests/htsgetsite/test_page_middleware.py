"""Requests to the protocols pass by whatever only pages need; pages keep every guard of Django's."""

import pytest
from django.contrib.messages.middleware import MessageMiddleware
from django.http import HttpRequest, HttpResponse
from django.test import Client, RequestFactory

from htsgetsite import page_middleware


def seen(path: str) -> set[str]:
    """Which attributes a request has when it comes out of the whole chain."""
    attributes: set[str] = set()

    def view(request: HttpRequest) -> HttpResponse:
        attributes.update(vars(request))
        return HttpResponse()

    handler = view
    for layer in (
        page_middleware.MessageMiddleware,
        page_middleware.AuthenticationMiddleware,
        page_middleware.CsrfViewMiddleware,
        page_middleware.CommonMiddleware,
        page_middleware.SessionMiddleware,
    ):
        handler = layer(handler)
    handler(RequestFactory().get(path, headers={"Cookie": "sessionid=abc; csrftoken=def"}))
    return attributes


@pytest.mark.parametrize(
    "path", ["/sequence/a", "/md5/a", "/reads/a", "/variants/a", "/data/a", "/healthz", "/readyz"]
)
def test_protocols_have_no_session_user_or_messages(path: str) -> None:
    assert not seen(path) & {"session", "user", "_messages"}


def test_pages_have_them() -> None:
    assert {"session", "user", "_messages"} <= seen("/admin/")


def test_each_is_djangos_own() -> None:
    assert issubclass(page_middleware.MessageMiddleware, MessageMiddleware)


@pytest.mark.django_db
def test_pages_refuse_forms_from_elsewhere_and_frames() -> None:
    client = Client(enforce_csrf_checks=True)
    assert client.post("/admin/login/", {"username": "a", "password": "b"}).status_code == 403
    assert client.get("/admin/login/").headers["X-Frame-Options"] == "DENY"
