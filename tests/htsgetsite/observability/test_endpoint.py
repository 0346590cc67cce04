"""`/metrics`: who may read it, what it says, and what it says when workers come and go."""

import re
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path
from unittest.mock import patch
from urllib.parse import urlsplit

import psutil
import pytest
import requests
from django.db import OperationalError
from django.test import Client
from django.utils import timezone
from prometheus_client.parser import text_string_to_metric_families

from catalogue.models import IngestRun, RunPart
from htsgetsite import __version__
from tests.live import PATIENCE, Site, free_port, make_site, served
from tests.paths import PROJECT

TOKEN = "a-token-of-the-operator-0123456789"


def samples(text: str) -> dict[str, float]:
    """Every sample by its name and labels."""
    return {
        f"{sample.name}{sorted(sample.labels.items())}": sample.value
        for family in text_string_to_metric_families(text)
        for sample in family.samples
    }


def requests_of(text: str, kind: str) -> float:
    found = samples(text)
    return sum(
        value
        for name, value in found.items()
        if name.startswith("htsgetsite_requests_total") and f"('kind', '{kind}')" in name
    )


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("token", "given", "status"),
    [
        ("", None, 404),
        ("", f"Bearer {TOKEN}", 404),
        (TOKEN, None, 401),
        (TOKEN, "Bearer wrong", 401),
        (TOKEN, TOKEN, 401),
        (TOKEN, f"Bearer {TOKEN}é", 401),
        (TOKEN, f"Bearer {TOKEN}", 200),
    ],
)
def test_only_the_token_opens_it(
    client: Client, settings: object, token: str, given: str | None, status: int
) -> None:
    settings.METRICS_TOKEN = token  # type: ignore[attr-defined]
    headers = {} if given is None else {"Authorization": given}
    answer = client.get("/metrics", headers=headers)
    assert answer.status_code == status
    assert ("htsgetsite_build_info" in answer.text) == (status == 200)
    assert "no-store" in answer.headers["Cache-Control"]
    assert client.post("/metrics").status_code == 405


@pytest.mark.django_db
def test_it_tells_the_runs_and_what_waits_for_workers(client: Client, settings: object) -> None:
    settings.METRICS_TOKEN = TOKEN  # type: ignore[attr-defined]
    now = timezone.now()
    IngestRun.objects.create(command="ingest_bam", outcome="failed", finished=now)
    IngestRun.objects.create(command="ingest_bam", outcome="failed", finished=now)
    IngestRun.objects.create(command="ingest_bam", outcome="failed", finished=now, dry_run=True)
    queued = IngestRun.objects.create(command="ingest_vcf", outcome="queued", queued=now)
    RunPart.objects.create(run=queued, step="plan", number=0)
    found = samples(client.get("/metrics", headers={"Authorization": f"Bearer {TOKEN}"}).text)
    runs = {name: value for name, value in found.items() if name.startswith("htsgetsite_runs")}
    assert runs == {
        "htsgetsite_runs[('command', 'ingest_bam'), ('outcome', 'failed')]": 2.0,
        "htsgetsite_runs[('command', 'ingest_vcf'), ('outcome', 'queued')]": 1.0,
    }
    assert found["htsgetsite_open_parts[]"] == 1.0


@pytest.mark.django_db
def test_a_database_that_is_down_takes_only_its_own_metrics_along(client: Client, settings: object) -> None:
    settings.METRICS_TOKEN = TOKEN  # type: ignore[attr-defined]
    with patch("htsgetsite.observability.endpoint.run_counts", side_effect=OperationalError("no answer")):
        answer = client.get("/metrics", headers={"Authorization": f"Bearer {TOKEN}"})
    assert answer.status_code == 200
    assert "htsgetsite_build_info" in answer.text
    assert "htsgetsite_runs" not in answer.text


@pytest.mark.django_db
def test_it_tells_the_versions(client: Client, settings: object) -> None:
    settings.METRICS_TOKEN = TOKEN  # type: ignore[attr-defined]
    text = client.get("/metrics", headers={"Authorization": f"Bearer {TOKEN}"}).text
    assert re.search(
        rf'^htsgetsite_build_info{{.*version="{re.escape(__version__)}".*}} 1.0$', text, re.MULTILINE
    )


#: Something of every protocol, a page, a probe, and what is refused.
EVERY_KIND = (
    *("reads/service-info", "variants/x", "data/x", "sequence/x", "seqcol/service-info", "collection/x"),
    *("graphql?query={version{api{major}}}", "api/datasets/", "datasets/", "readyz", "absent"),
)


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("home")


