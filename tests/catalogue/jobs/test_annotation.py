"""Annotation as a background job."""

import json
from io import StringIO
from pathlib import Path

import pytest
from django.core.management import call_command

from catalogue.models import Genome, IngestRun
from tests.catalogue.made_jobs import do_job
from tests.catalogue.made_releases import register, residues_of, write_gff3

pytestmark = pytest.mark.django_db(transaction=True)

RESIDUES = "ATGGCC" * 60
TEXT = "c x CDS 1 {end} . + 0 ID=p{end};locus_tag=b{end};protein_id=P{end};version=1"


def queue(*arguments: str) -> IngestRun:
    """Queue an ingest by the command."""
    out = StringIO()
    call_command("ingest_gff3", *arguments, "--collection=made", "--background", "--json", stdout=out)
    return IngestRun.objects.get(pk=json.loads(out.getvalue())["job"])


def test_files_of_one_release_are_done_together(tmp_path: Path) -> None:
    register(tmp_path, {"c": RESIDUES})
    paths = [write_gff3(tmp_path / f"{end}.gff3", TEXT.format(end=end)) for end in (90, 180)]
    published = tmp_path / "pep.fa"
    published.write_text(">P90.1\n" + "MA" * 15 + "\n")
    options = ("--authority=lab", "--release=7", "--genetic-code-of=c=11", f"--check-fasta={published}")
    run = do_job(queue(*map(str, paths), *options))
    assert (run.outcome, run.summary.get("faults")) == ("succeeded", None), run.summary
    assert {file.outcome for file in run.files.all()} == {"added"}
    genome = Genome.objects.get()
    assert (genome.release, genome.genes) == ("7", 2)
    assert residues_of("lab:P90.1") == "MA" * 15
    again = do_job(queue(*map(str, paths), *options))
    assert {file.outcome for file in again.files.all()} == {"unchanged"}


def test_a_faulty_file_fails_the_whole_release(tmp_path: Path) -> None:
    register(tmp_path, {"c": RESIDUES})
    good = write_gff3(tmp_path / "good.gff3", TEXT.format(end=90))
    bad = write_gff3(tmp_path / "bad.gff3", TEXT.format(end=900))
    run = do_job(queue(str(good), str(bad), "--authority=lab"))
    assert run.outcome == "failed"
    messages = {file.source: file.message for file in run.files.all()}
    assert "line 2: the feature ends at 900" in messages[str(bad)]
    assert f"not registered, because {bad} is of the same release" in messages[str(good)]
    assert not Genome.objects.exists()


def test_a_dry_run_registers_nothing(tmp_path: Path) -> None:
    register(tmp_path, {"c": RESIDUES})
    path = write_gff3(tmp_path / "good.gff3", TEXT.format(end=90))
    run = do_job(queue(str(path), "--authority=lab", "--dry-run"))
    assert (run.outcome, Genome.objects.count()) == ("succeeded", 0)
