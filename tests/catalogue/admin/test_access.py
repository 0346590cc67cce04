"""Stewards and owners in the admin: what they see and change without being administrators; tokens and grants."""

from typing import Any

import pytest
from django.contrib.auth.models import Group, User
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from catalogue import api_tokens
from catalogue.models import ApiToken, AuditEvent, Dataset, Grant, GrantRegion, SequenceCollection
from tests.catalogue.made_access import make_grant, make_user

pytestmark = pytest.mark.django_db


@pytest.fixture
def datasets() -> tuple[Dataset, Dataset]:
    return Dataset.objects.create(slug="mine"), Dataset.objects.create(slug="foreign")


def signed_in(client: Client, role: str | None, *datasets: Any) -> User:
    user = make_user(f"staff-{role}", is_staff=True)
    for dataset in datasets:
        make_grant(dataset, user, role=role)
    client.force_login(user)
    return user


def grant_form(**fields: Any) -> dict[str, Any]:
    inlines = {
        f"{prefix}-{name}": count
        for prefix in ("regions", "files")
        for name, count in (("TOTAL_FORMS", 0), ("INITIAL_FORMS", 0))
    }
    return {"role": "reader", **inlines, **fields}


def url(name: str, *args: Any) -> str:
    return reverse(f"admin:catalogue_{name}", args=args)


def said(response: Any) -> str:
    return str(response.context["errors"]) if response.status_code == 200 else ""


@pytest.mark.parametrize("role", ["steward", "owner"])
def test_they_see_what_is_theirs_alone(client: Client, datasets: tuple[Dataset, Dataset], role: str) -> None:
    mine, foreign = datasets
    signed_in(client, role, mine)
    make_grant(foreign, make_user("reader-of-foreign"))
    listed = client.get(url("dataset_changelist")).content
    assert b"mine" in listed and b"foreign" not in listed
    assert client.get(url("dataset_change", mine.pk)).status_code == 200
    assert client.get(url("dataset_change", foreign.pk)).status_code == 302
    listed = client.get(url("grant_changelist")).content
    assert b"reader-of-foreign" not in listed
    for other in ("sequence", "apitoken", "identity", "namingauthority"):
        assert client.get(url(f"{other}_changelist")).status_code == 403
    assert client.get(reverse("admin:auth_user_changelist")).status_code == 403
    assert client.get(url("dataset_add")).status_code == 403
    assert client.post(url("dataset_delete", mine.pk), {"post": "yes"}).status_code == 403


@pytest.mark.parametrize("role", [None, "reader"])
def test_staff_without_a_role_see_nothing(
    client: Client, datasets: tuple[Dataset, Dataset], role: str | None
) -> None:
    signed_in(client, role, *(datasets if role else ()))
    for page in ("dataset_changelist", "grant_changelist", "grant_add", "sequencecollection_changelist"):
        assert client.get(url(page)).status_code == 403


def test_a_role_without_staff_is_none_in_the_admin(client: Client, datasets: tuple[Dataset, Dataset]) -> None:
    user = make_user("plain")
    make_grant(datasets[0], user, role="owner")
    client.force_login(user)
    assert client.get(url("dataset_changelist")).status_code == 302


def test_a_role_that_has_ended(client: Client, datasets: tuple[Dataset, Dataset]) -> None:
    user = signed_in(client, "owner", datasets[0])
    user.grants.update(expires=timezone.now())
    assert client.get(url("dataset_changelist")).status_code == 403


@pytest.mark.parametrize(("role", "visibility"), [("steward", "controlled"), ("owner", "public")])
def test_owners_set_the_visibility(
    client: Client, datasets: tuple[Dataset, Dataset], role: str, visibility: str
) -> None:
    mine, _ = datasets
    signed_in(client, role, mine)
    data = {
        "slug": "renamed",
        "title": "A title",
        "description": "",
        "visibility": "public",
        "licence": "",
        "contact": "",
    }
    client.post(url("dataset_change", mine.pk), data)
    mine.refresh_from_db()
    assert (mine.slug, mine.title, mine.visibility) == ("mine", "A title", visibility)


