"""Verifying registered files: every way in which a stored object or its index can differ from what is registered."""

import os
import random
import shutil
from collections.abc import Callable
from dataclasses import replace
from io import StringIO
from pathlib import Path
from typing import Any

import numpy as np
import pysam
import pytest
from django.core.management import call_command
from django.db.models import F

from catalogue.formats.bgzf import EOF_MARKER, deflate
from catalogue.formats.binning import ContigIndex
from catalogue.ingest.files.verify import VerifyFiles
from catalogue.ingest.outcomes import InputResult, Outcome
from catalogue.models import AuditEvent, Contig, DataFile
from catalogue.queries.references import reference_folder
from catalogue.storage import FILES, storage
from tests.catalogue.lab import Lab, make_cram_file, make_reads_file, make_variants_file
from tests.catalogue.made_rows import make_sequence
from tests.long_runs import every
from tests.made_crams import make_cram, make_reference, make_sam
from tests.made_files import KINDS
from tests.object_faults import Fault
from tests.object_store import ObjectStore

pytestmark = pytest.mark.django_db

MANY = [(contig, start) for contig in ("one", "two") for start in range(0, 19_000, 7)]


def verify(*, deep: bool = False, processes: int = 1) -> dict[str, InputResult]:
    """The result of each file, by its name."""
    result = VerifyFiles(DataFile.objects.all(), deep=deep, processes=processes).apply()
    return {one.source: one for one in result.inputs}


def only(*, deep: bool = False) -> InputResult:
    (one,) = verify(deep=deep).values()
    return one


def state() -> tuple[str, str]:
    return DataFile.objects.values_list("state", "state_reason").get()


def write_in_place(path: Path, data: bytes) -> None:
    """Change the bytes of a file and nothing else, as a failing disk does."""
    before = path.stat()
    with path.open("r+b") as file:
        file.write(data)
    os.utime(path, ns=(before.st_atime_ns, before.st_mtime_ns))


def make_some_of_each(lab: Lab) -> None:
    """A file of each format with many records, with each kind of index."""
    lab.bam(make_reads_file(lab.stored / "bai.bam", places=[*MANY, ("*", -1)]))
    lab.bam(make_reads_file(lab.stored / "csi.bam", places=MANY, index="csi"))
    lab.bam(make_cram_file(lab.stored / "c.cram", places=[*MANY, ("*", -1)], slices=100))
    places = [(name, start + 1) for name, start in MANY]
    lab.vcf(make_variants_file(lab.stored / "tbi.vcf.gz", places=places))
    lab.vcf(make_variants_file(lab.stored / "undeclared.vcf.gz", places=places, declared=False))
    lab.vcf(make_variants_file(lab.stored / "csi.bcf", places=places, index="csi"))
    lab.bam(make_reads_file(lab.stored / "empty.bam", places=[]))
    lab.vcf(make_variants_file(lab.stored / "whole.vcf.gz", places=places, index=None), "--no-build-index")


@pytest.mark.parametrize("deep", [False, True])
def test_sound_files_of_every_format_are_found_sound(lab: Lab, deep: bool) -> None:
    make_some_of_each(lab)
    results = verify(deep=deep, processes=2)
    assert len(results) == 8
    assert {result.outcome for result in results.values()} == {Outcome.UNCHANGED}
    assert not DataFile.objects.exclude(state="ready").exists()
    assert not AuditEvent.objects.filter(detail__change="verified").exists()
    counts = {name: result.counts.get("records") for name, result in results.items()}
    many = len(MANY)
    assert counts["reads/bai (BAM)"] == counts["reads/c (CRAM)"] == (many + 1 if deep else None)
    assert counts["variants/csi (BCF)"] == counts["variants/whole (VCF)"] == (many if deep else None)
    assert "only the whole file is served" in results["variants/whole (VCF)"].message


