"""The site's own tokens as credentials."""

import hashlib
import json
from datetime import timedelta

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from catalogue import api_tokens
from catalogue.models import ApiToken, AuditEvent
from tests.catalogue.made_access import make_user
from tests.htsgetsite.authentication.viewers import refused, viewer

pytestmark = pytest.mark.django_db


def test_an_api_token_stands_for_its_account() -> None:
    user = make_user("ada")
    ends = timezone.now() + timedelta(days=1)
    row, text = api_tokens.issue(user=user, name="work", scopes=["variants", "reads"], expires=ends)

    found = viewer(text)

    assert (found.name, found.user, found.token) == ("ada", user.pk, row.pk)
    assert found.scopes == frozenset({"reads", "variants"})
    assert found.expires == pytest.approx(ends.timestamp())
    assert found.credential == row.prefix


def test_only_a_digest_of_a_token_is_kept() -> None:
    row, text = api_tokens.issue(user=make_user("ada"), name="work", scopes=["reads"])
    secret = text.split("_", 2)[2]
    assert len(secret) == 43
    with connection.cursor() as cursor:
        cursor.execute("SELECT row_to_json(t)::text FROM catalogue_apitoken t")
        (stored,) = cursor.fetchone()
    assert secret not in stored and text not in stored
    assert bytes(ApiToken.objects.get().digest) == hashlib.sha256(secret.encode()).digest()
    assert all(secret not in json.dumps(event.detail) + event.target for event in AuditEvent.objects.all())
    assert row.prefix in AuditEvent.objects.get(kind="token").detail["prefix"]


def test_no_two_tokens_are_alike() -> None:
    user = make_user("ada")
    texts = {api_tokens.issue(user=user, name="work", scopes=["reads"])[1] for _ in range(20)}
    assert len(texts) == 20


def test_wrong_secrets_and_unknown_prefixes_are_told_alike() -> None:
    _, text = api_tokens.issue(user=make_user("ada"), name="work", scopes=["reads"])
    start, prefix, secret = text.split("_", 2)
    other = "A" if secret[0] != "A" else "B"
    told = {
        refused(f"{start}_{prefix}_{other}{secret[1:]}"),
        refused(f"{start}_{prefix}_{secret.swapcase()}"),
        refused(f"{start}_{prefix[::-1]}_{secret}"),
        refused(f"{start}_{prefix}_{'A' * 43}"),
    }
    assert told == {"the token is not known here"}
    for altered in (text[:-1], f"{text}A", text.upper(), text.replace("hts_", "htt_")):
        refused(altered)


def test_a_revoked_token_is_refused_at_once() -> None:
    row, text = api_tokens.issue(user=make_user("ada"), name="work", scopes=["reads"])
    assert viewer(text).name == "ada"
    row.revoked = timezone.now()
    row.save()
    assert "revoked" in refused(text)


def test_an_expired_token_is_refused() -> None:
    _, text = api_tokens.issue(user=make_user("ada"), name="work", scopes=["reads"])
    ApiToken.objects.update(
        created=timezone.now() - timedelta(days=2), expires=timezone.now() - timedelta(seconds=1)
    )
    assert "expired" in refused(text)


def test_the_token_of_a_closed_account_is_refused() -> None:
    user = make_user("ada")
    _, text = api_tokens.issue(user=user, name="work", scopes=["reads"])
    user.is_active = False
    user.save()
    assert "closed" in refused(text)


def test_the_last_use_is_written_once_a_minute() -> None:
    _, text = api_tokens.issue(user=make_user("ada"), name="work", scopes=["reads"])
    viewer(text)
    first = ApiToken.objects.get().last_used
    assert first is not None
    with CaptureQueriesContext(connection) as captured:
        viewer(text)
    assert len(captured) == 1
    assert ApiToken.objects.get().last_used == first
    ApiToken.objects.update(last_used=first - timedelta(seconds=61))
    viewer(text)
    assert (ApiToken.objects.get().last_used or first) >= first - timedelta(seconds=1)
