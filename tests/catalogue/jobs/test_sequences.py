"""Jobs that register sequences and names do what the commands do."""

import json
import time
from io import StringIO
from pathlib import Path
from typing import Any

import pytest
from django.core.management import call_command

from catalogue import jobs
from catalogue.ingest.fasta.ingest import ingest_fasta
from catalogue.jobs import recording
from catalogue.models import Alias, IngestRun, RunProgress, SequenceCollection
from tests.catalogue.lab import Lab
from tests.catalogue.made_fasta import make_fasta, make_residues, registered
from tests.catalogue.made_jobs import do_job
from tests.live import PATIENCE

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def sequences(settings: Any, tmp_path: Path) -> None:
    """A storage for residues."""
    (tmp_path / "residues").mkdir()
    settings.HTSGETSITE_STORAGES = {
        **settings.HTSGETSITE_STORAGES,
        "sequences": (tmp_path / "residues").as_uri(),
    }


def queue(*arguments: str | Path) -> IngestRun:
    """Queue a command with `--background`; return the run that it names."""
    out = StringIO()
    call_command(*map(str, arguments), "--background", "--json", stdout=out)
    return IngestRun.objects.get(pk=json.loads(out.getvalue())["job"])


def test_a_collection_is_made_of_all_files(lab: Lab) -> None:
    first = make_fasta(lab.outside / "1.fa", {"one": make_residues(300), "two": make_residues(20, seed=1)})
    second = make_fasta(lab.outside / "2.fa", {"three": make_residues(90_000, seed=2)})
    run = do_job(queue("ingest_fasta", first, second, "--collection", "base", "--authority", "lab"))
    assert (run.outcome, run.summary["added"], run.summary["collection"]) == ("succeeded", 2, "added")
    assert run.summary["counts"]["records"] == 3
    assert [one.paths[0].startswith("sequence/SQ.") for one in run.files.all()] == [True, True]
    (collection,) = SequenceCollection.objects.all()
    names = list(collection.members.order_by("position").values_list("name", flat=True))
    assert names == ["one", "two", "three"]
    again = do_job(queue("ingest_fasta", first, second, "--collection", "base", "--authority", "lab"))
    assert again.summary["unchanged"] == 2
    before = registered()
    call_command("ingest_fasta", first, second, collection="base", authority="lab", stdout=StringIO())
    assert registered() == before


def test_faults_of_no_single_file_fail_the_job(lab: Lab) -> None:
    good = make_fasta(lab.outside / "1.fa", {"one": make_residues(300)})
    (lab.outside / "2.fa").write_text("no FASTA")
    run = do_job(queue("ingest_fasta", good, lab.outside / "2.fa", "--collection", "base"))
    assert (run.outcome, run.summary["added"], run.summary["failed"]) == ("failed", 1, 1)
    assert run.summary["faults"] == ["collection 'base' is not recorded, because an input failed"]
    missing = do_job(queue("ingest_fasta", good, "--circular", "nothing"))
    assert missing.summary["faults"] == ["no record is named nothing, which --circular names"]
    preview = do_job(jobs.start("ingest_fasta", {"files": [str(good)], "collection": "other"}, dry_run=True))
    assert (preview.outcome, preview.files.get().counts["records"]) == ("succeeded", 1)
    assert not SequenceCollection.objects.filter(name="other").exists()


def test_names_are_added_by_a_job(lab: Lab) -> None:
    do_job(
        queue("ingest_fasta", make_fasta(lab.outside / "1.fa", {"one": b"ACGT" * 20}), "--authority", "lab")
    )
    table = lab.outside / "names.tsv"
    table.write_text("sequence\tauthority\talias\nlab:one\tlab\tuno\n")
    assert do_job(queue("ingest_aliases", table)).outcome == "succeeded"
    assert Alias.objects.filter(authority__name="lab", name="uno").exists()
    table.write_text("sequence\tauthority\talias\nlab:none\tlab\tnada\n")
    failed = do_job(queue("ingest_aliases", table))
    assert failed.outcome == "failed"
    assert "no sequence has the names" in failed.summary["faults"][0]


def test_what_only_this_process_can_read_is_refused(lab: Lab) -> None:
    said = lab._run("ingest_fasta", "-", "--background")
    assert (said.status, "every worker can read" in said.summary) == (1, True)


def test_relative_paths_become_absolute(lab: Lab, monkeypatch: pytest.MonkeyPatch) -> None:
    make_fasta(lab.outside / "1.fa", {"one": make_residues(300)})
    monkeypatch.chdir(lab.stored)
    run = queue("ingest_fasta", "../outside/1.fa")
    assert run.arguments["files"] == [str(lab.outside / "1.fa")]


@pytest.mark.django_db(transaction=True)
def test_the_progress_of_one_long_file_is_in_bytes(lab: Lab, monkeypatch: pytest.MonkeyPatch) -> None:
    fasta = make_fasta(lab.outside / "1.fa", {"one": make_residues(300_000)})
    run = queue("ingest_fasta", fasta)
    monkeypatch.setattr(recording, "_EVERY", 0.001)
    seen: list[tuple[str, str, int | None]] = []

    def wait_for_progress(sources: Any, **options: Any) -> Any:
        options["observer"].progressed(sources[0].name, 5, sources[0].size)
        until = time.monotonic() + PATIENCE
        while not seen or seen[-1][1] != "bytes":
            row = RunProgress.objects.get(run=run)
            seen.append((row.phase, row.unit, row.total))
            assert time.monotonic() < until
        return ingest_fasta(sources, **options)

    monkeypatch.setattr("catalogue.jobs.sequences.ingest_fasta", wait_for_progress)
    done = do_job(run)
    assert seen[-1] == (f"reading {fasta}", "bytes", fasta.stat().st_size)
    assert (done.progress.done, done.progress.total, done.progress.unit) == (1, 1, "files")
