"""`ingest_manifest` and `export_manifest`, and the job that does the same."""

import hashlib
import json
from typing import Any

import pytest
from django.contrib.auth import get_user_model

from catalogue import jobs
from catalogue.models import DataFile, Dataset, Grant, IngestRun, StoragePrefix
from tests.catalogue.lab import (
    Lab,
    make_cram_file,
    make_reads_file,
    make_variants_file,
    registered,
)
from tests.catalogue.made_access import make_grant, make_user
from tests.catalogue.made_jobs import do_job

pytestmark = pytest.mark.django_db


def make_mixed_files(lab: Lab) -> None:
    """Reads and variants, one index beside another name, one file without a sample in its header."""
    make_reads_file(lab.stored / "one.bam")
    make_cram_file(lab.stored / "deep" / "two.cram")
    make_variants_file(lab.stored / "three.vcf.gz", samples=["anna"])
    make_reads_file(lab.stored / "four.bam", index=None)
    make_reads_file(lab.stored / "other.bam").rename(lab.stored / "unused.bam")


MIXED = """path,index,id,dataset,format,title,visibility,sample
one.bam,,first,open,BAM,Open data,public,
lab:deep/two.cram,,second/of/two,closed,,,registered,boris
three.vcf.gz,,,open,VCF,,,anna
four.bam,other.bam.bai,,closed,,,,
"""


def test_every_row_is_registered_as_it_says(lab: Lab) -> None:
    make_mixed_files(lab)
    said = lab.manifest(MIXED)
    assert (said.status, said.told) == (0, "")
    assert said.summary.startswith("4 added;")
    assert registered() == [
        "reads/first BAM",
        "reads/four BAM",
        "reads/second/of/two CRAM",
        "variants/three VCF",
    ]
    files = {file.htsget_id: file for file in DataFile.objects.select_related("dataset")}
    assert {name: file.dataset.slug for name, file in files.items()} == {
        "first": "open",
        "four": "closed",
        "second/of/two": "closed",
        "three": "open",
    }
    assert files["four"].index_source == "lab:other.bam.bai"
    shown = {(one.slug, one.title, one.visibility) for one in Dataset.objects.all()}
    assert shown == {("open", "Open data", "public"), ("closed", "", "registered")}
    run = IngestRun.objects.get()
    assert (run.command, run.outcome, run.summary["added"]) == ("ingest_manifest", "succeeded", 4)


def test_a_second_run_changes_nothing(lab: Lab) -> None:
    make_mixed_files(lab)
    lab.manifest(MIXED)
    before = list(DataFile.objects.order_by("pk").values())
    assert lab.manifest(MIXED).summary.startswith("0 added, 4 unchanged;")
    assert list(DataFile.objects.order_by("pk").values()) == before


@pytest.mark.parametrize("form", ["csv", "tsv", "jsonl"])
def test_ingesting_an_export_changes_nothing(lab: Lab, form: str) -> None:
    make_mixed_files(lab)
    lab.manifest(MIXED)
    # A copy that the site made, with an index that it built.
    lab.bam(make_reads_file(lab.outside / "copied.bam", index=None), "--copy", dataset="closed")
    before = list(DataFile.objects.order_by("pk").values())
    datasets = list(Dataset.objects.order_by("pk").values())
    export = lab.export("--format", form)
    said = lab.manifest(export)
    assert (said.status, said.told) == (0, "")
    assert said.summary.startswith("0 added, 5 unchanged;")
    assert list(DataFile.objects.order_by("pk").values()) == before
    assert list(Dataset.objects.order_by("pk").values()) == datasets
    assert lab.export("--format", form) == export
    assert len(lab.export("--dataset", "open").splitlines()) == 3


def test_an_edited_export_changes_many(lab: Lab) -> None:
    make_mixed_files(lab)
    lab.manifest(MIXED)
    edited = (
        lab.export().replace(",closed,", ",shut,").replace("Open data", "All open").replace("registered", "")
    )
    preview = lab.manifest(edited, "--dry-run")
    assert preview.summary.startswith("Dry run, nothing is written. 0 added, 3 changed, 2 unchanged;")
    assert not Dataset.objects.filter(slug="shut").exists()
    said = lab.manifest(edited)
    assert said.summary.startswith("0 added, 3 changed, 2 unchanged;")
    assert "title 'Open data' becomes 'All open'" in said.told
    assert "moved here from the dataset closed" in said.told
    moved = DataFile.objects.filter(dataset__slug="shut")
    assert sorted(moved.values_list("htsget_id", flat=True)) == ["four", "second/of/two"]
    assert lab.manifest(edited).summary.startswith("0 added, 4 unchanged;")


def test_a_move_never_publishes_unless_told(lab: Lab) -> None:
    make_mixed_files(lab)
    lab.manifest(MIXED)
    edited = "path,id,dataset\nfour.bam,four,open\n"
    for options in (("--dry-run",), ()):
        said = lab.manifest(edited, *options)
        assert (said.status, "--publish" in said.told) == (1, True)
    assert DataFile.objects.get(htsget_id="four").dataset.slug == "closed"
    assert lab.manifest(edited, "--publish").status == 0
    assert DataFile.objects.get(htsget_id="four").dataset.slug == "open"


