"""Lists and searches of registered files."""

from collections.abc import Iterator
from itertools import pairwise

import pytest
from django.db import connection
from django.db.models import QuerySet
from django.test.utils import CaptureQueriesContext

from bench.made_catalogue import make_file_rows
from catalogue.access import ANONYMOUS
from catalogue.models import Contig, DataFile, Dataset, FormerId
from catalogue.queries.file_search import (
    FileFilter,
    FileListing,
    FilterRefusedError,
    current_id,
    file_page,
    matching_files,
)
from tests.catalogue.made_access import make_granted_file
from tests.catalogue.made_collections import make_collection
from tests.catalogue.made_rows import make_sequence

pytestmark = pytest.mark.django_db


def all_files(files: QuerySet[DataFile]) -> Iterator[FileListing]:
    """The files of all pages, in their order."""
    after: str | None = None
    while True:
        page = file_page(files, after=after, limit=3)
        yield from page.files
        if page.next is None:
            return
        after = page.next


def found(**wanted: object) -> list[str]:
    """The ids that a filter finds, in the order of pages."""
    files = matching_files(FileFilter(**wanted), within=DataFile.objects.all())  # type: ignore[arg-type]
    return [file.htsget_id for file in all_files(files)]


@pytest.fixture
def trial() -> Dataset:
    return Dataset.objects.create(slug="trial")


def test_pages_give_every_file_once_in_the_order_of_ids(trial: Dataset) -> None:
    for number in range(5):
        for format in ("BAM", "CRAM", "VCF"):
            make_granted_file(trial, f"run/{number % 3}{'x' * number}", format=format)
    rows = list(DataFile.objects.order_by("htsget_id", "kind", "format").values_list("htsget_id", "format"))
    given, after = [], None
    for size in (1, 2, 3, 5, 100):
        page = file_page(DataFile.objects.all(), after=after, limit=size)
        given += [(file.htsget_id, file.format) for file in page.files]
        after = page.next
    assert after is None
    assert given == rows
    assert all(a < b for a, b in pairwise(given))


def test_a_cursor_that_no_page_gave_is_refused() -> None:
    for cursor in ("x", "", "W10", "eyJhIjoxfQ", "\0", "é"):
        with pytest.raises(FilterRefusedError):
            file_page(DataFile.objects.all(), after=cursor)


def test_text_is_found_in_ids_locations_samples_and_checksums_in_any_case(trial: Dataset) -> None:
    digest = "ab" + "0123456789abcdef" * 3 + "0123456789abcd"
    one = make_granted_file(trial, "cohort/NA12878", format="CRAM")
    DataFile.objects.filter(pk=one.pk).update(
        samples=["Anna-Größe", "boris"],
        key=f"data/{digest[:2]}/{digest[2:]}.cram",
        source="/archive/2026/x_1%.cram",
    )
    make_granted_file(trial, "cohort/NA12879")
    assert found(text="na1287") == ["cohort/NA12878", "cohort/NA12879"]
    for part in ("12878", "anna-grö", "BORIS", digest, "files:data/ab", "x_1%", "archive cohort"):
        assert found(text=part) == ["cohort/NA12878"], part
    for part in ("xx1", "anna boris nobody", "x_1%%", "\0", "nothing"):
        assert found(text=part) == [], part
    assert found(text="CO") == ["cohort/NA12878", "cohort/NA12879"]
    assert found(text="78") == found(text="%") == found(text="\0") == []
    assert found(text="  ") == ["cohort/NA12878", "cohort/NA12879"]


def test_text_finds_files_by_their_former_ids(trial: Dataset) -> None:
    make_granted_file(trial, "new")
    make_granted_file(trial, "new", format="VCF")
    FormerId.objects.create(kind="reads", htsget_id="ancient-name", target="new")
    FormerId.objects.create(kind="variants", htsget_id="ancient-other")
    files = matching_files(FileFilter(text="ANCIENT"), within=DataFile.objects.all())
    assert [file.format for file in all_files(files)] == ["BAM"]
    assert current_id("reads", "ancient-name") == "new"
    assert current_id("variants", "ancient-other") is None
    assert current_id("reads", "new") is None
    assert current_id("reads", "\0") is None


def test_filters_are_joined_and_their_values_are_alternatives(trial: Dataset) -> None:
    other = Dataset.objects.create(slug="other")
    make_granted_file(trial, "a")
    make_granted_file(trial, "a", format="VCF")
    DataFile.objects.filter(pk=make_granted_file(other, "b").pk).update(
        state="missing", samples=["anna"], storage="lab"
    )
    assert found(datasets=["other"]) == ["b"]
    assert found(datasets=["other", "trial"]) == ["a", "a", "b"]
    assert found(datasets=["nosuch"]) == []
    assert found(kinds=["reads"], datasets=["trial"]) == ["a"]
    assert found(formats=["VCF", "CRAM"]) == ["a"]
    assert found(states=["missing", "changed"]) == ["b"]
    assert found(storages=["lab"]) == ["b"]
    assert found(samples=["anna", "nobody"]) == ["b"]
    assert found(samples=["ann"]) == []
    with pytest.raises(FilterRefusedError):
        found(samples=["\0"])


