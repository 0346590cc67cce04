"""The commands on registered files: selections, exit codes, JSON, dry runs."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from catalogue.models import DataFile, Dataset, FormerId
from tests.catalogue.lab import Lab, make_cram_file, make_reads_file, make_variants_file, registered
from tests.catalogue.made_access import make_granted_file
from tests.catalogue.management.made_runs import run
from tests.paths import PROJECT

pytestmark = pytest.mark.django_db

CHANGES = [
    ("move_files", "--to", "other"),
    ("remove_files",),
    ("verify_files",),
    ("index_files",),
]


@pytest.fixture
def three(lab: Lab) -> Lab:
    """reads/a (BAM), reads/b (CRAM) and variants/a (VCF) in the dataset trial, and the empty dataset other."""
    lab.bam(make_reads_file(lab.stored / "a.bam"))
    lab.bam(make_cram_file(lab.stored / "b.cram"))
    lab.vcf(make_variants_file(lab.stored / "a.vcf.gz"))
    Dataset.objects.create(slug="other")
    return lab


def test_files_are_listed_one_a_line_or_as_json(three: Lab) -> None:
    ran = run("list_files")
    lines = ran.out.splitlines()
    size = (three.stored / "a.bam").stat().st_size
    assert (ran.status, lines[-1]) == (0, "3 files")
    assert lines[0] == f"reads/a\tBAM\ttrial\tready\t{size}\tlab\ta.bam\tanna,boris"
    found = run("list_files", "--json", "--kind", "variants").json
    assert (found["count"], found["next"]) == (1, None)
    assert (found["files"][0]["id"], found["files"][0]["format"], found["files"][0]["url"]) == (
        "a", "VCF", "/variants/a",
    )  # fmt: skip


def test_filters_select_files(three: Lab) -> None:
    DataFile.objects.filter(htsget_id="b").update(state="missing")
    for arguments, count in (
        (["a"], 2), (["?"], 3), (["a", "b"], 3), (["--format", "CRAM"], 1), (["--state", "missing"], 1),
        (["--storage", "lab"], 3), (["--storage", "files"], 0), (["--sample", "anna"], 3), (["--sample", "ann"], 0),
        (["--dataset", "trial"], 3), (["--dataset", "other"], 0), (["--search", "vcf.gz"], 1),
        (["a", "--kind", "reads", "--format", "BAM", "--format", "CRAM"], 1),
    ):  # fmt: skip
        ran = run("list_files", *arguments)
        assert (ran.status, ran.out.splitlines()[-1]) == (0, f"{count} file{'s' * (count != 1)}"), arguments


def test_pages_continue_where_the_last_one_ended(three: Lab) -> None:
    first = run("list_files", "--limit", 2, "--json").json
    second = run("list_files", "--limit", 2, "--after", first["next"], "--json").json
    assert [file["id"] for file in first["files"] + second["files"]] == ["a", "a", "b"]
    assert second["next"] is None
    assert f"2 files; more with --after {first['next']}" in run("list_files", "--limit", 2).out
    for wrong in (["--limit", "0"], ["--after", "nonsense"], ["--reference", "nosuch"]):
        assert run("list_files", *wrong).status == 1


@pytest.mark.parametrize("command", [("list_files",), *CHANGES], ids=lambda command: command[0])
def test_an_unknown_id_is_a_failure_with_a_hint(three: Lab, command: tuple[str, ...]) -> None:
    FormerId.objects.create(kind="reads", htsget_id="old", target="b")
    ran = run(*command, "nosuch")
    assert (ran.status, ran.err) == (1, "No file has the id 'nosuch' and matches the filters.")
    assert run(*command, "a", "--state", "corrupt").status == 1
    assert run(*command, "old").err.endswith("; it is a former id of reads/b.")
    assert run(*command, "x\0").status == 1


@pytest.mark.parametrize("command", CHANGES, ids=lambda command: command[0])
def test_a_dry_run_prints_the_plan_and_does_nothing(three: Lab, command: tuple[str, ...]) -> None:
    before = list(DataFile.objects.order_by("pk").values("htsget_id", "dataset", "ingested", "state"))
    ran = run(*command, "--dataset", "trial", "--dry-run")
    assert ran.status == 0
    assert ran.out.startswith("Dry run, nothing is done: ")
    assert "3 files" in ran.err + ran.out
    document = run(*command, "--dataset", "trial", "--dry-run", "--json").json
    assert document["dry_run"] is True
    assert document["plan"]["count"] == 3
    assert document["files"] == []
    assert list(DataFile.objects.order_by("pk").values("htsget_id", "dataset", "ingested", "state")) == before


@pytest.mark.parametrize(
    "command", [each for each in CHANGES if each[0] != "verify_files"], ids=lambda it: it[0]
)
def test_nothing_is_changed_without_a_selection(three: Lab, command: tuple[str, ...]) -> None:
    ran = run(*command)
    assert (ran.status, ran.err) == (1, "Say which files: by ids or by filters, or --all for all of them.")
    assert run(*command, "--all").status == 0


def test_files_are_moved(three: Lab) -> None:
    ran = run("move_files", "a", "--to", "other")
    assert ran.status == 0
    assert ran.out.startswith("2 moved; /reads/a, /variants/a; ")
    assert run("move_files", "--all", "--to", "other").out.startswith("1 moved; ")
    assert run("move_files", "a", "--to", "nosuch").err == "There is no dataset 'nosuch'."
    Dataset.objects.create(slug="open", visibility="public")
    refused = run("move_files", "a", "--to", "open")
    assert (refused.status, "more open than before" in refused.err) == (1, True)
    dry = run("move_files", "a", "--to", "open", "--dry-run", "--json")
    assert (dry.status, dry.json["failed"]) == (1, True)
    assert run("move_files", "a", "--to", "open", "--publish").status == 0


def test_files_are_removed(three: Lab) -> None:
    document = run("remove_files", "--format", "BAM", "--json").json
    assert (document["failed"], document["counts"]) == (False, {"removed": 1})
    assert document["files"][0]["file"] == "reads/a (BAM)"
    assert registered() == ["reads/b CRAM", "variants/a VCF"]
    assert run("remove_files", "b", "--retire").status == 0
    assert FormerId.objects.get().htsget_id == "b"


def test_a_file_that_is_not_sound_fails_the_verification(three: Lab) -> None:
    ran = run("verify_files")
    assert ran.status == 0
    assert ran.out.startswith("3 files verified: 3 sound; ")
    (three.stored / "b.cram").unlink()
    ran = run("verify_files", "--deep", "--jobs", 2)
    assert ran.status == 1
    assert "reads/b (CRAM): missing: " in ran.err
    assert "3 files verified: 2 sound, 1 not, 7 records in" in ran.last
    document = run("verify_files", "--json", "--kind", "reads")
    assert document.status == 1
    assert sorted((one["file"], one["outcome"]) for one in document.json["files"]) == [
        ("reads/a (BAM)", "unchanged"), ("reads/b (CRAM)", "failed"),
    ]  # fmt: skip
    make_cram_file(three.stored / "b.cram")
    assert run("verify_files", "b").status == 1  # written again: it has to be ingested again


def test_files_are_indexed_again(three: Lab) -> None:
    ran = run("index_files", "--all", "--build", "--jobs", 2)
    assert ran.status == 0
    assert ran.out.startswith("3 indexed; /")
    (three.stored / "a.bam").unlink()
    ran = run("index_files", "a", "b")
    assert (ran.status, "reads/a (BAM): its index stays as it was" in ran.err) == (1, True)


def test_an_id_is_renamed_and_released(three: Lab) -> None:
    assert run("rename_file", "a", "c", "--redirect").err == (
        "There are reads and variants with the id 'a'; say which with --kind."
    )
    dry = run("rename_file", "a", "c", "--kind", "reads", "--redirect", "--dry-run")
    assert (dry.status, "reads/a (BAM) will be called reads/c" in dry.err) == (0, True)
    ran = run("rename_file", "a", "c", "--kind", "reads", "--redirect")
    assert (ran.status, ran.out.startswith("1 renamed; /reads/c; ")) == (0, True)
    assert run("rename_file", "b", "a", "--redirect").status == 1
    assert run("rename_file", "nosuch", "x", "--retire").err == "No file has the id 'nosuch'."
    assert run("rename_file", "b", "--retire").err == "Give the new id after the old one."
    assert "would be free" in run("rename_file", "a", "--kind", "reads", "--release", "--dry-run").out
    assert FormerId.objects.exists()
    assert run("rename_file", "a", "--kind", "reads", "--release").out == (
        "reads/a is free again; it redirected to c.\n"
    )
    assert run("rename_file", "a", "--kind", "reads", "--release").err == "reads/a is not a former id"
    assert run("rename_file", "x", "y", "--release").status == 1
    assert run("rename_file", "b", "x", "--retire", "--json").json["counts"] == {"renamed": 1}


def test_a_file_is_shown_with_what_it_lacks(three: Lab) -> None:
    FormerId.objects.create(kind="reads", htsget_id="old", target="a")
    ran = run("show_file", "a")
    assert (ran.status, ran.out.splitlines()[-1]) == (0, "2 shown")
    assert "reads/a (BAM)" in ran.out and "variants/a (VCF)" in ran.out
    (found,) = run("show_file", "old", "--kind", "reads", "--json").json["files"]
    assert (found["id"], found["format"], found["storage"], found["key"]) == ("a", "BAM", "lab", "a.bam")
    assert (found["contigs"], found["unlinked_count"], found["unlinked"]) == (3, 3, ["one", "two", "none"])
    assert (found["lacking_count"], found["mapped"], found["unplaced"]) == (2, 3, 1)
    assert (found["former_ids"], found["samples"], found["dataset"]) == (["old"], ["anna", "boris"], "trial")
    assert run("show_file", "nosuch").err == "No file has the id 'nosuch'."
    assert run("show_file", "x\0").status == 1


def test_control_c_ends_a_change_with_one_line(three: Lab, monkeypatch: pytest.MonkeyPatch) -> None:
    def interrupted(*_: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr("catalogue.ingest.files.remove.RemoveFiles._remove", interrupted)
    ran = run("remove_files", "--all")
    assert ran.status == 130
    assert ran.last == "Interrupted. What was done stays; the other files are as they were."


def test_wrong_options_have_the_status_of_usage(tmp_path: Path) -> None:
    done = subprocess.run(
        [sys.executable, PROJECT / "manage.py", "list_files", "--format", "PDF"],
        capture_output=True, text=True, env={"HTSGETSITE_HOME": str(tmp_path), "PATH": ""},
    )  # fmt: skip
    assert done.returncode == 2
    assert "invalid choice: 'PDF'" in done.stderr


def test_output_that_nobody_reads_ends_a_command_without_a_word(tmp_path: Path) -> None:
    reading, writing = os.pipe()
    os.close(reading)
    done = subprocess.run(
        [sys.executable, PROJECT / "manage.py", "diffsettings"],
        stdout=writing, stderr=subprocess.PIPE, env={"HTSGETSITE_HOME": str(tmp_path), "PATH": ""},
    )  # fmt: skip
    os.close(writing)
    assert (done.returncode, done.stderr) == (141, b"")


def test_a_list_of_many_files_has_the_memory_of_a_page(monkeypatch: pytest.MonkeyPatch) -> None:
    trial = Dataset.objects.create(slug="trial")
    for number in range(7):
        make_granted_file(trial, f"f{number}")
    monkeypatch.setattr("catalogue.management.commands.list_files.MAX_PAGE", 2)
    assert run("list_files").out.splitlines()[-1] == "7 files"
    assert len(run("list_files", "--json").json["files"]) == 7
