"""A site with a controlled dataset, everybody who may ask for it, and what no refusal may tell."""

import json
from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import timedelta
from typing import Any

from django.contrib.auth.models import Group, User
from django.test import Client
from django.utils import timezone

from catalogue import api_tokens
from catalogue.models import (
    ApiToken,
    AuditEvent,
    Dataset,
)
from tests.catalogue.made_access import VISA, make_grant, make_user
from tests.made_issuer import MadeIssuer

VISA_VALUE = "https://dataset.example.org/secret"
RESIDUES = b"GATTACASECRET" * 40
#: What no refusal may hold.
SECRETS = (
    b"ctgSecret",
    b"SECRET",
    b"GATTACA",
    b"sampleSecret",
    b"anna",
    b"5432",
    b"files/",
    b"secretdataset",
)
ROLES = (
    "anonymous", "garbage", "expired token", "revoked token", "closed account", "wrong scope", "other user",
    "administrator", "expired grant", "other dataset", "variants only", "headers only", "region-limited",
    "granted user", "group member", "visa holder", "untrusted visa", "steward", "owner",
)  # fmt: skip


#: For what does not depend on why somebody may have something or not.
FEW_ROLES = ("anonymous", "other user", "granted user")
#: One role for each reason to have something, or not: for a second pass over a matrix under another setting.
EACH_REASON = (
    *FEW_ROLES,
    "expired token",
    "wrong scope",
    "variants only",
    "headers only",
    "region-limited",
    "owner",
)
#: What is said to whoever shows no credentials that are good, and to whoever is not permitted anything.
NOBODY = ("anonymous", "garbage", "expired token", "revoked token", "closed account")
NOT_GRANTED = (
    "wrong scope",
    "other user",
    "administrator",
    "expired grant",
    "other dataset",
    "untrusted visa",
)
FULL = ("granted user", "group member", "visa holder", "steward", "owner")


def placed(contig: str, start: int, end: int) -> dict[str, Any]:
    return {"referenceName": contig, "start": start, "end": end}


INSIDE, OUTSIDE = placed("ctgSecretA", 1200, 1500), placed("ctgSecretB", 1200, 1500)
MD5 = "0123456789abcdef0123456789abcdef"


@dataclass
class World:
    """The site as the tests find it: two files of reads and one of variants, and everybody's credentials."""

    dataset: Dataset
    credentials: dict[str, str | None]
    issuer: MadeIssuer

    def headers(self, role: str) -> dict[str, str]:
        token = self.credentials[role]
        return {} if token is None else {"Authorization": f"Bearer {token}"}


def everybody(
    dataset: Dataset, other: Dataset, issuer: MadeIssuer, stranger: MadeIssuer
) -> Iterator[tuple[str, str | None]]:
    """Each role with its token."""

    def account(
        name: str, *groups: Group, scopes: tuple[str, ...] = ("reads", "variants", "sequences"), **grant: Any
    ) -> str:
        what = grant.pop("what", dataset)
        user = make_user(name, *groups)
        if grant.pop("granted", True):
            make_grant(what, user, **grant)
        return api_tokens.issue(user=user, name="n", scopes=scopes)[1]

    yield "anonymous", None
    yield "garbage", "abc"
    yield "expired token", account("expired")
    ApiToken.objects.filter(user__username="expired").update(
        created=timezone.now() - timedelta(days=2), expires=timezone.now() - timedelta(days=1)
    )
    yield "revoked token", account("revoked")
    ApiToken.objects.filter(user__username="revoked").update(revoked=timezone.now())
    yield "closed account", account("closed")
    User.objects.filter(username="closed").update(is_active=False)
    yield "wrong scope", account("scope", scopes=("sequences",))
    yield "other user", account("other", granted=False)
    root = make_user("root", is_staff=True, is_superuser=True)
    yield "administrator", api_tokens.issue(user=root, name="n", scopes=["reads", "variants"])[1]
    yield "expired grant", account("late", expired=True)
    yield "other dataset", account("elsewhere", what=other)
    yield "variants only", account("variants", kinds=["variants"])
    yield "headers only", account("headers", header_only=True)
    yield "region-limited", account("regions", regions=[("ctgSecretA", 1000, 2000)])
    yield "granted user", account("granted")
    group = Group.objects.create(name="readers")
    make_grant(dataset, group)
    yield "group member", account("member", group, granted=False)
    make_grant(dataset, replace(VISA, value=VISA_VALUE))
    yield "visa holder", issuer.token(sub="v", ga4gh_passport_v1=[issuer.visa(VISA_VALUE)])
    yield "untrusted visa", issuer.token(sub="w", ga4gh_passport_v1=[stranger.visa(VISA_VALUE)])
    yield "steward", account("steward", role="steward")
    yield "owner", account("owner", role="owner")


def plain(response: Any) -> tuple[int, bytes, dict[str, str]]:
    """What a client sees, without the id that each failed request has of its own."""
    headers = {name: value for name, value in response.headers.items() if name != "X-Request-ID"}
    return response.status_code, response.content, headers


def assert_silent(response: Any) -> None:
    """A refusal tells nothing of what it refuses."""
    _, content, headers = plain(response)
    said = content + repr(headers).encode()
    for secret in SECRETS:
        assert secret not in said, (secret, said)
    assert set(json.loads(response.content)["htsget"]) == {"error", "message"}
    assert response.headers["Cache-Control"] == "no-store"


def last_event() -> AuditEvent:
    return AuditEvent.objects.order_by("-id")[0]


OUTCOMES = {200: "done", 400: "invalid", 401: "unauthenticated", 403: "refused", 404: "not found"}


def urls_of(client: Client, path: str, headers: dict[str, str]) -> list[str]:
    response = client.get(path, headers=headers)
    assert response.status_code == 200, response.content
    return [url["url"] for url in json.loads(response.content)["htsget"]["urls"]]
