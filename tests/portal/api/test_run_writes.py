"""Jobs that programs start: by a manifest, on registered files, and of sequences."""

from typing import Any

import pytest
from django.contrib.auth.models import User

from catalogue import jobs
from catalogue.models import IngestRun, StoragePrefix
from tests.portal.api.made_stewards import MANIFEST, Program
from tests.portal.conftest import Portal


def test_a_manifest_is_previewed_started_cancelled_and_retried(portal: Portal, steward: Program) -> None:
    StoragePrefix.objects.create(dataset=portal.closed, storage="files", prefix="mine/")
    body = {"manifest": MANIFEST, "dataset": "closed", "dry_run": True}
    status, run, headers = steward.ask("post", "/api/runs/", body)
    path = f"/api/runs/{run['number']}"
    assert status == 202 and headers["Location"] == path
    assert (run["dry_run"], run["outcome"], run["target"]) == (True, "queued", "closed")
    assert run["progress"]["phase"] == "waiting for a worker" and run["can_cancel"] and not run["can_retry"]
    assert steward.ask("get", path)[1] == run
    assert steward.ask("post", f"{path}/start")[0] == 409, "it is not over yet"
    assert steward.ask("post", f"{path}/cancel")[1]["outcome"] == "cancelled"
    assert steward.ask("post", f"{path}/cancel")[0] == 409
    status, retried, _ = steward.ask("post", f"{path}/retry")
    assert status == 202 and retried["number"] != run["number"]
    status, started, _ = steward.ask("post", f"{path}/start")
    assert status == 202 and not started["dry_run"]
    row = IngestRun.objects.get(pk=started["number"])
    assert row.account == User.objects.get(username="stella") and row.of_account
    assert (
        steward.ask("get", "/api/runs/?command=ingest_manifest")[1]["results"][0]["number"]
        == started["number"]
    )


def test_a_manifest_is_registered(portal: Portal, boss: Program, monkeypatch: Any) -> None:
    known: list[Any] = []

    def start(*given: Any, **more: Any) -> IngestRun:
        known.append((given, more))
        return _run()

    monkeypatch.setattr(jobs, "start", start)
    status, _, _ = boss.ask("post", "/api/runs/", {"manifest": MANIFEST, "dataset": "closed", "copy": True})
    (((command, arguments), more),) = known
    assert status == 202 and (command, arguments) == ("ingest_manifest", {"dataset": "closed", "copy": True})
    assert more["attachment"]["manifests"][0]["text"] == MANIFEST and more["dry_run"] is False


def _run() -> IngestRun:
    account = User.objects.get(username="boss")
    return IngestRun.objects.create(command="ingest_manifest", account=account, actor="boss")


@pytest.mark.parametrize(
    ("body", "status"),
    [
        ({"manifest": MANIFEST, "dataset": "open"}, 403),
        ({"manifest": MANIFEST}, 403),
        ({"manifest": "path,id\nfiles:other/a.bam,a\n", "dataset": "closed"}, 403),
        ({"manifest": "path,id\n/etc/passwd,a\n", "dataset": "closed"}, 403),
        ({"manifest": "nothing,known\n1,2\n", "dataset": "closed"}, 400),
        ({"manifest": ""}, 400),
        ({"dataset": "closed"}, 400),
    ],
)
def test_manifests_that_are_refused(portal: Portal, steward: Program, body: Any, status: int) -> None:
    StoragePrefix.objects.create(dataset=portal.closed, storage="files", prefix="mine/")
    assert steward.ask("post", "/api/runs/", body)[0] == status
    assert not IngestRun.objects.filter(command="ingest_manifest").exists()


