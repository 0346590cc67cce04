"""Permissions that grants give together, and when they end."""

import time
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from django.contrib.auth.models import Group, User
from django.utils import timezone

from catalogue import access
from catalogue.access import (
    ANONYMOUS,
    OPEN,
    GrantedRegion,
    Viewer,
    permissions,
)
from catalogue.formats.intervals import NO_END
from catalogue.models import (
    Dataset,
    Grant,
)
from tests.catalogue.made_access import (
    VISA,
    asked,
    given,
    make_grant,
    make_granted_file,
    make_user,
    viewer_for,
)

pytestmark = pytest.mark.django_db


END = NO_END


@pytest.mark.parametrize("visibility", ["public", "registered", "controlled", "surprising"])
def test_visibility(user: User, visibility: str, django_assert_num_queries: Any) -> None:
    file = make_granted_file(Dataset.objects.create(slug="d", visibility=visibility))
    with django_assert_num_queries(0):
        assert given(ANONYMOUS, file) == (OPEN if visibility == "public" else None)
    with django_assert_num_queries(0 if visibility in {"public", "registered"} else 1):
        permission = given(viewer_for(user), file)
    assert (permission is not None and permission.whole) is (visibility in {"public", "registered"})
    subject = Viewer(name="s at i", issuer="https://i.example.org", subject="s")
    assert (given(subject, file) is not None) is (visibility in {"public", "registered"})


def test_grants_to_users_groups_and_visas(dataset: Dataset, user: User) -> None:
    group = Group.objects.create(name="g")
    member, file = make_user("bob", group), make_granted_file(dataset)
    with_visa = Viewer(name="s", issuer="https://i.example.org", subject="s", visas=(VISA,))
    grants = {to: make_grant(dataset, to) for to in (user, group, VISA)}
    for viewer, grant in ((viewer_for(user), user), (viewer_for(member), group), (with_visa, VISA)):
        permission = given(viewer, file)
        assert permission is not None and permission.whole
        assert permission.lease.grants == ((grants[grant].pk, grants[grant].revision),)
    for nobody in (ANONYMOUS, viewer_for(make_user("eve")), replace(with_visa, visas=())):
        assert given(nobody, file) is None


@pytest.mark.parametrize("role", ["owner", "steward", "reader"])
def test_every_role_reads(dataset: Dataset, user: User, role: str) -> None:
    make_grant(dataset, user, role=role)
    permission = given(viewer_for(user), make_granted_file(dataset))
    assert permission is not None and permission.whole


def test_an_administrator_reads_nothing_without_a_grant(dataset: Dataset) -> None:
    root = make_user("root", is_staff=True, is_superuser=True)
    assert given(viewer_for(root), make_granted_file(dataset)) is None


def test_what_visas_have_to_match(dataset: Dataset) -> None:
    file = make_granted_file(dataset)
    grant = make_grant(dataset, VISA, visa_source=VISA.source, visa_issuer=VISA.issuer)
    others = [
        replace(VISA, type="ResearcherStatus"),
        replace(VISA, value=VISA.value.upper()),
        replace(VISA, value=f"{VISA.value}/"),
        replace(VISA, source="https://else.example.org"),
        replace(VISA, issuer="https://else.example.org"),
        replace(VISA, expires=time.time() - 1),
        # The type of one and the value of another are no visa.
        replace(VISA, value="https://dataset.example.org/2"),
    ]

    def may(*visas: access.Visa) -> bool:
        return given(Viewer(name="s", visas=visas), file) is not None

    assert may(VISA) and may(*others, VISA)
    assert not may(*others)
    Grant.objects.filter(pk=grant.pk).update(visa_source="", visa_issuer="")
    assert may(replace(VISA, source="x", issuer="y"))


def test_grants_of_another_dataset_or_past_their_time(dataset: Dataset, user: User) -> None:
    file = make_granted_file(dataset)
    make_grant(Dataset.objects.create(slug="other"), user)
    make_grant(dataset, user, expired=True)
    assert given(viewer_for(user), file) is None
    later = timezone.now() + timedelta(hours=1)
    make_grant(dataset, user, expires=later)
    permission = given(viewer_for(user), file)
    assert permission is not None and permission.until == pytest.approx(later.timestamp())