def test_what_is_wrong_is_told_row_by_row(lab: Lab) -> None:
    good = make_reads_file(lab.stored / "good.bam")
    make_reads_file(lab.outside / "elsewhere.bam")
    right = hashlib.md5(good.read_bytes()).hexdigest()
    text = "\n".join(
        (
            "path,id,dataset,format,title,sample,visibility,md5,sha256",
            f"good.bam,a,d,BAM,T,anna,controlled,{right},",
            f"good.bam,b,d,BAM,,,,{'0' * 32},",
            f"good.bam,c,d,,,,,,{'0' * 64}",
            "good.bam,e,d,CRAM,,,,,",
            "good.bam,f,d,,,nobody,,,",
            "good.bam,g,d,,Other,,,,",
            f"{lab.outside}/elsewhere.bam,h,d,,,,,,",
            "missing.bam,i,d,,,,,,",
            "good.bam,service-info,d,,,,,,",
            "good.bam,j,,,,,,,",
            "good.bam,k,d,,,,secret,,",
            "good.bam,a,d,,,,,,",
            "",
        )
    )
    preview, said = lab.manifest(text, "--dry-run"), lab.manifest(text)
    # The two rows of the id a are rivals, so that nothing at all is registered.
    assert (said.status, DataFile.objects.count()) == (1, 0)
    # Files are read several at a time.
    assert sorted(preview.told.splitlines()) == sorted(said.told.splitlines())
    expected = {
        2: "it would have the same id (a, BAM)",
        3: f"its md5 is {right}, not {'0' * 32}",
        4: "its sha256 is",
        5: "it is BAM, not CRAM as the manifest says",
        6: "its header names the sample anna, boris, not nobody",
        7: "the title of d is 'T' in line 2, and 'Other' here",
        8: "it lies in none of the configured storages",
        9: "line 9",
        10: "'service-info' cannot be an id",
        11: "it names no dataset",
        12: "unknown visibility 'secret'",
        13: "it would have the same id (a, BAM)",
    }
    for line, reason in expected.items():
        assert any(f"line {line})" in one and reason in one for one in said.told.splitlines()), (
            line,
            said.told,
        )


def test_a_manifest_with_an_unknown_column_registers_nothing(lab: Lab) -> None:
    said = lab.manifest("path,colour\ngood.bam,red\n", "--dataset", "d")
    assert (said.status, "line 1: unknown column 'colour'" in said.told) == (1, True)


def test_lists_and_locations_of_others(lab: Lab) -> None:
    make_reads_file(lab.stored / "a.bam")
    make_reads_file(lab.stored / "sub" / "b.bam")
    make_variants_file(lab.stored / "sub" / "c.vcf.gz")
    assert lab.manifest("# all\na.bam\n", "--dataset", "d", name="list.txt").status == 0
    locations = [
        {"location": f"file://{lab.stored}/a", "id": "exact"},
        {"location": "file://sub", "prefix": "b"},
        {"location": f"file://{lab.stored}/sub", "prefix": ""},
        {"location": "file://nothing", "id": "n"},
        {"location": "s3://unknown/a", "id": "u"},
    ]
    said = lab.manifest(json.dumps({"locations": locations}), "--dataset", "e", name="l.json")
    assert registered() == [
        "reads/a BAM",
        "reads/exact BAM",
        "reads/b BAM",
        "variants/c VCF",
    ] or registered() == [
        "reads/a BAM",
        "reads/exact BAM",
        "variants/c VCF",
    ]
    assert "there is no file that it could mean" in said.told
    assert "no storage of this site is in the bucket 'unknown'" in said.told


def manifest_of(text: str) -> dict[str, Any]:
    return {"manifests": [{"name": "m.csv", "text": text, "folder": "/"}]}


def test_a_steward_registers_only_into_what_they_manage(lab: Lab) -> None:
    make_reads_file(lab.stored / "a.bam")
    lab.bam(make_reads_file(lab.stored / "theirs.bam"), dataset="theirs")
    mine = Dataset.objects.create(slug="mine")
    steward = make_user("s")
    make_grant(mine, steward, role=Grant.Role.STEWARD)
    StoragePrefix.objects.create(dataset=mine, storage="lab", prefix="ours/")
    make_reads_file(lab.stored / "ours" / "a.bam")
    text = (
        "path,id,dataset\nlab:ours/a.bam,a,mine\nlab:ours/a.bam,b,theirs\nlab:ours/a.bam,c,new\n"
        f"{lab.outside}/x.bam,d,mine\nlab:theirs.bam,theirs,mine\nlab:a.bam,e,mine\n"
    )
    run = jobs.start("ingest_manifest", {}, attachment=manifest_of(text), account=steward.pk, actor="s")
    done = do_job(run)
    told = {
        one.source.rsplit("line ", 1)[-1].rstrip(")"): (one.outcome, one.message) for one in done.files.all()
    }
    assert told == {
        "2": ("added", ""),
        "3": ("failed", "you do not manage the dataset theirs"),
        "4": ("failed", "you do not manage the dataset new"),
        "5": ("failed", "you may not register files from there"),
        "6": ("failed", "it is in the dataset theirs, which you do not manage"),
        "7": ("failed", "you may not register files from there"),
    }
    get_user_model().objects.filter(pk=steward.pk).update(is_active=False)
    again = do_job(jobs.start("ingest_manifest", {}, attachment=manifest_of(text), account=steward.pk))
    assert "not active" in again.summary["faults"][0]


def test_the_job_does_what_the_command_does(lab: Lab) -> None:
    make_mixed_files(lab)
    (lab.stored / "m.csv").write_text(MIXED)
    said = json.loads(lab._run("ingest_manifest", lab.stored / "m.csv", "--background", "--json").summary)
    run = do_job(IngestRun.objects.get(pk=said["job"]))
    assert (run.outcome, run.summary["added"], run.arguments["datasets"]) == (
        "succeeded",
        4,
        ["closed", "open"],
    )
    assert run.attachment is None
    assert lab.manifest(MIXED).summary.startswith("0 added, 4 unchanged;")
