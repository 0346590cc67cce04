"""Leases of data URLs, and when they end."""

import time
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from django.contrib.auth.models import Group, User
from django.utils import timezone

from catalogue.access import (
    Lease,
    Viewer,
    stands,
)
from catalogue.models import (
    ApiToken,
    DataFile,
    Dataset,
    Grant,
    GrantRegion,
)
from tests.catalogue.made_access import (
    VISA,
    given,
    make_grant,
    make_granted_file,
    make_user,
    viewer_for,
)

pytestmark = pytest.mark.django_db


def lease_of(viewer: Viewer, file: DataFile) -> Lease:
    permission = given(viewer, file)
    assert permission is not None
    return permission.lease


def standing(lease: Lease, file: DataFile) -> bool:
    file.refresh_from_db()
    return stands(
        lease,
        kind=file.kind,
        dataset=file.dataset_id,
        visibility=Dataset.objects.get(pk=file.dataset_id).visibility,
    )


def test_a_lease_ends_with_its_grant(dataset: Dataset, user: User) -> None:
    file = make_granted_file(dataset)
    ends: list[Callable[[Grant], Any]] = [
        lambda grant: grant.delete(),
        lambda grant: Grant.objects.filter(pk=grant.pk).update(expires=timezone.now() - timedelta(seconds=1)),
        lambda grant: Grant.objects.filter(pk=grant.pk).update(header_only=True),
        lambda grant: GrantRegion.objects.create(grant=grant, contig="1", start=0, end=1),
        lambda grant: Grant.objects.filter(pk=grant.pk).update(user=make_user("new")),
    ]
    for end in ends:
        grant = make_grant(dataset, user)
        lease = lease_of(viewer_for(user), file)
        assert standing(lease, file)
        end(grant)
        assert not standing(lease, file)
        Grant.objects.all().delete()


def test_a_lease_ends_with_the_account_the_token_and_the_membership(dataset: Dataset) -> None:
    group = Group.objects.create(name="g")
    make_grant(dataset, group)
    file = make_granted_file(dataset)

    def member(name: str) -> tuple[User, ApiToken, Lease]:
        user = make_user(name, group)
        token = ApiToken.objects.create(user=user, name="n", prefix=name, digest=bytes(32))
        lease = lease_of(viewer_for(user, token=token.pk), file)
        assert standing(lease, file)
        return user, token, lease

    user, _, lease = member("left")
    user.groups.clear()
    assert not standing(lease, file)
    user, _, lease = member("closed")
    User.objects.filter(pk=user.pk).update(is_active=False)
    assert not standing(lease, file)
    _, token, lease = member("revoked")
    ApiToken.objects.filter(pk=token.pk).update(revoked=timezone.now())
    assert not standing(lease, file)
    _, token, lease = member("removed")
    token.delete()
    assert not standing(lease, file)
    user, _, lease = member("gone")
    user.delete()
    assert not standing(lease, file)


def test_a_lease_on_several_grants_ends_with_any(dataset: Dataset, user: User) -> None:
    file = make_granted_file(dataset)
    make_grant(dataset, user, regions=[("1", 0, 5)])
    second = make_grant(dataset, user, regions=[("1", 9, 15)])
    lease = lease_of(viewer_for(user), file)
    assert len(lease.grants) == 2 and standing(lease, file)
    second.delete()
    assert not standing(lease, file)


def test_a_lease_to_holders_of_a_visa_needs_no_account(dataset: Dataset) -> None:
    grant = make_grant(dataset, VISA)
    file = make_granted_file(dataset)
    lease = lease_of(Viewer(name="s", issuer="i", subject="s", visas=(VISA,)), file)
    assert standing(lease, file)
    grant.delete()
    assert not standing(lease, file)


def test_leases_when_the_visibility_changes(dataset: Dataset, user: User) -> None:
    file = make_granted_file(dataset)
    grant = make_grant(dataset, user)
    granted = lease_of(viewer_for(user), file)
    dataset.visibility = "registered"
    dataset.save()
    Grant.objects.filter(pk=grant.pk).delete()
    file.refresh_from_db()
    registered = lease_of(viewer_for(make_user("eve")), make_granted_file(Dataset.objects.get(), "r"))
    assert registered.grants == () and standing(registered, file)
    assert not standing(granted, file), "the grant that it names is gone, whatever else would do now"
    assert not standing(Lease(), file)
    Dataset.objects.update(visibility="public")
    assert standing(granted, file) and standing(registered, file) and standing(Lease(), file)
    Dataset.objects.update(visibility="controlled")
    assert not standing(registered, file) and not standing(Lease(), file)


def test_a_lease_is_of_its_dataset(dataset: Dataset, user: User) -> None:
    file = make_granted_file(dataset)
    make_grant(dataset, user)
    lease = lease_of(viewer_for(user), file)
    DataFile.objects.update(dataset=Dataset.objects.create(slug="moved"))
    assert not standing(lease, file)


def test_how_long_a_lease_is_believed(
    dataset: Dataset, user: User, settings: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings.DATA_RECHECK_SECONDS = 30
    file, now = make_granted_file(dataset), time.monotonic()
    monkeypatch.setattr("catalogue.access.leases.time.monotonic", lambda: now)
    grant = make_grant(dataset, user)
    lease = lease_of(viewer_for(user), file)
    assert standing(lease, file)
    grant.delete()
    now += 29
    assert standing(lease, file)
    now += 2
    assert not standing(lease, file)
