"""Tokens of pages: signed, short, for one file and one kind, and of an active account."""

import pytest
from django.contrib.auth.models import User

from catalogue import page_tokens
from htsgetsite.authentication.bearer import viewer_of
from tests.catalogue.made_access import make_user

pytestmark = pytest.mark.django_db


def test_what_a_token_says() -> None:
    text, expires = page_tokens.issue(user=1, file=2, kind="reads")
    assert page_tokens.read(text) == (1, 2, "reads", expires)


def test_what_is_not_a_token() -> None:
    text, _ = page_tokens.issue(user=1, file=2, kind="reads")
    payload, time, signature = text.rsplit(".", 2)
    forged, _ = page_tokens.issue(user=1, file=3, kind="reads")
    for other in (
        "",
        "htp_",
        "htp_a.b.c",
        text[:-1],
        f"{forged.rsplit('.', 2)[0]}.{time}.{signature}",
        payload,
    ):
        assert page_tokens.read(other) is None
        assert viewer_of(f"Bearer {other or 'htp_'}").name is None


def test_it_ends(monkeypatch: pytest.MonkeyPatch) -> None:
    user = make_user("ada")
    text, expires = page_tokens.issue(user=user.pk, file=2, kind="reads")
    viewer = viewer_of(f"Bearer {text}")
    assert (viewer.name, viewer.expires, viewer.credential) == ("ada", expires, "page")
    monkeypatch.setattr("time.time", lambda: expires + 1)
    assert page_tokens.read(text) is None
    refused = viewer_of(f"Bearer {text}")
    assert refused.name is None and "load the page again" in refused.fault


def test_another_key_signs_others(settings: pytest.FixtureRequest) -> None:
    text, _ = page_tokens.issue(user=1, file=2, kind="reads")
    settings.SECRET_KEY = "another key of many characters, 0123456789 and more of them"  # type: ignore[attr-defined]
    assert page_tokens.read(text) is None


def test_a_closed_account_has_none() -> None:
    user = make_user("ada")
    text, _ = page_tokens.issue(user=user.pk, file=2, kind="reads")
    User.objects.update(is_active=False)
    assert viewer_of(f"Bearer {text}").name is None
    User.objects.all().delete()
    assert viewer_of(f"Bearer {text}").name is None
