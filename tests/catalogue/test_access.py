"""Grants: what the database refuses, what they come to, and until when."""

import time
from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from django.contrib.auth.models import Group, User
from django.db import DatabaseError, IntegrityError, connection, transaction
from django.utils import timezone

from catalogue import access
from catalogue.access import (
    ANONYMOUS,
    OPEN,
    Asked,
    AuthenticationRequired,
    CredentialsUnverified,
    GrantedRegion,
    Hidden,
    Lease,
    Permission,
    PermissionRefused,
    Viewer,
    permissions,
    stands,
)
from catalogue.formats.intervals import NO_END
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
from tests.catalogue.made_access import VISA, make_grant, make_user, viewer_for

pytestmark = pytest.mark.django_db

END = NO_END


@pytest.fixture
def dataset() -> Dataset:
    return Dataset.objects.create(slug="closed")


@pytest.fixture
def user() -> User:
    return make_user("ada")


def make_file(dataset: Dataset, htsget_id: str = "a", format: str = "BAM") -> DataFile:
    kind = "reads" if format in {"BAM", "CRAM"} else "variants"
    return DataFile.objects.create(
        dataset=dataset, kind=kind, htsget_id=htsget_id, format=format, storage="files", key=htsget_id, size=1,
        etag="e", header=b"h", header_end=1, has_eof=True,
    )  # fmt: skip


def asked(file: DataFile) -> Asked:
    return Asked(file=file.pk, kind=file.kind, dataset=file.dataset_id, visibility=file.dataset.visibility)


def given(viewer: Viewer, file: DataFile) -> Permission | None:
    return permissions(viewer, [asked(file)]).get(file.pk)


# --- What the database refuses ------------------------------------------------------------------------------------

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
    file = make_file(dataset)
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
        lambda: GrantFile.objects.create(grant=grant, file=make_file(dataset)),
        lambda: DataFile.objects.all().delete(),
    ]
    for change in changes:
        before = Grant.objects.get().revision
        change()
        assert Grant.objects.get().revision > before


# --- What grants come to ------------------------------------------------------------------------------------------


@pytest.mark.parametrize("visibility", ["public", "registered", "controlled", "surprising"])
def test_visibility(user: User, visibility: str, django_assert_num_queries: Any) -> None:
    file = make_file(Dataset.objects.create(slug="d", visibility=visibility))
    with django_assert_num_queries(0):
        assert given(ANONYMOUS, file) == (OPEN if visibility == "public" else None)
    with django_assert_num_queries(0 if visibility in {"public", "registered"} else 1):
        permission = given(viewer_for(user), file)
    assert (permission is not None and permission.whole) is (visibility in {"public", "registered"})
    subject = Viewer(name="s at i", issuer="https://i.example.org", subject="s")
    assert (given(subject, file) is not None) is (visibility in {"public", "registered"})


def test_grants_to_users_groups_and_visas(dataset: Dataset, user: User) -> None:
    group = Group.objects.create(name="g")
    member, file = make_user("bob", group), make_file(dataset)
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
    permission = given(viewer_for(user), make_file(dataset))
    assert permission is not None and permission.whole


def test_an_administrator_reads_nothing_without_a_grant(dataset: Dataset) -> None:
    root = make_user("root", is_staff=True, is_superuser=True)
    assert given(viewer_for(root), make_file(dataset)) is None


def test_what_visas_have_to_match(dataset: Dataset) -> None:
    file = make_file(dataset)
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
    file = make_file(dataset)
    make_grant(Dataset.objects.create(slug="other"), user)
    make_grant(dataset, user, expired=True)
    assert given(viewer_for(user), file) is None
    later = timezone.now() + timedelta(hours=1)
    make_grant(dataset, user, expires=later)
    permission = given(viewer_for(user), file)
    assert permission is not None and permission.until == pytest.approx(later.timestamp())


