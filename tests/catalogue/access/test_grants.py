"""Constraints of grants, tokens and identities."""

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from django.contrib.auth.models import Group, User
from django.db import DatabaseError, IntegrityError, connection, transaction
from django.utils import timezone

from catalogue.models import (
    ApiToken,
    DataFile,
    Dataset,
    Grant,
    GrantFile,
    GrantRegion,
    Identity,
    SequenceCollection,
)
from tests.catalogue.made_access import given, make_grant, make_granted_file, make_user, viewer_for

pytestmark = pytest.mark.django_db


VISA_FIELDS = {"visa_type": "ControlledAccessGrants", "visa_value": "https://x.example.org"}


@pytest.mark.parametrize(
    ("fields", "constraint"),
    [
        ({"user": True, "group": True}, "grant_is_to_one_grantee"),
        ({}, "grant_is_to_one_grantee"),
        ({"user": True, **VISA_FIELDS}, "grant_is_to_one_grantee"),
        ({"group": True, "visa_source": "https://x.example.org"}, "grant_is_to_one_grantee"),
        ({"visa_type": "ControlledAccessGrants"}, "grant_is_to_one_grantee"),
        ({"visa_value": "https://x.example.org"}, "grant_is_to_one_grantee"),
        ({"user": True, "dataset": None}, "grant_is_of_one_thing"),
        ({"user": True, "collection": True}, "grant_is_of_one_thing"),
        ({"user": True, "kinds": ["reads", "else"]}, "grant_kinds_are_known"),
        ({"user": True, "role": "owner", "header_only": True}, "grant_limits_are_for_readers_of_files"),
        ({"user": True, "role": "steward", "kinds": ["reads"]}, "grant_limits_are_for_readers_of_files"),
        ({"user": True, "role": "steward", "limited_to_regions": True}, "grant_limits_are_for_readers_of_files"),
        (
            {"user": True, "dataset": None, "collection": True, "limited_to_files": True},
            "grant_limits_are_for_readers_of_files",
        ),
        ({"user": True, "header_only": True, "limited_to_regions": True}, "grant_of_headers_has_no_regions"),
        ({"role": "steward", **VISA_FIELDS}, "grant_to_a_visa_is_for_reading"),
    ],
)  # fmt: skip
def test_grants_that_mean_nothing(
    dataset: Dataset, user: User, fields: dict[str, Any], constraint: str
) -> None:
    rows = {
        "user": user,
        "group": Group.objects.create(name="g"),
        "collection": SequenceCollection.objects.create(name="c"),
    }
    whole = {
        "dataset": dataset,
        **{name: rows[name] if value is True and name in rows else value for name, value in fields.items()},
    }
    with pytest.raises(IntegrityError, match=constraint):
        Grant.objects.create(**whole)


@pytest.mark.parametrize(
    ("contig", "start", "end"),
    [("", 0, 1), ("*", 0, 1), ("1", 5, 5), ("1", 5, 4), ("1", -1, 4)],
)
def test_regions_that_mean_nothing(
    dataset: Dataset, user: User, contig: str, start: int, end: int | None
) -> None:
    grant = make_grant(dataset, user)
    with pytest.raises(IntegrityError, match="region_"):
        GrantRegion.objects.create(grant=grant, contig=contig, start=start, end=end)


@pytest.mark.parametrize(
    ("fields", "constraint"),
    [
        ({"digest": b"short"}, "token_digest_is_32_bytes"),
        ({"scopes": []}, "token_has_known_scopes"),
        ({"scopes": ["reads", "admin"]}, "token_has_known_scopes"),
        ({"name": ""}, "token_is_named"),
        ({"expires": timezone.now() - timedelta(days=1)}, "token_expires_after_it_was_made"),
    ],
)
def test_tokens_that_mean_nothing(user: User, fields: dict[str, Any], constraint: str) -> None:
    whole = {"user": user, "name": "n", "prefix": "p", "digest": bytes(32), **fields}
    with pytest.raises(IntegrityError, match=constraint):
        ApiToken.objects.create(**whole)


def test_one_subject_is_one_account(user: User) -> None:
    Identity.objects.create(user=user, issuer="https://i.example.org", subject="s")
    with pytest.raises(IntegrityError, match="identity_unique"):
        Identity.objects.create(user=make_user("bob"), issuer="https://i.example.org", subject="s")


def test_a_limit_stays_when_what_it_names_is_gone(dataset: Dataset, user: User) -> None:
    """The last region or file that is removed leaves a grant of nothing, not of everything."""
    file = make_granted_file(dataset)
    of_regions, of_files = (
        make_grant(dataset, user, regions=[("1", 0, 5)]),
        make_grant(dataset, user, files=[file]),
    )
    assert of_regions.limited_to_regions and of_files.limited_to_files
    GrantRegion.objects.all().delete()
    GrantFile.objects.all().delete()
    permission = given(viewer_for(user), file)
    assert permission is not None and not permission.whole and permission.regions == ()
    of_regions.delete()
    assert given(viewer_for(user), file) is None


def test_a_region_makes_a_grant_limited_and_nothing_undoes_that(dataset: Dataset, user: User) -> None:
    grant = make_grant(dataset, user)
    GrantRegion.objects.create(grant=grant, contig="1", start=0, end=5)
    grant.refresh_from_db()
    assert grant.limited_to_regions
    grant.limited_to_regions = False
    with pytest.raises(IntegrityError, match="limited to them"), transaction.atomic():
        grant.save()
    grant.regions.all().delete()
    grant.save()


def test_every_change_of_a_grant_counts(dataset: Dataset, user: User) -> None:
    grant = make_grant(dataset, user)
    region = GrantRegion.objects.create(grant=grant, contig="1", start=0, end=5)
    changes: list[Callable[[], Any]] = [
        lambda: Grant.objects.filter(pk=grant.pk).update(note="x"),
        lambda: GrantRegion.objects.filter(pk=region.pk).update(end=6),
        lambda: region.delete(),
        lambda: GrantFile.objects.create(grant=grant, file=make_granted_file(dataset)),
        lambda: DataFile.objects.all().delete(),
    ]
    for change in changes:
        before = Grant.objects.get().revision
        change()
        assert Grant.objects.get().revision > before


def test_visibility_of_collections_is_known() -> None:
    with pytest.raises(IntegrityError, match="collection_visibility_is_known"):
        SequenceCollection.objects.create(name="c", visibility="secret")


def test_raw_sql_cannot_get_around_the_limits_either(dataset: Dataset, user: User) -> None:
    grant = make_grant(dataset, user, regions=[("1", 0, 5)])
    with connection.cursor() as cursor, pytest.raises(DatabaseError), transaction.atomic():
        cursor.execute("UPDATE catalogue_grant SET limited_to_regions = false WHERE id = %s", [grant.pk])
