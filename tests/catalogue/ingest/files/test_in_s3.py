"""Files in an object store are registered by listings and ranged reads; only a copy reads one as a whole."""

from pathlib import Path
from typing import Any

import pytest

from catalogue.ingest.files import ingest
from catalogue.models import DataFile
from catalogue.storage import s3, storage
from tests.catalogue.lab import Lab, make_lab, make_reads_file, make_variants_file, registered
from tests.made_reads import index_bam, make_bam
from tests.object_faults import Fault, Seen
from tests.object_store import ObjectStore
from tests.simulated_time import SimulatedTime

pytestmark = pytest.mark.django_db


@pytest.fixture
def lab(object_store: ObjectStore, settings: Any, tmp_path: Path) -> Lab:
    """The lab with a storage named far, in a bucket."""
    lab = make_lab(settings, tmp_path)
    url = object_store.url(object_store.make_bucket(), "some/prefix")
    settings.HTSGETSITE_STORAGES = {**settings.HTSGETSITE_STORAGES, "far": url}
    return lab


def put(path: Path, key: str) -> None:
    """Stores a file, which is gone then, and its index."""
    for suffix in ("", ".bai", ".tbi"):
        if (file := Path(f"{path}{suffix}")).exists():
            storage("far").put(file, f"{key}{suffix}")


def test_objects_are_registered_by_a_prefix(lab: Lab) -> None:
    for number in range(3):
        put(make_reads_file(lab.outside / f"{number}.bam"), f"run/{number}.bam")
    put(make_variants_file(lab.outside / "v.vcf.gz"), "run/deep/v.vcf.gz")
    assert lab.bam("far:run/").summary.startswith("3 added, 1 passed over")
    assert lab.vcf("far:run/").summary.startswith("1 added, 3 passed over")
    assert registered() == ["reads/0 BAM", "reads/1 BAM", "reads/2 BAM", "variants/deep/v VCF"]
    row = DataFile.objects.get(htsget_id="1")
    assert (row.storage, row.key, row.index_source) == ("far", "run/1.bam", "far:run/1.bam.bai")
    assert lab.bam("far:run/").summary.startswith("0 added, 3 unchanged")
    put(make_reads_file(lab.outside / "1.bam", places=[("one", 7)]), "run/1.bam")
    assert lab.bam("far:run/").summary.startswith("0 added, 1 replaced, 2 unchanged")


def listings(requests: list[Seen]) -> int:
    """How many requests listed objects."""
    return sum(not seen.key and "list-type" in seen.query for seen in requests)


def test_a_bucket_is_listed_once(
    lab: Lab, object_store: ObjectStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whatever its files are, and their number: the listing that finds them tells their indexes, too."""
    monkeypatch.setattr(s3, "MAX_LISTED", 7)
    for number in range(10):
        put(make_reads_file(lab.outside / f"{number}.bam"), f"run/{number}.bam")
    put(make_reads_file(lab.outside / "bare.bam", index=None), "run/bare.bam")
    put(make_variants_file(lab.outside / "v.vcf.gz"), "run/v.vcf.gz")
    pages = -(-23 // 7)
    with object_store.gate.counted() as requests:
        assert lab.bam("far:run/").summary.startswith("11 added, 1 passed over")
    assert listings(requests) == pages
    assert DataFile.objects.exclude(index_kind="BAI").values_list("htsget_id", flat=True).get() == "bare"
    with object_store.gate.counted() as requests:
        assert lab.bam("far:run/").summary.startswith("0 added, 11 unchanged")
    assert listings(requests) == pages


def test_an_index_that_changed_since_it_was_listed_is_looked_for_again(
    lab: Lab, monkeypatch: pytest.MonkeyPatch
) -> None:
    put(make_reads_file(lab.outside / "a.bam"), "run/a.bam")
    find_files = ingest.__dict__["find_files"]

    def outdated(*arguments: Any) -> Any:
        found = find_files(*arguments)
        put(make_reads_file(lab.outside / "b.bam", places=[("two", 7)]), "run/a.bam")
        return found

    monkeypatch.setattr(ingest, "find_files", outdated)
    assert lab.bam("far:run/").summary.startswith("1 added")
    row = DataFile.objects.get()
    assert row.index_etag == storage("far").stat("run/a.bam.bai").etag
    assert [contig.name for contig in row.contigs.exclude(index=b"")] == ["two"]


def test_little_of_a_large_object_is_read(lab: Lab, object_store: ObjectStore) -> None:
    path = index_bam(make_bam(lab.outside / "large.bam", count=30_000, unplaced=10)).path
    size = path.stat().st_size
    put(path, "large.bam")
    with object_store.gate.counted() as requests:
        assert lab.bam("far:large.bam").told == ""
    assert 0 < len(requests) < 40
    read = sum(_length(seen) for seen in requests if seen.reads_object and seen.key.endswith(".bam"))
    # A fixed sum, whatever the object's size.
    assert read < 1_600_000 < size


def _length(seen: Seen) -> int:
    assert seen.range is not None, "an object was read whole"
    begin, _, end = seen.range.removeprefix("bytes=").partition("-")
    return int(end) + 1 - int(begin)


def test_an_index_of_what_is_far_away_is_built_on_request(lab: Lab, object_store: ObjectStore) -> None:
    path = make_reads_file(lab.outside / "a.bam", index=None)
    size = path.stat().st_size
    put(path, "a.bam")
    said = lab.bam("far:a.bam")
    assert said.status == 0
    assert (
        "only the whole file is served; --build-index makes one, which reads all of the object" in said.told
    )
    assert DataFile.objects.get().index_kind == ""
    assert lab.bam("far:a.bam").summary.startswith("0 added, 1 unchanged")
    assert lab.bam("far:a.bam", "--build-index", "--dry-run").status == 0
    with object_store.gate.counted() as requests:
        assert lab.bam("far:a.bam", "--build-index").summary.startswith("0 added, 1 replaced")
    assert max(_length(seen) for seen in requests if seen.reads_object) == size
    row = DataFile.objects.get()
    assert (row.storage, row.index_kind != "", row.index_built) == ("far", True, True)
    assert lab.bam("far:a.bam", "--build-index").summary.startswith("0 added, 1 unchanged")
    assert [left.name for left in storage("files").staging().iterdir()] == [".lock"]


def test_copies_go_into_and_out_of_a_bucket(lab: Lab) -> None:
    path = make_reads_file(lab.outside / "a.bam", index=None)
    content = path.read_bytes()
    assert lab.bam(path, "--copy", "--storage", "far").status == 0
    row = DataFile.objects.get()
    assert (row.storage, row.index_built) == ("far", True)
    assert storage("far").read_range(row.key, 0, row.size) == content
    assert lab.bam(f"far:{row.key}", "--copy", "--id", "back").status == 0
    assert (lab.files / DataFile.objects.get(htsget_id="back").key).read_bytes() == content


def test_a_store_that_fails_is_told_and_leaves_nothing(
    lab: Lab, object_store: ObjectStore, simulated_time: SimulatedTime
) -> None:
    put(make_reads_file(lab.outside / "a.bam"), "a.bam")
    object_store.gate.fail(Fault.ERROR)
    said = lab.bam("far:a.bam")
    object_store.gate.heal()
    assert said.status == 1
    assert said.told.startswith("far:a.bam: failed: ")
    assert "Traceback" not in said.told
    assert not registered()
    assert lab.bam("far:a.bam").status == 0