def test_a_missing_file_is_missing_until_it_is_back(lab: Lab) -> None:
    path = make_reads_file(lab.stored / "a.bam")
    lab.bam(path)
    path.rename(lab.outside / "a.bam")
    result = only()
    assert (result.outcome, state()[0]) == (Outcome.FAILED, "missing")
    assert result.message.startswith("missing: ")
    assert result.paths == ("reads/a",)
    (lab.outside / "a.bam").rename(path)
    result = only()
    assert (result.outcome, state()) == (Outcome.CHANGED, ("ready", ""))
    assert result.message.startswith("it was missing, and is ready again")
    changes = (
        AuditEvent.objects.filter(detail__change="verified").order_by("id").values_list("detail", flat=True)
    )
    assert [(change["from"], change["to"]) for change in changes] == [
        ("ready", "missing"),
        ("missing", "ready"),
    ]


def test_a_file_that_was_truncated_or_written_again_has_changed(lab: Lab) -> None:
    path = make_reads_file(lab.stored / "a.bam", places=MANY)
    size = path.stat().st_size
    lab.bam(path)
    os.truncate(path, size - 100)
    assert f"{size - 100:,} bytes long, registered were {size:,}" in only().message
    assert state()[0] == "changed"
    os.truncate(path, size)
    os.utime(path, (1, 1))
    assert "another ETag" in only().message


def test_an_index_of_another_file_does_not_fit(lab: Lab) -> None:
    lab.bam(make_reads_file(lab.stored / "a.bam", places=MANY))
    lab.bam(make_reads_file(lab.stored / "b.bam", places=[("one", 40_000), ("two", 19_000)]))
    other = DataFile.objects.get(htsget_id="b")
    for contig in Contig.objects.filter(file=other):
        Contig.objects.filter(file__htsget_id="a", number=contig.number).update(index=contig.index)
    results = verify()
    assert results["reads/a (BAM)"].message.startswith("corrupt: its index does not fit the data")
    assert results["reads/b (BAM)"].outcome is Outcome.UNCHANGED
    assert DataFile.objects.get(htsget_id="a").state == "corrupt"


def test_an_index_of_another_cram_file_does_not_fit(lab: Lab) -> None:
    lab.bam(make_cram_file(lab.stored / "a.cram", places=MANY, slices=50))
    lab.bam(make_cram_file(lab.stored / "b.cram", places=MANY, slices=70))
    for contig in Contig.objects.filter(file__htsget_id="b"):
        Contig.objects.filter(file__htsget_id="a", number=contig.number).update(index=contig.index)
    assert verify()["reads/a (CRAM)"].message.startswith("corrupt: its index does not fit the data")


@pytest.mark.parametrize("name", ["a.bam", "a.cram"])
def test_another_end_or_header_with_the_same_size_and_time_is_corrupt(lab: Lab, name: str) -> None:
    make = make_cram_file if name.endswith("cram") else make_reads_file
    path = make(lab.stored / name, places=MANY)
    lab.bam(path)
    original = path.read_bytes()
    marker = original[-38:] if name.endswith("cram") else EOF_MARKER
    # An empty block of the same length which is no marker.
    other = deflate(b"x") if name.endswith("bam") else b"\0" * len(marker)
    write_in_place(path, original[: -len(marker)] + other[: len(marker)].ljust(len(marker), b"\0"))
    assert only().message.startswith("corrupt: ")
    assert state()[0] == "corrupt"
    write_in_place(path, original)
    # The quick check cannot know whether what was found corrupt is sound elsewhere.
    result = only()
    assert (result.outcome, state()[0]) == (Outcome.UNCHANGED, "corrupt")
    assert "until a deep verification" in result.message
    assert (only(deep=True).outcome, state()[0]) == (Outcome.CHANGED, "ready")