def test_files_are_verified_and_indexed_again(portal: Portal, steward: Program, boss: Program) -> None:
    for body, arguments in (
        ({"command": "verify_files", "deep": True}, {"deep": True}),
        ({"command": "export_manifest", "format": "tsv"}, {"format": "tsv"}),
        ({"command": "index_files", "dataset": "closed"}, {"filter": {"datasets": ["closed"]}}),
    ):
        status, run, _ = steward.ask("post", "/api/runs/", body)
        row = IngestRun.objects.get(pk=run["number"], of_account=True, account__username="stella")
        assert (status, row.command, row.arguments) == (202, body["command"], arguments)
    refused = {"dataset": "open"}, {"dataset": "none"}, {"build": True}, {"copy": True}, {"dry_run": True}
    statuses = [steward.ask("post", "/api/runs/", {"command": "verify_files", **one})[0] for one in refused]
    assert statuses == [403, 403, 400, 400, 400]
    assert steward.ask("post", "/api/runs/", {"command": "remove_orphans"})[0] == 403
    assert boss.ask("post", "/api/runs/", {"command": "remove_orphans", "dry_run": True})[0] == 400
    assert boss.ask("post", "/api/runs/", {"command": "verify_sequences"})[1]["command"] == "verify_sequences"
    for more in ({"command": "verify_files"}, {"deep": True}):
        assert steward.ask("post", "/api/runs/", {"manifest": MANIFEST, **more})[0] == 400


def test_sequences_names_and_annotation_are_registered(
    portal: Portal, steward: Program, boss: Program
) -> None:
    for body in (
        {"command": "ingest_fasta", "sources": ["files:in/a.fa"], "collection": "new", "circular": ["MT"]},
        {"command": "ingest_aliases", "sources": ["files:in/"], "assembly": "x", "create_authorities": True},
        {
            "command": "ingest_gff3",
            "sources": ["files:in/a.gff3"],
            "collection": "lab-1.0",
            "authority": "lab",
        },
    ):
        assert steward.ask("post", "/api/runs/", body)[0] == 403
        status, run, _ = boss.ask("post", "/api/runs/", {**body, "dry_run": True})
        row = IngestRun.objects.get(pk=run["number"], of_account=True, account__username="boss", dry_run=True)
        options = {name: value for name, value in body.items() if name not in {"command", "sources"}}
        assert (status, row.command) == (202, body["command"])
        assert row.arguments == {**options, "files": body["sources"]}
    refused: list[dict[str, Any]] = [
        {"command": "ingest_fasta"},
        {"command": "ingest_fasta", "sources": []},
        {"command": "ingest_fasta", "sources": ["files:a.fa"], "assembly": "x"},
        {"command": "ingest_fasta", "sources": ["files:a.fa"], "authority": "no word"},
        {"command": "ingest_gff3", "sources": ["files:a.gff3"]},
        {"command": "ingest_gff3", "sources": ["files:a.gff3"], "collection": "absent"},
        {"command": "verify_files", "sources": ["1"]},
        {"manifest": MANIFEST, "sources": ["files:a.fa"]},
    ]
    assert {boss.ask("post", "/api/runs/", body)[0] for body in refused} == {400}
    outside = {"command": "ingest_fasta", "sources": ["/etc/passwd"]}
    assert boss.ask("post", "/api/runs/", outside)[0] == 403


def test_runs_of_others_are_as_absent(portal: Portal, steward: Program) -> None:
    row = jobs.start("verify_files", {"files": [portal.reads.pk]})
    for action in ("cancel", "retry", "start"):
        for number in (row.pk, 999_999):
            assert steward.ask("post", f"/api/runs/{number}/{action}")[0] == 404
    assert steward.ask("get", f"/api/inputs/?run={row.pk}")[0] == 404
    assert steward.ask("get", f"/api/runs/{row.pk}/cancel")[0] == 405


def test_inputs_of_a_run(portal: Portal, steward: Program) -> None:
    row = jobs.start("verify_files", {"files": [1]}, account=User.objects.get(username="stella").pk)
    for number in range(3):
        row.files.create(
            source=f"{number}.bam", outcome="failed" if number else "added", counts={"files": 1}, part=0
        )
    failed = steward.ask("get", f"/api/inputs/?run={row.pk}&outcome=failed&limit=1")[1]
    assert [one["source"] for one in failed["results"]] == ["1.bam"] and failed["next"]
    assert steward.ask("get", f"/api/runs/{row.pk}")[1]["progress"]["outcomes"] == {"added": 1, "failed": 2}
