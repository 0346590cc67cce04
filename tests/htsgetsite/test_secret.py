"""The secret key is changed: what it had signed works as long as the former key is a fallback, and no longer."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple
from urllib.parse import urlsplit

import pytest
from django.test import Client

from catalogue import api_tokens
from tests.catalogue.made_access import make_grant, make_user
from tests.htsget_app.made_data import make_data_file, make_dataset, write_bam

pytestmark = pytest.mark.django_db

FORMER = "former-3Yk0b9xJQv7mZt2sLw8nRf5hGd1cPa6eUi4oXyB-KqTzVjNrMg"
CURRENT = "current-Hq1wErT5yUiOp8aSdF2gHjKlZx3cVbNm7QwErT6yUiOp9aSd"


class Signed(NamedTuple):
    """What somebody has of the site: a session, an API token, data URLs by kind, and the token of a page."""

    session: Client
    token: str
    urls: dict[str, str]
    page_token: str


@pytest.fixture
def signed(tmp_path: Path, settings: Any) -> Callable[[], Signed]:
    """Sign all of these with the key that is set."""
    settings.HTSGET_INLINE_BYTES = 0
    written = write_bam(
        tmp_path / "x.bam", contigs=[("1", 10_000, None)], reads=[(0, at, 40) for at in range(2_000)]
    )
    ada = make_user("ada")
    closed = make_dataset("closed", visibility="controlled")
    make_data_file(written, "open")
    make_data_file(written, "closed", dataset=closed)
    make_grant(closed, ada)
    token = api_tokens.issue(user=ada, name="x", scopes=["reads"])[1]

    def sign() -> Signed:
        session = Client()
        session.force_login(ada)
        asked = {"public": "/reads/open", "granted": "/reads/closed", "rewritten": "/reads/open?notags=ZZ"}
        urls = {name: _data_url(path, token) for name, path in asked.items()}
        page = session.post("/account/page-token", {"kind": "reads", "id": "closed"}).json()["token"]
        return Signed(session, token, urls, page)

    return sign


def _data_url(path: str, token: str) -> str:
    ticket = json.loads(Client().get(path, headers={"Authorization": f"Bearer {token}"}).content)
    url: str = next(each["url"] for each in ticket["htsget"]["urls"] if "/data/" in each["url"])
    return urlsplit(url).path


def _statuses(had: Signed) -> dict[str, int]:
    """What each thing is answered with now."""
    client = Client()

    def ticket(token: str) -> int:
        return client.get("/reads/closed", headers={"Authorization": f"Bearer {token}"}).status_code

    return {
        **{name: client.get(url).status_code for name, url in had.urls.items()},
        "session": had.session.get("/account/").status_code,
        "page token": ticket(had.page_token),
        "API token": ticket(had.token),
    }


ALL_GOOD = dict.fromkeys(("public", "granted", "rewritten", "session", "page token", "API token"), 200)


def test_a_key_is_changed_without_a_break_and_then_forgotten(
    signed: Callable[[], Signed], settings: Any
) -> None:
    settings.SECRET_KEY, settings.SECRET_KEY_FALLBACKS = FORMER, []
    before = signed()
    assert _statuses(before) == ALL_GOOD

    settings.SECRET_KEY, settings.SECRET_KEY_FALLBACKS = CURRENT, [FORMER]
    assert _statuses(before) == ALL_GOOD
    after = signed()

    settings.SECRET_KEY, settings.SECRET_KEY_FALLBACKS = FORMER, [CURRENT]
    assert _statuses(after) == ALL_GOOD, "a machine that does not sign with the new key yet"
    settings.SECRET_KEY, settings.SECRET_KEY_FALLBACKS = CURRENT, [FORMER]
    after = signed()

    settings.SECRET_KEY_FALLBACKS = []
    assert _statuses(after) == ALL_GOOD, "what is signed anew does not depend on the former key"
    # Of before, API tokens alone go on. A session that was used meanwhile was signed anew.
    assert _statuses(before) == {
        **dict.fromkeys(("public", "granted", "rewritten"), 403),
        "session": 200,
        "page token": 401,
        "API token": 200,
    }


def test_a_key_that_became_known_ends_what_it_signed(signed: Callable[[], Signed], settings: Any) -> None:
    settings.SECRET_KEY, settings.SECRET_KEY_FALLBACKS = FORMER, []
    before = signed()
    settings.SECRET_KEY = CURRENT
    for url in before.urls.values():
        refused = Client().get(url)
        assert (refused.status_code, refused.json()["htsget"]["error"]) == (403, "PermissionDenied")
    sent_away = before.session.get("/account/")
    assert sent_away.status_code == 302 and sent_away.headers["Location"].startswith("/account/sign-in")
    refused = Client().get("/reads/closed", headers={"Authorization": f"Bearer {before.page_token}"})
    assert (refused.status_code, refused.json()["htsget"]["error"]) == (401, "InvalidAuthentication")
    assert refused.headers["WWW-Authenticate"] == 'Bearer error="invalid_token"'
    assert _statuses(before)["API token"] == 200