@pytest.mark.parametrize("name", ["a.bam", "a.cram", "a.vcf.gz", "a.bcf"])
def test_one_damaged_byte_anywhere_is_found_by_a_deep_verification(lab: Lab, name: str) -> None:
    places = MANY[: len(MANY) // 2]
    path = lab.stored / name
    if name.endswith("am"):
        (make_cram_file if name.endswith("cram") else make_reads_file)(path, places=places)
        lab.bam(path)
    else:
        make_variants_file(path, places=[(one, start + 1) for one, start in places],
                           index="csi" if name.endswith("bcf") else "tbi")  # fmt: skip
        lab.vcf(path)
    original = path.read_bytes()
    chooser = random.Random(name)
    for _ in range(12):
        at = chooser.randrange(26, len(original) - 40)
        write_in_place(path, original[:at] + bytes([original[at] ^ 0xFF]) + original[at + 1 :])
        result = only(deep=True)
        # Some bytes mean nothing: times and levels in headers of blocks.
        if result.outcome is not Outcome.FAILED:
            assert same_records(path, original, lab.outside), at
        else:
            assert state()[0] == "corrupt", at
        write_in_place(path, original)
        DataFile.objects.update(state="ready")


def same_records(path: Path, original: bytes, folder: Path) -> bool:
    """Whether samtools or bcftools read the same from a file as from its former bytes."""
    former = folder / f"former-{path.name}"
    former.write_bytes(original)
    view: Callable[..., object] = pysam.view if path.name.endswith("am") else pysam.bcftools.view
    return view("--no-PG" if path.name.endswith("am") else "--no-version", str(path)) == view(
        "--no-PG" if path.name.endswith("am") else "--no-version", str(former)
    )


@pytest.mark.parametrize("kind", every(3, KINDS))
def test_made_files_of_every_kind_are_found_sound(lab: Lab, kind: str) -> None:
    """Records cut by blocks, giant reads, coarse and fine indexes, unplaced reads, no end: nothing is a false alarm."""
    made = KINDS[kind](lab.stored)
    (lab.bam if made.path.suffix == ".bam" else lab.vcf)(made.path)
    for deep in (False, True):
        assert only(deep=deep).outcome is Outcome.UNCHANGED, only(deep=deep).message


def packed_contig(change: Callable[[ContigIndex], ContigIndex]) -> None:
    """Change the index of the first contig as the catalogue has it."""
    contig = Contig.objects.filter(name="one").get()
    Contig.objects.filter(pk=contig.pk).update(index=change(ContigIndex.unpack(bytes(contig.index))).pack())


@pytest.mark.parametrize("index", ["bai", "csi"])
def test_an_index_that_hides_records_is_found_by_a_deep_verification(lab: Lab, index: str) -> None:
    places = [("one", start) for start in range(0, 49_000, 3)]
    lab.bam(make_reads_file(lab.stored / "a.bam", places=places, index=index))
    original = bytes(Contig.objects.get(name="one").index)
    assert only(deep=True).outcome is Outcome.UNCHANGED

    def later(offsets: Any) -> Any:
        changed = offsets.copy()
        changed[len(changed) // 2] += 1
        return changed

    changes: list[tuple[str, Callable[[ContigIndex], ContigIndex]]] = [
        ("index", lambda it: replace(it, chunk_begins=later(it.chunk_begins))),
        ("index", lambda it: replace(it, bins=it.bins + np.uint32(8))),
        ("counts", lambda it: it),
    ]
    changes.append(
        ("linear", lambda it: replace(it, linear=it.linear + np.uint64(1 << 20)))
        if index == "bai"
        else ("index", lambda it: replace(it, loffsets=it.loffsets + np.uint64(1 << 20)))
    )
    for word, change in changes:
        packed_contig(change)
        if word == "counts":
            Contig.objects.filter(name="one").update(mapped=F("mapped") - 1)
        result = only(deep=True)
        assert result.outcome is Outcome.FAILED, word
        assert word in result.message
        Contig.objects.filter(name="one").update(index=original)
        DataFile.objects.update(state="ready")


def test_files_in_a_bucket_are_verified_and_what_vanished_changed_or_cannot_be_reached_is_told_apart(
    lab: Lab, stored_in_s3: ObjectStore
) -> None:
    for name in ("sound", "vanished", "changed"):
        lab.bam(
            make_reads_file(lab.outside / f"{name}.bam", places=[*MANY, ("two", 19_500 + len(name))]),
            "--copy",
        )
    lab.bam(make_cram_file(lab.outside / "cram.cram", places=MANY), "--copy")
    place = storage(FILES)
    keys = dict(DataFile.objects.values_list("htsget_id", "key"))
    place.delete(keys["vanished"])
    staged = place.staging() / "x"
    staged.write_bytes((lab.outside / "sound.bam").read_bytes())
    place.put(staged, keys["changed"])
    for deep in (False, True):
        results = verify(deep=deep)
        assert {name: one.outcome.value for name, one in results.items()} == {
            "reads/changed (BAM)": "failed",
            "reads/cram (CRAM)": "unchanged",
            "reads/sound (BAM)": "unchanged",
            "reads/vanished (BAM)": "failed",
        }
    states = dict(DataFile.objects.values_list("htsget_id", "state"))
    assert states == {"sound": "ready", "vanished": "missing", "changed": "changed", "cram": "ready"}
    stored_in_s3.gate.fail(Fault.DENIED)
    results = verify()
    assert all("not verified: storage 'files' failed" in one.message for one in results.values())
    assert dict(DataFile.objects.values_list("htsget_id", "state")) == states


def test_what_a_conversion_lacks_is_told(lab: Lab) -> None:
    held, md5 = make_sequence(b"ACGT" * 12_500), "ef" * 16
    header = f"@HD\tVN:1.6\tSO:coordinate\n@SQ\tSN:one\tLN:50000\tM5:{bytes(held.md5).hex()}\n"
    header += f"@SQ\tSN:two\tLN:20000\tM5:{md5}\n@SQ\tSN:none\tLN:5000\n@RG\tID:1\tSM:a\n"
    lab.bam(make_reads_file(lab.stored / "a.bam", header=header))
    message = only().message
    assert "1 contig without a known sequence (none)" in message
    assert "a conversion lacks the references of 1 contig (two)" in message


def test_an_index_file_that_changed_or_vanished_is_no_fault(lab: Lab) -> None:
    path = make_reads_file(lab.stored / "a.bam", places=MANY)
    lab.bam(path)
    os.utime(f"{path}.bai", (1, 1))
    assert "has changed since; index the file again" in only().message
    Path(f"{path}.bai").unlink()
    result = only()
    assert (result.outcome, "still serves it" in result.message) == (Outcome.UNCHANGED, True)


@pytest.mark.parametrize(
    ("version", "options"),
    [
        ("2.1", ()),
        ("3.0", ("seqs_per_slice=20", "slices_per_container=3")),
        ("3.1", ("multi_seq_per_slice=1",)),
    ],
)
def test_cram_is_decoded_with_the_references_that_are_held(
    lab: Lab, version: str, options: tuple[str, ...]
) -> None:
    # References that htslib has read stay in a folder of the site.
    reference = make_reference(lab.outside)
    shutil.rmtree(reference_folder(), ignore_errors=True)
    cram = make_cram(lab.stored, reference=reference, sam=make_sam(), version=version, options=options)
    assert lab.bam(cram.path).status == 0
    assert "its bases were not decoded" in only(deep=True).message
    call_command("ingest_fasta", str(reference), stdout=StringIO(), stderr=StringIO())
    result = only(deep=True)
    assert (result.outcome, "not decoded" in result.message) == (Outcome.UNCHANGED, False), result.message
    assert result.counts["records"] == len(make_sam()[1])


def test_records_out_of_order_are_no_fault_of_a_file_without_an_index(lab: Lab) -> None:
    places = [("two", 5), ("one", 2000), ("one", 10)]
    path = make_reads_file(lab.stored / "a.bam", places=places, index=None)
    assert lab.bam(path, "--no-build-index").status == 0
    assert only(deep=True).outcome is Outcome.UNCHANGED


def test_plans_say_how_much_is_read() -> None:
    assert VerifyFiles(DataFile.objects.all()).plan().effects == ()