def test_all_workers_count_together_and_a_killed_one_loses_nothing(home: Path) -> None:
    port, temporary = free_port(), home / "temporary"
    temporary.mkdir()
    variables = {"METRICS_TOKEN": TOKEN, "METRICS_LISTEN": f"127.0.0.1:{port}", "TMPDIR": str(temporary)}
    with served(make_site(home / "site", variables), workers=2) as site:
        own = f"http://127.0.0.1:{port}/"
        before = requests_of(requests.get(own).text, "sequence")
        for _ in range(40):
            # Each connection may reach the other worker.
            assert requests.get(f"{site.url}/sequence/service-info").status_code == 200
        for path in EVERY_KIND:
            requests.get(f"{site.url}/{path}")
        counted = requests.get(f"{site.url}/metrics", headers={"Authorization": f"Bearer {TOKEN}"}).text
        asked = {path.partition("/")[0].partition("?")[0] for path in EVERY_KIND} - {"absent"}
        assert {*asked, "other"} <= set(re.findall(r'_requests_total{kind="(\w+)"', counted))
        assert requests_of(counted, "sequence") == before + 41
        assert requests_of(requests.get(own).text, "sequence") == before + 41
        assert len(list(temporary.glob("htsgetsite-metrics-*/counter_*.db"))) >= 2
        _kill_a_worker(site)
        for _ in range(10):
            assert _answered(f"{site.url}/sequence/service-info")
        after = samples(requests.get(own).text)
        counters = {name: value for name, value in samples(counted).items() if "_total[" in name}
        assert all(after[name] >= value for name, value in counters.items())
        assert requests_of(requests.get(own).text, "sequence") >= before + 51
    assert not list(temporary.glob("htsgetsite-metrics-*"))
    with pytest.raises(requests.ConnectionError):
        requests.get(own)
    if promtool := shutil.which("promtool"):
        done = subprocess.run([promtool, "check", "metrics"], input=counted.encode(), capture_output=True)
        assert (done.returncode, done.stdout + done.stderr) == (0, b"")


def test_a_worker_of_its_own_shows_its_metrics(home: Path) -> None:
    port = free_port()
    temporary = home / "of-work"
    temporary.mkdir()
    variables = {"WORK_METRICS_LISTEN": f"127.0.0.1:{port}", "TMPDIR": str(temporary)}
    site = make_site(home / "work", variables)
    command = [sys.executable, str(PROJECT / "manage.py"), "work", "--concurrency", "1"]
    with (home / "work.log").open("wb") as log:
        worker = subprocess.Popen(command, env=site.environment(), stdout=log, stderr=log)
    try:
        deadline = time.monotonic() + PATIENCE
        while not _shows(f"http://127.0.0.1:{port}/", "htsgetsite_open_parts 0"):
            assert worker.poll() is None and time.monotonic() < deadline, (home / "work.log").read_text()
            time.sleep(0.1)
        taken = subprocess.run(
            command, env=site.environment(), capture_output=True, text=True, timeout=PATIENCE
        )
        assert taken.returncode == 1 and "Cannot listen on WORK_METRICS_LISTEN" in taken.stderr
    finally:
        worker.terminate()
        worker.wait(PATIENCE)
    assert not _shows(f"http://127.0.0.1:{port}/", "htsgetsite")
    assert not list(temporary.glob("htsgetsite-metrics-*"))


def _shows(url: str, text: str) -> bool:
    try:
        return text in requests.get(url).text
    except requests.ConnectionError:
        return False


def _kill_a_worker(site: Site) -> None:
    """Kill one of the two workers of the server, which replaces it."""
    port = urlsplit(site.url).port
    [server] = [
        child
        for child in psutil.Process().children()
        if "serve" in child.cmdline() and child.environ().get("HTSGETSITE_HOME") == str(site.home)
    ]
    workers = [
        child
        for child in server.children()
        if port in {each.laddr.port for each in child.net_connections() if each.status == psutil.CONN_LISTEN}
    ]
    workers[0].send_signal(signal.SIGKILL)
    psutil.wait_procs(workers[:1], timeout=PATIENCE)


def _answered(url: str) -> bool:
    """Return whether the site answers; a connection to the killed worker breaks, once."""
    for _ in range(3):
        try:
            return requests.get(url).status_code == 200
        except requests.ConnectionError:
            continue
    return False
