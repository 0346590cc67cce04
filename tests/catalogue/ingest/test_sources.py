"""Inputs with unusual paths and names, and inputs that inflate too far."""

import gzip
import os
from pathlib import Path
from typing import Any

import pysam
import pytest

from catalogue.ingest.sources import find_sources, printable
from catalogue.models import DataFile, IngestedFile, IngestRun, Sequence
from tests.catalogue.lab import Lab, make_reads_file, make_sam_header, make_variants_file, registered
from tests.catalogue.made_fasta import ingest, make_fasta, refused

pytestmark = pytest.mark.django_db

#: A name in Latin-1, as old file systems have them.
LATIN = os.fsdecode(b"caf\xe9")


@pytest.fixture
def here(lab: Lab, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The working directory, beside the folders of the lab."""
    folder = lab.outside / "work" / "deep"
    folder.mkdir(parents=True)
    monkeypatch.chdir(folder)
    return folder


@pytest.mark.parametrize("options", [("--copy",), ()])
@pytest.mark.parametrize("argument", ["../../reads/a.bam", "../../reads", "../../reads/*.bam"])
def test_relative_paths_work_for_reads(
    lab: Lab, here: Path, settings: Any, options: tuple[str, ...], argument: str
) -> None:
    path = make_reads_file(lab.outside / "reads" / "a.bam")
    if not options:
        settings.HTSGETSITE_STORAGES = {**settings.HTSGETSITE_STORAGES, "out": lab.outside.as_uri()}
    said = lab.bam(argument, *options)
    assert (said.status, said.told) == (0, "")
    row = DataFile.objects.get()
    assert row.index_kind == "BAI"
    assert (row.source, row.key) == (str(path), row.key) if options else ("", "reads/a.bam")
    assert lab.bam(argument, *options).summary.startswith("0 added, 1 unchanged")


def test_relative_paths_work_for_variants_and_through_links(lab: Lab, here: Path) -> None:
    path = make_variants_file(lab.outside / "calls" / "v.vcf.gz", index=None)
    (here / "link.vcf.gz").symlink_to(path)
    (here / "folder").symlink_to(path.parent)
    pysam.tabix_index(str(path), preset="vcf", index=str(here / "link.vcf.gz.tbi"), force=True)
    assert lab.vcf("../deep/link.vcf.gz", "--copy").status == 0
    assert DataFile.objects.get().index_source == f"{here}/link.vcf.gz.tbi"
    # `folder/..` is where the link leads, not where it lies.
    assert lab.vcf("folder/../calls/v.vcf.gz", "--copy", "--id", "w").status == 0
    assert registered() == ["variants/link VCF", "variants/w VCF"]


def test_relative_paths_work_for_sequences(here: Path, lab: Lab) -> None:
    make_fasta(lab.outside / "x.fa", {"a": b"ACGT"})
    assert "1 record" in ingest("../../x.fa")
    assert IngestedFile.objects.get().source == "../../x.fa"


def test_a_prefix_that_leads_out_of_its_storage_is_refused(lab: Lab) -> None:
    make_fasta(lab.outside / "x.fa", {"a": b"ACGT"})
    assert "lab:../outside/: " in refused("lab:../outside/")
    assert not Sequence.objects.exists()


def test_names_that_are_not_utf8_fail_alone(lab: Lab) -> None:
    make_reads_file(lab.stored / "good.bam")
    os.rename(make_reads_file(lab.stored / "bad.bam"), lab.stored / f"{LATIN}.bam")
    for arguments in (
        (lab.stored,),
        (lab.stored / f"{LATIN}.bam", lab.stored / "good.bam"),
        (lab.stored, "--copy"),
    ):
        said = lab.bam(*arguments)
        assert said.status == 1
        assert r"caf\udce9.bam: failed: its name is not valid UTF-8; rename it" in said.told
    assert DataFile.objects.get().htsget_id == "good"
    assert IngestRun.objects.filter(outcome="failed").count() == 3


def test_sequences_in_a_file_whose_name_is_not_utf8_are_ingested(tmp_path: Path) -> None:
    make_fasta(tmp_path / f"{LATIN}.fa", {"a": b"ACGT"})
    make_fasta(tmp_path / "esc\x1b[2Jape.fa", {"b": b"CCCC"})
    assert "2 added" in ingest(tmp_path)
    names = IngestedFile.objects.order_by("pk").values_list("source", flat=True)
    assert [Path(name).name for name in names] == [r"caf\udce9.fa", r"esc\x1b[2Jape.fa"]


@pytest.mark.parametrize("name", ["plain.bam", "ünï 日本.bam", "a'b\"c"])
def test_printable_names_are_as_they_are(name: str) -> None:
    assert printable(name) == name


def test_each_input_is_taken_once(tmp_path: Path) -> None:
    path = make_fasta(tmp_path / "a.fa", {"a": b"ACGT"})
    found = find_sources([str(tmp_path), str(path), str(tmp_path / "*.fa")], suffixes=(".fa",))
    assert [source.name for source in found] == [str(path)]


def test_an_input_that_inflates_too_far_is_refused_and_writes_nothing(
    tmp_path: Path, settings: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("catalogue.ingest.sources._ALWAYS_ALLOWED", 1 << 20)
    settings.HTSGETSITE_STORAGES = {**settings.HTSGETSITE_STORAGES, "sequences": (tmp_path / "s").as_uri()}
    bomb = tmp_path / "bomb.fa.gz"
    bomb.write_bytes(gzip.compress(b">a\n" + b"A" * (20 << 20)))
    said = refused(bomb)
    assert f"{bomb}, line 2, record 'a': it inflates to more than 100 times its size" in said
    assert "INGEST_MAX_COMPRESSION_RATIO" in said
    assert not [path for path in (tmp_path / "s").rglob("*") if path.is_file() and path.name != ".lock"]
    settings.INGEST_MAX_COMPRESSION_RATIO = 10_000
    assert "20,971,520 residues" in ingest(bomb)


def test_a_header_of_too_many_contigs_is_refused(lab: Lab, settings: Any) -> None:
    settings.INGEST_MAX_CONTIGS = 2
    path = make_reads_file(
        lab.stored / "a.bam", header=make_sam_header({"a": 1000, "b": 9, "c": 9}), places=[("a", 1)]
    )
    said = lab.bam(path)
    assert said.status == 1
    assert "it declares 3 contigs, more than the 2 of INGEST_MAX_CONTIGS" in said.told
    settings.INGEST_MAX_CONTIGS = 3
    assert lab.bam(path).status == 0