def test_limits_to_kinds_and_files(dataset: Dataset, user: User) -> None:
    reads, other, variants = make_file(dataset), make_file(dataset, "b"), make_file(dataset, "v", "VCF")
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
        file = make_file(dataset, visibility)
        assert given(viewer_for(user, scopes=frozenset({"reads"})), file) is not None
        assert given(viewer_for(user, scopes=frozenset({"variants", "sequences"})), file) is None
    public = make_file(Dataset.objects.create(slug="p", visibility="public"), "p")
    assert given(viewer_for(user, scopes=frozenset({"variants"})), public) == OPEN


def test_several_grants_add_up(dataset: Dataset, user: User) -> None:
    file, viewer = make_file(dataset), viewer_for(user)
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
    permission = given(viewer_for(user), make_file(dataset))
    assert permission is not None and permission.until == pytest.approx(soon.timestamp())
    # Of two that are enough by themselves, the one that lasts is taken.
    make_grant(dataset, user, expires=soon)
    lasting = make_grant(dataset, user)
    permission = given(viewer_for(user), make_file(dataset, "b"))
    assert (
        permission is not None and permission.lease.grants == ((lasting.pk, 1),) and permission.until is None
    )
    permission = given(viewer_for(user, expires=7.0), make_file(dataset, "c"))
    assert permission is not None and permission.until == 7.0


def test_a_visa_ends_the_permission_that_rests_on_it(dataset: Dataset) -> None:
    make_grant(dataset, VISA)
    ends = time.time() + 60
    permission = given(Viewer(name="s", visas=(replace(VISA, expires=ends),)), make_file(dataset))
    assert permission is not None and permission.until == pytest.approx(ends)


def test_one_question_whatever_the_number(
    dataset: Dataset, user: User, django_assert_num_queries: Any
) -> None:
    files = [make_file(dataset, str(number)) for number in range(5)]
    for number in range(20):
        make_grant(dataset, user, regions=[(str(number), 0, 5)])
    with django_assert_num_queries(1):
        found = permissions(viewer_for(user, visas=(VISA,)), [asked(file) for file in files])
    assert len(found) == 5 and all(len(permission.regions) == 20 for permission in found.values())


# --- Refusals -----------------------------------------------------------------------------------------------------


def test_what_a_refusal_says(settings: Any) -> None:
    anonymous = access.refusal(ANONYMOUS, unknown="u")
    bad = access.refusal(Viewer(fault="the token has expired"), unknown="u")
    unsure = access.refusal(Viewer(fault="cannot be checked", unverified=True), unknown="u")
    known = access.refusal(Viewer(name="ada"), unknown="u")
    assert [type(error) for error in (anonymous, bad, unsure, known)] == [
        AuthenticationRequired, AuthenticationRequired, CredentialsUnverified, PermissionRefused,
    ]  # fmt: skip
    assert str(bad) == "the token has expired"
    settings.HIDE_CONTROLLED = True
    for viewer in (ANONYMOUS, Viewer(fault="f"), Viewer(name="ada")):
        hidden = access.refusal(viewer, unknown="u")
        assert isinstance(hidden, Hidden) and str(hidden) == "u"


def test_unknown_and_hidden_cost_the_same(
    dataset: Dataset, user: User, settings: Any, django_assert_num_queries: Any
) -> None:
    settings.HIDE_CONTROLLED = True
    file = make_file(dataset)
    for files in ([], [asked(file)]):
        with django_assert_num_queries(1):
            assert permissions(viewer_for(user), files) == {}
        with django_assert_num_queries(0):
            assert permissions(ANONYMOUS, files) == {}


# --- Leases -------------------------------------------------------------------------------------------------------


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
    file = make_file(dataset)
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
    file = make_file(dataset)

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
    file = make_file(dataset)
    make_grant(dataset, user, regions=[("1", 0, 5)])
    second = make_grant(dataset, user, regions=[("1", 9, 15)])
    lease = lease_of(viewer_for(user), file)
    assert len(lease.grants) == 2 and standing(lease, file)
    second.delete()
    assert not standing(lease, file)


def test_a_lease_to_holders_of_a_visa_needs_no_account(dataset: Dataset) -> None:
    grant = make_grant(dataset, VISA)
    file = make_file(dataset)
    lease = lease_of(Viewer(name="s", issuer="i", subject="s", visas=(VISA,)), file)
    assert standing(lease, file)
    grant.delete()
    assert not standing(lease, file)