def test_limits_to_kinds_and_files(dataset: Dataset, user: User) -> None:
    reads, other, variants = (
        make_granted_file(dataset),
        make_granted_file(dataset, "b"),
        make_granted_file(dataset, "v", "VCF"),
    )
    make_grant(dataset, user, kinds=["variants"])
    assert set(permissions(viewer_for(user), [asked(file) for file in (reads, other, variants)])) == {
        variants.pk
    }
    make_grant(dataset, user, files=[other])
    assert set(permissions(viewer_for(user), [asked(file) for file in (reads, other, variants)])) == {
        other.pk, variants.pk,
    }  # fmt: skip


def test_scopes_of_a_token_limit_it(user: User) -> None:
    for visibility in ("registered", "controlled"):
        dataset = Dataset.objects.create(slug=visibility, visibility=visibility)
        make_grant(dataset, user)
        file = make_granted_file(dataset, visibility)
        assert given(viewer_for(user, scopes=frozenset({"reads"})), file) is not None
        assert given(viewer_for(user, scopes=frozenset({"variants", "sequences"})), file) is None
    public = make_granted_file(Dataset.objects.create(slug="p", visibility="public"), "p")
    assert given(viewer_for(user, scopes=frozenset({"variants"})), public) == OPEN


def test_several_grants_add_up(dataset: Dataset, user: User) -> None:
    file, viewer = make_granted_file(dataset), viewer_for(user)
    headers = make_grant(dataset, user, header_only=True)
    permission = given(viewer, file)
    assert permission is not None and not permission.whole and permission.regions == ()
    assert permission.lease.grants == ((headers.pk, headers.revision),)

    first = make_grant(dataset, user, regions=[("2", 10, 20), ("1", 5, None)])
    second = make_grant(dataset, user, regions=[("1", 0, 7)])
    permission = given(viewer, file)
    assert permission is not None and not permission.whole
    assert permission.regions == (
        GrantedRegion("1", 0, 7),
        GrantedRegion("1", 5, END),
        GrantedRegion("2", 10, 20),
    )
    assert set(permission.lease.grants) == {(first.pk, first.revision), (second.pk, second.revision)}

    whole = make_grant(dataset, user)
    permission = given(viewer, file)
    assert permission is not None and permission.whole
    assert permission.lease.grants == ((whole.pk, whole.revision),)


def test_the_end_of_a_permission_is_the_earliest(dataset: Dataset, user: User) -> None:
    soon, later = timezone.now() + timedelta(hours=1), timezone.now() + timedelta(hours=2)
    make_grant(dataset, user, regions=[("1", 0, 5)], expires=later)
    make_grant(dataset, user, regions=[("1", 0, 9)], expires=soon)
    permission = given(viewer_for(user), make_granted_file(dataset))
    assert permission is not None and permission.until == pytest.approx(soon.timestamp())
    # Of two that are enough by themselves, the one that lasts is taken.
    make_grant(dataset, user, expires=soon)
    lasting = make_grant(dataset, user)
    permission = given(viewer_for(user), make_granted_file(dataset, "b"))
    assert (
        permission is not None and permission.lease.grants == ((lasting.pk, 1),) and permission.until is None
    )
    permission = given(viewer_for(user, expires=7.0), make_granted_file(dataset, "c"))
    assert permission is not None and permission.until == 7.0


def test_a_visa_ends_the_permission_that_rests_on_it(dataset: Dataset) -> None:
    make_grant(dataset, VISA)
    ends = time.time() + 60
    permission = given(Viewer(name="s", visas=(replace(VISA, expires=ends),)), make_granted_file(dataset))
    assert permission is not None and permission.until == pytest.approx(ends)


def test_one_question_whatever_the_number(
    dataset: Dataset, user: User, django_assert_num_queries: Any
) -> None:
    files = [make_granted_file(dataset, str(number)) for number in range(5)]
    for number in range(20):
        make_grant(dataset, user, regions=[(str(number), 0, 5)])
    with django_assert_num_queries(1):
        found = permissions(viewer_for(user, visas=(VISA,)), [asked(file) for file in files])
    assert len(found) == 5 and all(len(permission.regions) == 20 for permission in found.values())