@pytest.mark.parametrize(
    ("role", "fields", "made"),
    [
        ("steward", {"dataset": "mine"}, True),
        ("steward", {"dataset": "mine", "role": "steward"}, False),
        ("steward", {"dataset": "foreign"}, False),
        ("owner", {"dataset": "mine", "role": "owner"}, True),
        ("owner", {"dataset": "foreign", "role": "reader"}, False),
    ],
)
def test_granting(
    client: Client, datasets: tuple[Dataset, Dataset], role: str, fields: dict[str, str], made: bool
) -> None:
    mine, _ = datasets
    signed_in(client, role, mine)
    grantee = make_user("grantee")
    whole = fields | {"dataset": str(Dataset.objects.get(slug=fields["dataset"]).pk)}
    response = client.post(url("grant_add"), grant_form(user=grantee.username, **whole))
    assert grantee.grants.exists() is made
    assert response.status_code == (302 if made else 200)


def test_granting_regions(client: Client, datasets: tuple[Dataset, Dataset]) -> None:
    mine, _ = datasets
    signed_in(client, "steward", mine)
    grantee = make_user("grantee")
    data = grant_form(dataset=mine.pk, user=grantee.username) | {
        "regions-TOTAL_FORMS": 1, "regions-0-contig": "chr1", "regions-0-start": 10, "regions-0-end": 20,
    }  # fmt: skip
    assert client.post(url("grant_add"), data).status_code == 302
    grant = grantee.grants.get()
    assert grant.limited_to_regions and grant.regions.get().end == 20
    assert AuditEvent.objects.filter(kind="grant", dataset="mine").count() >= 2
    refused = client.post(url("grant_add"), data | {"regions-0-end": 5})
    assert refused.status_code == 200


@pytest.mark.parametrize(
    "fields",
    [
        {"group": "lab"},
        {"visa_type": "ControlledAccessGrants", "visa_value": "https://x.example.org/set"},
        {"user": "grantee", "expires_0": "2031-01-01", "expires_1": "00:00:00", "kinds": ["reads"]},
    ],
)
def test_a_steward_grants_to_a_person_a_group_or_a_visa_once(
    client: Client, datasets: tuple[Dataset, Dataset], fields: dict[str, Any]
) -> None:
    mine, _ = datasets
    signed_in(client, "steward", mine)
    make_user("grantee")
    Group.objects.create(name="lab")
    form = grant_form(dataset=mine.pk, **fields)
    assert client.post(url("grant_add"), form).status_code == 302
    again = client.post(url("grant_add"), form)
    assert again.status_code == 200 and "The same grant is there already." in again.content.decode()
    assert Grant.objects.filter(role="reader", dataset=mine).count() == 1


@pytest.mark.parametrize(
    "fields",
    [
        {},
        {"visa_type": "ControlledAccessGrants"},
        {"visa_source": "https://x.example.org"},
        {"visa_type": "ControlledAccessGrants", "visa_value": "https://x.example.org", "role": "steward"},
        {"header_only": "on", "role": "owner"},
        {"kinds": ["reads"], "role": "steward"},
    ],
)
def test_grants_that_mean_nothing_are_explained(
    client: Client, datasets: tuple[Dataset, Dataset], fields: dict[str, Any]
) -> None:
    mine, _ = datasets
    signed_in(client, "owner", mine)
    user = {"user": make_user("grantee").username} if fields.keys() & {"header_only", "kinds"} else {}
    response = client.post(url("grant_add"), grant_form(dataset=mine.pk, **user, **fields))
    assert response.status_code == 200 and said(response)
    assert Grant.objects.count() == 1


def test_taking_back(client: Client, datasets: tuple[Dataset, Dataset]) -> None:
    mine, foreign = datasets
    signed_in(client, "steward", mine)
    reader, owner = make_grant(mine, make_user("r")), make_grant(mine, make_user("o"), role="owner")
    other = make_grant(foreign, make_user("f"))
    assert client.post(url("grant_delete", owner.pk), {"post": "yes"}).status_code == 403
    assert client.post(url("grant_delete", other.pk), {"post": "yes"}).status_code in {302, 403, 404}
    chosen = {"action": "delete_selected", "_selected_action": [reader.pk, owner.pk, other.pk], "post": "yes"}
    client.post(url("grant_changelist"), chosen)
    assert Grant.objects.filter(pk__in=[owner.pk, other.pk]).count() == 2
    client.post(url("grant_delete", reader.pk), {"post": "yes"})
    assert not Grant.objects.filter(pk=reader.pk).exists()


