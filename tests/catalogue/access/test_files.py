"""The datasets and files of lists are those of `permissions`, for every kind of viewer and grant."""

import itertools
from typing import Any

import pytest
from django.contrib.auth.models import Group, User

from catalogue.access import ANONYMOUS, Viewer, permissions, readable_datasets, readable_files
from catalogue.models import DataFile, Dataset
from tests.catalogue.made_access import VISA, asked, make_grant, make_granted_file, make_user, viewer_for

pytestmark = pytest.mark.django_db

GRANTS: dict[str, dict[str, Any]] = {
    "whole": {},
    "variants": {"kinds": ["variants"]},
    "both kinds": {"kinds": ["reads", "variants"]},
    "header": {"header_only": True},
    "no files": {"files": []},
    "a region": {"regions": [("one", 0, 10)]},
    "no regions": {"regions": []},
    "expired": {"expired": True},
    "steward": {"role": "steward"},
}


@pytest.fixture
def files() -> list[DataFile]:
    made = []
    for visibility in ("public", "registered", "controlled"):
        for number in range(2):
            dataset = Dataset.objects.create(slug=f"{visibility}{number}", visibility=visibility)
            made += [
                make_granted_file(dataset, htsget_id=f"{dataset.slug}/{format}", format=format)
                for format in ("BAM", "VCF")
            ]
    return made


def viewers(user: User) -> dict[str, Viewer]:
    return {
        "nobody": ANONYMOUS,
        "account": viewer_for(user),
        "reads": viewer_for(user, scopes=frozenset({"reads"})),
        "sequences": viewer_for(user, scopes=frozenset({"sequences"})),
        "visa": Viewer(name="visa", issuer="i", subject="s", visas=(VISA,)),
    }


@pytest.mark.parametrize(
    ("name", "to"),
    # Holders of a visa are readers.
    [pair for pair in itertools.product(GRANTS, ("user", "group", "visa")) if pair != ("steward", "visa")],
)
def test_lists_have_what_permissions_give(files: list[DataFile], name: str, to: str) -> None:
    user = make_user("ada")
    group = Group.objects.create(name="g")
    user.groups.add(group)
    dataset = Dataset.objects.get(slug="controlled0")
    grantee: Any = {"user": user, "group": group, "visa": VISA}[to]
    make_grant(dataset, grantee, **GRANTS[name])
    check(files, user)
    one_file = [file for file in files if file.dataset_id == dataset.pk][:1]
    make_grant(dataset, grantee, files=one_file)
    check(files, user)


def check(files: list[DataFile], user: User) -> None:
    for who, viewer in viewers(user).items():
        given = set(permissions(viewer, [asked(file) for file in files]))
        assert {file.pk for file in readable_files(viewer)} == given, who
        datasets = {file.dataset_id for file in files if file.pk in given}
        known = set(readable_datasets(viewer).values_list("pk", flat=True))
        assert datasets <= known, who
        if viewer.name is None:
            assert known == set(Dataset.objects.filter(visibility="public").values_list("pk", flat=True))


def test_a_page_token_opens_one_file(files: list[DataFile]) -> None:
    user = make_user("ada")
    for dataset in Dataset.objects.filter(visibility="controlled"):
        make_grant(dataset, user)
    for file, kind in itertools.product(files, ("reads", "variants")):
        viewer = viewer_for(user, scopes=frozenset({kind}), file=file.pk)
        given = set(permissions(viewer, [asked(each) for each in files]))
        public = {each.pk for each in files if each.dataset.visibility == "public"}
        assert given == public | ({file.pk} if file.kind == kind else set())
        assert {each.pk for each in readable_files(viewer)} == given


def test_closed_datasets_have_no_name_for_others(files: list[DataFile]) -> None:
    stranger = viewer_for(make_user("eve"))
    assert {dataset.visibility for dataset in readable_datasets(stranger)} == {"public", "registered"}
