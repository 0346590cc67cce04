"""The Authorization header, and how many bad credentials an address may send."""

from typing import Any

import pytest

from catalogue import api_tokens
from catalogue.access import ANONYMOUS
from catalogue.models import AuditEvent
from catalogue.rate_limits import Rate, TooMany
from htsgetsite.authentication.bearer import viewer_of
from tests.catalogue.made_access import make_user
from tests.htsgetsite.authentication.viewers import refused, viewer

pytestmark = pytest.mark.django_db


@pytest.mark.parametrize("header", [None, "", "  "])
def test_no_credentials_are_nobody(header: str | None) -> None:
    assert viewer_of(header) is ANONYMOUS
    assert not AuditEvent.objects.exists()


@pytest.mark.parametrize(
    "header",
    [
        "Bearer",
        "Bearer ",
        "Basic YTpi",
        "Bearer a b",
        "bearer\ta",
        "Token abc",
        "Bearer é",
        "Bearer a,b",
        "abc",
    ],
)
def test_what_is_no_bearer_token(header: str) -> None:
    found = viewer_of(header)
    assert found.name is None and found.fault


def test_the_scheme_is_without_case() -> None:
    _, text = api_tokens.issue(user=make_user("ada"), name="work", scopes=["reads"])
    for scheme in ("Bearer", "bearer", "BEARER", "Bearer  "):
        assert viewer_of(f"{scheme} {text}").name == "ada"


def test_an_address_with_too_many_failures_is_told_to_wait(settings: Any) -> None:
    settings.THROTTLE_FAILURES = Rate(3, 3600)
    _, good = api_tokens.issue(user=make_user("ada"), name="work", scopes=["reads"])
    for _ in range(3):
        assert viewer("abc").fault
    with pytest.raises(TooMany) as raised:
        viewer("abc")
    assert 0 < raised.value.wait <= 3600
    # Whoever has good credentials is not kept out by others at the same address.
    assert viewer(good).name == "ada"
    assert AuditEvent.objects.filter(kind="authentication").count() == 3


@pytest.mark.parametrize("token", ["hts_abc", "hts_", "hts_" + "a" * 200, "hts_abcdefghij_short"])
def test_what_begins_as_an_api_token_is_told_as_one(token: str) -> None:
    assert refused(token) == "this is not a valid API token"