def test_a_steward_makes_nobody_an_owner_by_changing_a_grant(
    client: Client, datasets: tuple[Dataset, Dataset]
) -> None:
    mine, foreign = datasets
    user = signed_in(client, "steward", mine)
    reader = make_grant(mine, make_user("r"))
    for change in ({"role": "owner"}, {"dataset": foreign.pk}):
        fields = {"dataset": mine.pk, "user": "r", "role": "reader", **change}
        response = client.post(url("grant_change", reader.pk), grant_form(**fields))
        assert response.status_code == 200 and "user" not in response.context["adminform"].form.errors
    own = user.grants.get()
    client.post(url("grant_change", own.pk), grant_form(dataset=mine.pk, user=user.username, role="owner"))
    reader.refresh_from_db()
    own.refresh_from_db()
    assert (reader.role, reader.dataset, own.role) == ("reader", mine, "steward")


def test_private_collections_have_owners_too(client: Client) -> None:
    closed = SequenceCollection.objects.create(name="closed", visibility="private")
    SequenceCollection.objects.create(name="foreign", visibility="private")
    signed_in(client, "owner", closed)
    listed = client.get(url("sequencecollection_changelist")).content
    assert b"closed" in listed and b"foreign" not in listed
    client.post(url("sequencecollection_change", closed.pk), {
        "visibility": "public", "description": "", "members-TOTAL_FORMS": 0, "members-INITIAL_FORMS": 0,
    })  # fmt: skip
    closed.refresh_from_db()
    assert closed.visibility == "public"


# --- Tokens -----------------------------------------------------------------------------------------------------------


def test_a_token_made_in_the_admin_is_shown_once(admin_client: Client) -> None:
    user = make_user("ada")
    data = {"user": user.pk, "name": "cluster", "scopes": ["reads"]}
    response = admin_client.post(url("apitoken_add"), data)
    row = ApiToken.objects.get()
    text = response.content.decode().partition("<code>hts_")[2].partition("<")[0]
    found = api_tokens.parts(f"hts_{text}")
    assert (
        found is not None
        and found.prefix == row.prefix
        and api_tokens.digest(found.secret) == bytes(row.digest)
    )
    assert "no-store" in response.headers["Cache-Control"]
    for page in (url("apitoken_changelist"), url("apitoken_change", row.pk), url("apitoken_add")):
        assert found.secret not in admin_client.get(page).content.decode()
    assert found.secret not in str(dict(admin_client.session)) + str(admin_client.cookies)
    assert admin_client.post(url("apitoken_delete", row.pk), {"post": "yes"}).status_code == 403

    chosen = {"action": "revoke", "_selected_action": [row.pk]}
    admin_client.post(url("apitoken_changelist"), chosen)
    row.refresh_from_db()
    assert row.revoked is not None
    assert AuditEvent.objects.filter(
        kind="token", detail__change="changed", detail__prefix=row.prefix
    ).exists()


@pytest.mark.parametrize("scopes", [[], ["reads", "everything"]])
def test_tokens_have_known_scopes(admin_client: Client, scopes: list[str]) -> None:
    data = {"user": make_user("ada").pk, "name": "n", "scopes": scopes}
    assert admin_client.post(url("apitoken_add"), data).status_code == 200
    assert not ApiToken.objects.exists()


def test_limits_of_a_grant_cannot_be_unticked(
    admin_client: Client, datasets: tuple[Dataset, Dataset]
) -> None:
    mine, _ = datasets
    grant = make_grant(mine, make_user("r"), regions=[("1", 0, 5)])
    region = GrantRegion.objects.get()
    data = grant_form(dataset=mine.pk, user=grant.user_id) | {
        "regions-TOTAL_FORMS": 1, "regions-INITIAL_FORMS": 1, "regions-0-id": region.pk, "regions-0-grant": grant.pk,
        "regions-0-contig": "1", "regions-0-start": 0, "regions-0-end": 5, "regions-0-DELETE": "on",
    }  # fmt: skip
    assert admin_client.post(url("grant_change", grant.pk), data).status_code == 302
    grant.refresh_from_db()
    assert grant.limited_to_regions and not grant.regions.exists()
