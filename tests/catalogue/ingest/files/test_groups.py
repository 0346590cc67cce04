"""Files that were read meanwhile are registered together: the same rows in few statements, and all or none."""

from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

import pytest
from django.db import DatabaseError

from catalogue.ingest.files import ingest
from catalogue.ingest.files.rows import Register
from catalogue.models import Contig, DataFile, FileSample, IngestedFile
from tests.catalogue.lab import Lab, make_reads_file, make_sam_header

pytestmark = pytest.mark.django_db

#: What differs between two registrations of the same files; built indexes are stored again.
OWN = {"id", "dataset_id", "ingested", "state_since", "htsget_id", "file_id", "index_etag"}


@pytest.fixture
def together(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let all files but the first be read before any of them is registered."""
    read_files = ingest.__dict__["read_files"]

    def grouped(jobs: Iterable[Any], *, processes: int) -> Iterator[list[Any]]:
        done = [one for group in read_files(jobs, processes=processes) for one in group]
        done.sort(key=lambda each: str(each[0][0].source))
        yield from (done[:1], done[1:])

    monkeypatch.setattr(ingest, "read_files", grouped)


def make_files(folder: Path, count: int) -> list[Path]:
    """Files with known and unknown md5s, aliases, and indexes beside them or to be built."""
    paths = []
    for number in range(count):
        tags = ("", f"\tM5:{number:032x}", "\tAN:1,eins", f"\tM5:{7:032x}")[number % 4]
        contigs = {"one": 50_000} if tags else {"one": 50_000, "two": 20_000, "none": 5_000}
        paths.append(
            make_reads_file(
                folder / f"f{number}.bam",
                header=make_sam_header(contigs, tags=tags),
                places=[("one", 10 + number), ("one", 2000)],
                index=None if number % 3 == 0 else "bai",
            )
        )
    return paths


def registered(dataset: str) -> list[dict[str, Any]]:
    """Files, contigs and samples of a dataset, without what belongs to this registration alone."""
    files = DataFile.objects.filter(dataset__slug=dataset).order_by("key")
    tables = (
        files,
        Contig.objects.filter(file__in=files).order_by("file__key", "number"),
        FileSample.objects.filter(file__in=files).order_by("file__key", "name"),
    )
    return [
        {name: value for name, value in row.items() if name not in OWN}
        for rows in tables
        for row in rows.values()
    ]


@pytest.mark.parametrize("copy", [False, True])
def test_together_as_one_by_one(
    lab: Lab, together: None, monkeypatch: pytest.MonkeyPatch, copy: bool
) -> None:
    paths = make_files(lab.outside if copy else lab.stored, 9)
    options = ["--copy"] if copy else []
    said = lab.bam(*paths, "--id-prefix", "a-", "--public", *options, dataset="together")
    assert said.summary.startswith("9 added")
    monkeypatch.setattr(ingest, "_register_new", lambda done, job: done)
    single = lab.bam(*paths, "--id-prefix", "b-", "--public", *options, dataset="single")
    assert registered("together") == registered("single") != []
    runs = IngestedFile.objects.values("source", "outcome", "message", "counts")
    assert [*runs.filter(run__arguments__dataset="together").order_by("source")] == [
        *runs.filter(run__arguments__dataset="single").order_by("source")
    ]
    assert said.told == single.told
    assert lab.bam(*paths, "--id-prefix", "a-", *options, dataset="together").summary.startswith(
        "0 added, 9 unch"
    )


def test_many_files_take_few_statements(lab: Lab, together: None, django_assert_max_num_queries: Any) -> None:
    paths = make_files(lab.stored, 1)
    for number in range(40):
        paths.append(make_reads_file(lab.stored / f"g{number}.bam"))
    with django_assert_max_num_queries(60):
        assert lab.bam(*paths).summary.startswith("41 added")


def test_a_file_that_cannot_be_registered_does_not_keep_others_out(
    lab: Lab, together: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    paths = make_files(lab.stored, 6)
    lab.bam(paths[2], dataset="other")
    add_new, tried = Register.add_new, []

    def failing(self: Register, given: Any) -> Any:
        add_new(self, given)
        tried.append(len(given))
        raise DatabaseError("the database ended the transaction")

    with monkeypatch.context() as patch:
        patch.setattr(Register, "add_new", failing)
        said = lab.bam(*paths)
    assert tried == [5], "all together, and then one by one"
    assert (said.status, said.summary.startswith("5 added, 1 failed")) == (1, True)
    assert "belongs to the dataset other" in said.told
    assert DataFile.objects.filter(dataset__slug="trial").count() == 5
    assert Contig.objects.filter(file__dataset__slug="trial").count() == 9

    # An id that is taken, and a file that is no reads file, are not part of the group.
    DataFile.objects.filter(dataset__slug="trial").delete()
    paths[4].write_bytes(b"no reads")
    said = lab.bam(*paths)
    assert said.summary.startswith("4 added, 2 failed")
    assert DataFile.objects.filter(dataset__slug="trial").count() == 4


def test_two_formats_of_one_id_are_two_files(lab: Lab, together: None) -> None:
    paths = make_files(lab.stored, 2)
    cram = make_reads_file(lab.stored / "f1.cram", mode="wc", index="crai", options=["no_ref=1"])
    assert lab.bam(paths[0], paths[1], cram).summary.startswith("3 added")
    assert sorted(DataFile.objects.values_list("htsget_id", "format")) == [
        ("f0", "BAM"), ("f1", "BAM"), ("f1", "CRAM"),
    ]  # fmt: skip
