"""The page of an account: its tokens, what it may see, and the tokens of pages."""

import json
import re
from typing import Any

import pytest
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from catalogue import api_tokens
from catalogue.models import ApiToken, Dataset
from htsgetsite.authentication.bearer import viewer_of
from tests.catalogue.made_access import make_grant, make_granted_file, make_user
from tests.catalogue.made_collections import make_collection

pytestmark = pytest.mark.django_db


@pytest.fixture
def ada(client: Client) -> Any:
    user = make_user("ada")
    client.force_login(user)
    return user


def test_a_token_is_made_shown_once_and_revoked(client: Client, ada: Any) -> None:
    response = client.post("/account/", {"name": "cluster", "scopes": ["reads", "variants"], "days": "30"})
    text = re.search(r"hts_[A-Za-z0-9]{10}_[\w-]{43}", response.content.decode())
    assert text is not None
    assert viewer_of(f"Bearer {text[0]}").name == "ada"
    row = ApiToken.objects.get()
    assert row.user == ada and row.expires is not None and 29 <= (row.expires - timezone.now()).days <= 30
    again = client.get("/account/").content.decode()
    assert row.prefix in again and text[0] not in again
    assert "no-store" in response.headers["Cache-Control"]

    client.post(reverse("revoke-token", args=[row.pk]))
    assert viewer_of(f"Bearer {text[0]}").name is None
    assert "revoked" in client.get("/account/").content.decode()


def test_tokens_of_others_are_not_shown_or_revoked(client: Client, ada: Any) -> None:
    row, _ = api_tokens.issue(user=make_user("bob"), name="of bob", scopes=["reads"])
    assert "of bob" not in client.get("/account/").content.decode()
    assert client.post(reverse("revoke-token", args=[row.pk])).status_code == 404
    row.refresh_from_db()
    assert row.revoked is None


@pytest.mark.parametrize(
    "fields",
    [{"name": ""}, {"scopes": []}, {"scopes": ["all"]}, {"days": "0"}, {"days": "x"}, {"days": "40"}],
)
def test_tokens_that_cannot_be_made(client: Client, ada: Any, settings: Any, fields: dict[str, Any]) -> None:
    settings.API_TOKEN_MAX_DAYS = 30
    response = client.post("/account/", {"name": "n", "scopes": ["reads"], "days": "30", **fields})
    assert response.status_code == 400
    assert not ApiToken.objects.exists()


def test_tokens_have_to_end_where_the_settings_say_so(client: Client, ada: Any, settings: Any) -> None:
    assert client.post("/account/", {"name": "n", "scopes": ["reads"]}).status_code == 200
    settings.API_TOKEN_MAX_DAYS = 30
    assert client.post("/account/", {"name": "n", "scopes": ["reads"]}).status_code == 400


@pytest.mark.parametrize("page", ["/account/", "/account/sign-out", "/account/tokens/1/revoke"])
def test_forms_from_elsewhere_are_refused(ada: Any, page: str) -> None:
    client = Client(enforce_csrf_checks=True)
    client.force_login(ada)
    assert client.post(page, {"name": "n", "scopes": ["reads"]}).status_code == 403


def test_what_the_account_may_see_and_commands_for_it(client: Client, ada: Any) -> None:
    for slug in ("granted", "refused"):
        dataset = Dataset.objects.create(slug=slug, title=f"Data {slug}", visibility="controlled")
        make_granted_file(dataset, htsget_id=f"{slug}/one")
    make_grant(Dataset.objects.get(slug="granted"), ada)
    for name in ("ours", "theirs"):
        collection = make_collection(name, {name: name.upper().encode()}, private=True)
        if name == "ours":
            make_grant(collection, ada)
    content = client.get("/account/").content.decode()
    assert "Data granted" in content and "ours" in content
    assert "/reads/granted/one" in content and "HTS_AUTH_LOCATION=htsget-token.json samtools" in content
    assert "refused" not in content and "theirs" not in content


def token_for(client: Client, **fields: str) -> Any:
    return client.post("/account/page-token", {"kind": "reads", "id": "one", "format": "BAM", **fields})


def test_a_page_obtains_a_token_for_its_file(client: Client, ada: Any) -> None:
    dataset = Dataset.objects.create(slug="granted", visibility="controlled")
    file = make_granted_file(dataset, htsget_id="one")
    assert Client().post("/account/page-token", {"kind": "reads", "id": "one"}).status_code == 401
    assert token_for(client).status_code == 404, "of a file that is not granted, as of one that is not there"
    assert token_for(client).content == token_for(client, id="one").content
    make_grant(dataset, ada)
    answer = token_for(client)
    assert answer.status_code == 200 and "no-store" in answer.headers["Cache-Control"]
    viewer = viewer_of(f"Bearer {json.loads(answer.content)['token']}")
    assert (viewer.name, viewer.user, viewer.file) == ("ada", ada.pk, file.pk)
    assert viewer.scopes == frozenset({"reads"})
    assert client.get("/account/page-token").status_code == 405
    assert not ApiToken.objects.exists()
