"""A dry run has the outcome of the real run for valid and invalid inputs, and writes nothing."""

import json
import shutil
from io import StringIO
from pathlib import Path
from typing import Any

import pytest
from django.core.management import CommandError, call_command

from catalogue.models import Alias, DataFile, Dataset, IngestRun, Sequence, SequenceCollection
from tests.catalogue.lab import Lab, make_cram_file, make_reads_file, make_sam_header, make_variants_file
from tests.catalogue.made_fasta import make_fasta, make_residues
from tests.catalogue.made_rows import make_sequence
from tests.long_runs import every

pytestmark = pytest.mark.django_db

UNSORTED = (("one", 2000), ("one", 10))


def outcomes(
    command: str, *arguments: object, **options: Any
) -> tuple[int, list[tuple[str, str, str]], list[str], Any]:
    """How a command ended: status, source, outcome and message of each input, faults, and counts."""
    out, status = StringIO(), 0
    try:
        call_command(command, *map(str, arguments), json=True, stdout=out, stderr=StringIO(), **options)
    except CommandError as error:
        status = error.returncode
    told = json.loads(out.getvalue())
    assert told["failed"] == bool(status)
    inputs = sorted((one["source"], one["outcome"], one["message"]) for one in told["inputs"])
    return status, inputs, told["faults"], told["counts"]


def rows() -> list[int]:
    return [
        model.objects.count() for model in (Alias, DataFile, Dataset, IngestRun, Sequence, SequenceCollection)
    ]


def same_twice(command: str, *arguments: object, **options: Any) -> int:
    """The status of the dry run and, equally, of the real run after it."""
    before = rows()
    dry = outcomes(command, *arguments, dry_run=True, **options)
    assert rows() == before
    assert outcomes(command, *arguments, **options) == dry
    return dry[0]


def make_reads(lab: Lab, folder: Path) -> None:
    make_reads_file(folder / "good.bam")
    make_reads_file(folder / "no_index.bam", index=None)
    make_reads_file(folder / "unsorted.bam", places=UNSORTED, index=None)
    make_cram_file(folder / "good.cram", index=None)
    make_cram_file(folder / "unsorted.cram", places=UNSORTED, index=None)
    make_reads_file(
        folder / "md5.bam", header=make_sam_header({"one": 9000}, tags="\tM5:" + "ab" * 16), places=[]
    )
    make_reads_file(
        folder / "other_length.bam", header=make_sam_header({"x": 9}, tags="\tM5:" + "cd" * 16), places=[]
    )
    whole = make_reads_file(lab.outside / "whole.bam", index=None).read_bytes()
    (folder / "cut.bam").write_bytes(whole[:-40])
    (folder / "text.bam").write_bytes(b"nothing")
    (folder / "empty.bam").write_bytes(b"")
    (folder / "notes.txt").write_text("no reads")
    make_reads_file(folder / "foreign.bam", index=None)
    shutil.copy(
        make_variants_file(lab.outside / "v.bcf", index="csi").with_suffix(".bcf.csi"),
        folder / "foreign.bam.csi",
    )
    make_variants_file(folder / "wrong_command.bam.bcf", index=None)


@pytest.mark.parametrize(
    "options", every(2, [("--copy",), ("--public",), ("--no-build-index",), (), ("--id", "x")])
)
def test_reads(lab: Lab, options: tuple[str, ...]) -> None:
    Sequence.objects.create(md5=b"\xcd" * 16, length=10)
    make_reads(lab, lab.stored / "in")
    assert same_twice("ingest_bam", lab.stored / "in", "--dataset", "trial", *options) == 1
    # Again, now that files and dataset are registered: unchanged ones, and an id of another file.
    make_reads_file(lab.stored / "other" / "good.bam")
    assert (
        same_twice("ingest_bam", lab.stored / "in", lab.stored / "other", "--dataset", "trial", *options) == 1
    )
    assert same_twice("ingest_bam", lab.stored / "in", "--dataset", "another", *options) == 1


def test_variants(lab: Lab) -> None:
    folder = lab.stored / "in"
    make_variants_file(folder / "good.vcf.gz")
    make_variants_file(folder / "no_index.bcf", index=None)
    make_variants_file(folder / "unsorted.vcf.gz", places=UNSORTED, index=None)
    make_variants_file(folder / "unsorted.bcf", places=UNSORTED, index=None)
    (folder / "plain.vcf").write_text("##fileformat=VCFv4.3\n#CHROM\tPOS\tID\tREF\tALT\tQUAL\tFILTER\tINFO\n")
    assert same_twice("ingest_vcf", folder, "--dataset", "trial") == 1


@pytest.mark.parametrize("visibility", ["public", "private"])
def test_sequences(tmp_path: Path, settings: Any, visibility: str) -> None:
    folder = tmp_path / "stored"
    settings.HTSGETSITE_STORAGES = {**settings.HTSGETSITE_STORAGES, "sequences": folder.as_uri()}
    known = Sequence.objects.create(md5=bytes.fromhex("f1f8f4bf413b16ad135722aa4591043e"), length=4)
    SequenceCollection.objects.create(name="set", visibility=visibility)
    good = make_fasta(
        tmp_path / "good.fa", {"a": b"ACGT", "b": make_residues(70_000), "c": b"AC circular=true"[:2]}
    )
    bad = tmp_path / "bad.fa"
    bad.write_text(">a\nAC!T\n")
    more = make_fasta(tmp_path / "more.fa", {"d": b"GGGG", "b": make_residues(70_000)})
    for arguments in (
        (good, "--authority", "lab", "--collection", "set", "--circular", "a"),
        (good, bad),
        (good, "--circular", "nobody"),
        (good, more, "--collection", "set"),
        (more, "--collection", "set"),
        (more,),
    ):
        same_twice("ingest_fasta", *arguments)
    known.refresh_from_db()
    assert known.blob is not None
    assert not list(folder.glob(".staging/ingest-*"))


def test_names(tmp_path: Path) -> None:
    make_sequence(b"ACGT", "insdc:X1.1")
    tables = {
        "good": "X1.1\tnew\tchr1\nX1.1\tnew\tchr2\n",
        "bad": "X1.1\tnew\n",
        "unmatched": "Y\tnew\tchr1\nX1.1\tnew\tz\n",
        "unknown": "X1.1\tunknown\ta\n",
    }
    for name, text in tables.items():
        (tmp_path / f"{name}.tsv").write_text(text)
        assert same_twice(
            "ingest_aliases", tmp_path / f"{name}.tsv", create_authorities=name != "unknown"
        ) == (name != "good")


def test_a_dry_run_of_an_index_that_cannot_be_read_fails_as_the_real_one(lab: Lab) -> None:
    """Seen as a fault: an unsorted BAM without index passed the dry run."""
    path = make_reads_file(lab.stored / "a.bam", places=UNSORTED, index=None)
    status, inputs, *_ = outcomes("ingest_bam", path, "--dataset", "trial", dry_run=True)
    assert (status, inputs[0][1]) == (1, "failed")
    assert "not in coordinate order" in inputs[0][2]
