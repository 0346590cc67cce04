"""The list of samples, compared with counting those of every readable file."""

import random
from collections import Counter
from typing import Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from catalogue import access
from catalogue.access import ANONYMOUS, Viewer
from catalogue.models import DataFile, Dataset, FileSample
from catalogue.queries.datasets import dataset
from catalogue.queries.listings import Asked, CursorRefusedError
from catalogue.queries.samples import sample_page
from tests.catalogue.made_access import make_grant, make_granted_file, make_user, viewer_for

pytestmark = pytest.mark.django_db

NAMES = [
    "Anna",
    "anna",
    "Größe",
    "größe",
    "a_b%",
    "Z",
    "é",
    "\U0001f9ec",
    "\uffff",
    "NA12878",
    "s",
    "t",
    "x" * 2600,
]


def make_files(chance: random.Random) -> list[DataFile]:
    """Files with samples in six datasets, two of each visibility."""
    files = []
    for number in range(6):
        visibility = ("public", "registered", "controlled")[number % 3]
        dataset = Dataset.objects.create(slug=f"d{number}", visibility=visibility)
        for each in range(chance.randrange(5)):
            file = make_granted_file(dataset, f"{number}/{each}", format=chance.choice(["BAM", "VCF"]))
            file.samples = chance.choices(NAMES, k=chance.randrange(4))
            file.save()
            files.append(file)
    return files


def viewers(files: list[DataFile]) -> list[Viewer]:
    """Viewers with grants on whole datasets, on kinds and on single files, and with less than their account has."""
    ada = make_user("ada")
    (third, sixth) = Dataset.objects.filter(visibility="controlled").order_by("slug")
    make_grant(third, ada, kinds=["reads"])
    make_grant(sixth, ada, files=[file for file in files if file.dataset == sixth][:1])
    bob = make_user("bob")
    make_grant(sixth, bob)
    make_grant(sixth, bob, kinds=["variants"])
    found = [ANONYMOUS, viewer_for(make_user("eve")), viewer_for(ada), viewer_for(bob)]
    found += [viewer_for(bob, scopes=frozenset({"reads"})), viewer_for(bob, scopes=frozenset({"sequences"}))]
    return [*found, *(viewer_for(bob, file=file.pk) for file in files[-2:])]


def every(viewer: Viewer, *, limit: int, order: str = "name", **wanted: str) -> list[tuple[str, int]]:
    """All rows, page by page."""
    rows: list[tuple[str, int]] = []
    after = ""
    while True:
        page = sample_page(Asked(order, after, limit, viewer), **wanted)
        rows += [(row.name, row.files) for row in page.rows]
        if page.next is None:
            return rows
        assert len(page.rows) == limit
        after = page.next


def expected(viewer: Viewer, *, q: str = "", dataset: str = "") -> list[tuple[str, int]]:
    """The same by reading every file, in the order of bytes."""
    files = access.readable_files(viewer)
    files = files.filter(dataset__slug=dataset) if dataset else files
    counts = Counter(name for file in files for name in set(file.samples) if q.lower() in name.lower())
    return sorted(counts.items(), key=lambda pair: pair[0].encode())


@pytest.mark.parametrize("seed", range(4))
def test_pages_have_each_sample_of_readable_files_once(seed: int) -> None:
    chance = random.Random(seed)
    files = make_files(chance)
    for viewer in viewers(files):
        whole, others = access.readable_parts(viewer)
        parts = DataFile.objects.filter(dataset__in=whole)
        both = [*parts, *(others if others is not None else [])]
        assert sorted(file.pk for file in both) == sorted(
            access.readable_files(viewer).values_list("pk", flat=True)
        )
        filters: list[dict[str, str]] = [
            {},
            {"q": "a"},
            {"q": "GRÖ"},
            {"q": "%"},
            {"dataset": "d5"},
            {"dataset": "no"},
        ]
        for wanted in filters:
            rows = expected(viewer, **wanted)
            assert every(viewer, limit=chance.choice([1, 2, 100]), **wanted) == rows
            assert every(viewer, limit=2, order="-name", **wanted) == rows[::-1]
        for row in access.readable_datasets(viewer):
            counted = dataset(row.slug, viewer=viewer).samples
            assert counted == len(expected(viewer, dataset=row.slug)), (viewer, row)


def test_triggers_follow_every_change() -> None:
    one, two = (Dataset.objects.create(slug=slug) for slug in ("one", "two"))

    def held() -> set[tuple[str, str, str]]:
        rows = FileSample.objects.values_list("dataset__slug", "name", "file__htsget_id")
        return set(rows)

    first = make_granted_file(one, "first")
    assert held() == set()
    first.samples = ["a", "b", "a", "x" * 2601]
    first.save()
    assert held() == {("one", "a", "first"), ("one", "b", "first")}
    DataFile.objects.filter(pk=first.pk).update(dataset=two, htsget_id="second")
    assert held() == {("two", "a", "second"), ("two", "b", "second")}
    many = [make_granted_file(one, f"m{number}") for number in range(3)]
    for file in many:
        file.pk, file.samples, file.htsget_id = None, ["c"], f"n{file.htsget_id}"
    DataFile.objects.bulk_create(many)
    assert {row for row in held() if row[1] == "c"} == {("one", "c", f"nm{number}") for number in range(3)}
    DataFile.objects.filter(dataset=one).delete()
    DataFile.objects.filter(pk=first.pk).update(samples=["b"])
    assert held() == {("two", "b", "second")}


def test_cursors_of_other_lists_are_refused() -> None:
    for cursor in ("WyJuYW1lIiwgMV0", "WyJuYW1lIl0", "WyJuYW1lIiwgIlx1MDAwMCJd", "x", "WyItbmFtZSIsICJhIl0"):
        with pytest.raises(CursorRefusedError):
            sample_page(Asked("name", cursor, 1, ANONYMOUS))


def test_a_page_takes_few_queries() -> None:
    files = make_files(random.Random(1))
    for viewer in viewers(files):
        with CaptureQueriesContext(connection) as made:
            sample_page(Asked("name", "", 2, viewer), q="a", dataset="d5")
        most: Any = 3 if viewer.name is None else 7
        assert len(made) <= most, [query["sql"] for query in made]
