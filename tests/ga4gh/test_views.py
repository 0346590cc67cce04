"""A test protocol with one endpoint for bearer tokens: the features of its base classes."""

import json
from typing import Any

import pytest
from django.http.response import HttpResponseBase
from django.test import RequestFactory

from catalogue import api_tokens
from catalogue.access import AuthenticationRequired
from catalogue.models import AuditEvent
from ga4gh.exchange import Answer, document
from ga4gh.protocol import Protocol
from ga4gh.views import GuardedView, NothingView
from tests.catalogue.made_access import make_user

pytestmark = pytest.mark.django_db
MADE = Protocol(name="made", paths=("/made/",))


class MadeView(GuardedView):
    protocol = MADE

    def get(self, request: Any, id: str) -> Answer:
        if self.asked.viewer.name is None:
            raise AuthenticationRequired(self.asked.viewer.fault or "this needs credentials")
        return document(self.asked, {"for": self.asked.viewer.name})

    def post(self, request: Any, id: str) -> Answer:
        return document(self.asked, {"bytes": len(self.body(max_bytes=10))})


def ask(method: str, *, body: bytes = b"", headers: dict[str, str] | None = None) -> HttpResponseBase:
    request = RequestFactory().generic(method, "/made/x", body, headers=headers)
    return MadeView.as_view()(request, id="x")


def test_a_bearer_is_let_in() -> None:
    _, token = api_tokens.issue(user=make_user("anna"), name="test", scopes=["reads"], expires=None)
    response: Any = ask("GET", headers={"Authorization": f"Bearer {token}"})
    assert (response.status_code, json.loads(response.content)) == (200, {"for": "anna"})
    assert response.headers["X-Content-Type-Options"] == "nosniff"
    assert response.headers["Cache-Control"] == "private, no-store", "a shared cache would give it to anybody"
    head: Any = ask("HEAD", headers={"Authorization": f"Bearer {token}"})
    assert (head.status_code, head.content) == (200, b"")
    assert not AuditEvent.objects.filter(kind="request").exists()


@pytest.mark.parametrize(
    ("credentials", "challenge"),
    [({}, "Bearer"), ({"Authorization": "Bearer hts_nothing"}, 'Bearer error="invalid_token"')],
)
def test_others_are_refused_and_recorded(credentials: dict[str, str], challenge: str) -> None:
    response: Any = ask("GET", headers=credentials)
    assert response.status_code == json.loads(response.content)["status"] == 401
    assert response.headers["WWW-Authenticate"] == challenge
    assert response.headers["Cache-Control"] == "no-store"
    event = AuditEvent.objects.get(kind="request")
    assert (event.target, event.outcome) == ("x", "unauthenticated")


def test_methods() -> None:
    refused: Any = ask("DELETE")
    assert (refused.status_code, refused.headers["Allow"]) == (405, "GET, POST, HEAD, OPTIONS")
    told: Any = ask("OPTIONS")
    assert (told.status_code, told.content, told.headers["Allow"]) == (204, b"", "GET, POST, HEAD, OPTIONS")
    assert "Content-Type" not in told.headers


def test_bodies_are_bounded() -> None:
    assert ask("POST", body=b"x" * 10).status_code == 200
    assert ask("POST", body=b"x" * 11).status_code == 413


@pytest.mark.parametrize("method", ["GET", "POST", "PUT"])
def test_a_path_that_names_nothing(method: str) -> None:
    response: Any = NothingView.as_view(protocol=MADE)(RequestFactory().generic(method, "/made/"))
    assert (response.status_code, json.loads(response.content)["error"]) == (404, "Not Found")