def test_ids_may_be_globs(trial: Dataset) -> None:
    for name in ("run1/a.b", "run1/axb", "run2/a.b", "a+b", "Run1/a.b"):
        make_granted_file(trial, name)
    assert found(ids=["run1/*"]) == ["run1/a.b", "run1/axb"]
    assert found(ids=["run?/a.b"]) == ["run1/a.b", "run2/a.b"]
    assert found(ids=["*.b"]) == ["Run1/a.b", "run1/a.b", "run2/a.b"]
    assert found(ids=["a+b", "run2/a.b"]) == ["a+b", "run2/a.b"]
    assert found(ids=["run1/a.b*x"]) == []
    assert len(found(ids=["*"])) == 5


def test_files_are_found_by_their_reference(trial: Dataset) -> None:
    sequence = make_sequence(b"ACGT" * 30, "insdc:CM1.1")
    collection = make_collection("GRCtest", {"chr1": b"ACGT" * 30, "chr2": b"ACG"})
    linked = make_granted_file(trial, "linked")
    Contig.objects.create(file=linked, number=0, name="1", length=120, sequence=sequence)
    make_granted_file(Dataset.objects.create(slug="made", collection=collection), "made")
    make_granted_file(trial, "neither")
    assert found(references=["GRCtest"]) == ["linked", "made"]
    for name in (bytes(sequence.md5).hex(), str(sequence), "CM1.1", "insdc:CM1.1"):
        assert found(references=[name]) == ["linked"], name
    with pytest.raises(FilterRefusedError, match="'nosuch'"):
        found(references=["nosuch"])


def test_a_viewer_finds_nothing_by_names_of_private_references(trial: Dataset) -> None:
    collection = make_collection("secret", {"chr1": b"ACGT" * 30}, private=True)
    make_granted_file(Dataset.objects.create(slug="made", collection=collection), "made")
    sequence = collection.members.get().sequence
    contig = Contig.objects.create(file=DataFile.objects.get(), number=0, name="1", sequence=sequence)
    assert contig.sequence == sequence
    for name in ("secret", bytes(sequence.md5).hex()):
        assert found(references=[name]) == ["made"]
        with pytest.raises(FilterRefusedError):
            matching_files(FileFilter(references=[name]), within=DataFile.objects.all(), viewer=ANONYMOUS)


def test_no_filter_leaves_the_files_of_the_caller(trial: Dataset) -> None:
    make_granted_file(trial, "mine")
    make_granted_file(Dataset.objects.create(slug="other"), "theirs")
    FormerId.objects.create(kind="reads", htsget_id="theirs-before", target="theirs")
    mine = DataFile.objects.filter(dataset=trial)
    for wanted in (FileFilter(), FileFilter(ids=["*"]), FileFilter(ids=["mine", "theirs"])):
        assert [file.htsget_id for file in all_files(matching_files(wanted, within=mine))] == ["mine"]
    for wanted in (FileFilter(text="theirs"), FileFilter(datasets=["other"])):
        assert not matching_files(wanted, within=mine).exists()


def test_a_page_takes_one_query_and_searches_use_indexes() -> None:
    make_file_rows(3000)
    make_granted_file(Dataset.objects.get(slug="set0"), "Q7x")
    with CaptureQueriesContext(connection) as counted:
        assert len(file_page(DataFile.objects.all(), limit=50).files) == 50
    assert len(counted) == 1
    for wanted, index, queries in (
        (FileFilter(text="ample0001234"), "file_by_part_of_text", 2),
        (FileFilter(text="UMOUR1234"), "file_by_part_of_text", 2),
        (FileFilter(text="/1234.bam"), "file_by_part_of_text", 2),
        (FileFilter(text="q7"), "file_by_begin_of_id", 1),
        (FileFilter(ids=["*ple000123*"]), "file_by_part_of_text", 1),
        (FileFilter(samples=["donor17"]), "file_by_sample", 1),
        (FileFilter(datasets=["set7"]), "file_by_dataset", 2),
        (FileFilter(states=["missing"]), "file_not_ready", 1),
    ):
        with CaptureQueriesContext(connection) as counted:
            files = matching_files(wanted, within=DataFile.objects.all())
            page = file_page(files, limit=50)
        assert page.files, wanted
        assert len(counted) == queries, wanted
        with connection.cursor() as cursor:
            # A small table is read whole unless PostgreSQL is told not to.
            cursor.execute("SET LOCAL enable_seqscan = off")
        assert index in files.order_by("htsget_id", "kind", "format")[:51].explain(), wanted