def test_leases_when_the_visibility_changes(dataset: Dataset, user: User) -> None:
    file = make_file(dataset)
    grant = make_grant(dataset, user)
    granted = lease_of(viewer_for(user), file)
    dataset.visibility = "registered"
    dataset.save()
    Grant.objects.filter(pk=grant.pk).delete()
    file.refresh_from_db()
    registered = lease_of(viewer_for(make_user("eve")), make_file(Dataset.objects.get(), "r"))
    assert registered.grants == () and standing(registered, file)
    assert not standing(granted, file), "the grant that it names is gone, whatever else would do now"
    assert not standing(Lease(), file)
    Dataset.objects.update(visibility="public")
    assert standing(granted, file) and standing(registered, file) and standing(Lease(), file)
    Dataset.objects.update(visibility="controlled")
    assert not standing(registered, file) and not standing(Lease(), file)


def test_a_lease_is_of_its_dataset(dataset: Dataset, user: User) -> None:
    file = make_file(dataset)
    make_grant(dataset, user)
    lease = lease_of(viewer_for(user), file)
    DataFile.objects.update(dataset=Dataset.objects.create(slug="moved"))
    assert not standing(lease, file)


def test_how_long_a_lease_is_believed(
    dataset: Dataset, user: User, settings: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings.DATA_RECHECK_SECONDS = 30
    file, now = make_file(dataset), time.monotonic()
    monkeypatch.setattr("catalogue.access.leases.time.monotonic", lambda: now)
    grant = make_grant(dataset, user)
    lease = lease_of(viewer_for(user), file)
    assert standing(lease, file)
    grant.delete()
    now += 29
    assert standing(lease, file)
    now += 2
    assert not standing(lease, file)


def test_what_stands_for_somebody() -> None:
    ada = Viewer(name="ada", user=1)
    subject = Viewer(name="s at i", issuer="i", subject="s")
    assert ada.holder == replace(ada, name="renamed", token=5, issuer="i", subject="s").holder
    holders = {
        viewer.holder
        for viewer in (ada, replace(ada, user=2), subject, replace(subject, issuer="j"), ANONYMOUS)
    }
    assert len(holders) == 5
    assert ANONYMOUS.holder == bytes(8)


# --- Collections --------------------------------------------------------------------------------------------------


def test_readable_collections(user: User) -> None:
    open_one = SequenceCollection.objects.create(name="open")
    closed = SequenceCollection.objects.create(name="closed", visibility="private")
    SequenceCollection.objects.create(name="else", visibility="private")
    make_grant(closed, user)

    def names(viewer: Viewer) -> set[str]:
        return {row.name for row in access.readable_collections(viewer)}

    assert names(ANONYMOUS) == names(viewer_for(make_user("eve"))) == {open_one.name}
    assert (
        names(viewer_for(user))
        == names(viewer_for(user, scopes=frozenset({"sequences"})))
        == {"open", "closed"}
    )
    assert names(viewer_for(user, scopes=frozenset({"reads"}))) == {"open"}
    Grant.objects.update(expires=timezone.now() - timedelta(seconds=1))
    assert names(viewer_for(user)) == {"open"}
    make_grant(closed, VISA)
    assert names(Viewer(name="s", visas=(VISA,))) == {"open", "closed"}
    assert names(Viewer(name="s", visas=(replace(VISA, value="x"),))) == {"open"}


def test_visibility_of_collections_is_known() -> None:
    with pytest.raises(IntegrityError, match="collection_visibility_is_known"):
        SequenceCollection.objects.create(name="c", visibility="secret")


# --- The triggers are there ---------------------------------------------------------------------------------------


def test_raw_sql_cannot_get_around_the_limits_either(dataset: Dataset, user: User) -> None:
    grant = make_grant(dataset, user, regions=[("1", 0, 5)])
    with connection.cursor() as cursor, pytest.raises(DatabaseError), transaction.atomic():
        cursor.execute("UPDATE catalogue_grant SET limited_to_regions = false WHERE id = %s", [grant.pk])
