"""The worker of background jobs beside the server."""

import json
import os
import threading
import time
from collections.abc import Callable
from pathlib import Path

import psutil
import pytest
import requests

from htsgetsite import job_process
from tests.catalogue.lab import make_reads_file
from tests.live import PATIENCE, Site, make_site, served


@pytest.fixture
def site(tmp_path: Path) -> Site:
    (tmp_path / "lab").mkdir()
    make_reads_file(tmp_path / "lab" / "a.bam")
    storages = json.dumps({"lab": (tmp_path / "lab").as_uri()})
    return make_site(tmp_path / "home", {"HTSGETSITE_STORAGES": storages, "SERVE_JOBS": "1"})


def wait_until(condition: Callable[[], object]) -> None:
    until = time.monotonic() + PATIENCE
    while not condition():
        assert time.monotonic() < until
        time.sleep(0.05)


def workers_of(site: Site) -> list[psutil.Process]:
    """Return the worker processes of a site."""
    found = []
    for process in psutil.process_iter():
        try:
            line = process.cmdline()
            if "work" in line and process.environ().get("HTSGETSITE_HOME") == str(site.home):
                found.append(process)
        except psutil.Error:
            continue
    return found


def is_registered(site: Site, name: str) -> bool:
    """Return whether the site serves a file."""
    return requests.get(f"{site.url}/reads/{name}", timeout=PATIENCE).status_code == 200


def test_a_site_does_its_jobs_and_survives_its_worker(site: Site, tmp_path: Path) -> None:
    with served(site) as answering:
        site.manage("ingest_bam", "lab:a.bam", "--dataset", "d", "--public", "--background")
        wait_until(lambda: is_registered(answering, "a"))
        (worker,) = workers_of(site)
        worker.kill()
        make_reads_file(tmp_path / "lab" / "b.bam")
        site.manage("ingest_bam", "lab:b.bam", "--dataset", "d", "--background")
        assert is_registered(answering, "a")
        wait_until(lambda: is_registered(answering, "b"))
        (successor,) = workers_of(site)
        assert successor.pid != worker.pid
    assert not workers_of(site)
    log = (site.home / "server.log").read_text(encoding="utf-8")
    assert "the worker of background jobs ended with -9; it starts again in 1.0 s" in log


@pytest.mark.long
def test_a_site_without_jobs_starts_no_worker(site: Site) -> None:
    quiet = Site(site.home, {**site.variables, "SERVE_JOBS": "0"})
    with served(quiet) as answering:
        assert requests.get(f"{answering.url}/healthz", timeout=PATIENCE).ok
        assert not workers_of(quiet)


def test_nothing_is_forked_while_a_worker_is_started() -> None:
    """A server forks its workers meanwhile: one that had the pipes of `Popen` would keep it waiting for ever."""
    forked = threading.Event()

    def fork() -> None:
        if (child := os.fork()) == 0:
            os._exit(0)
        os.waitpid(child, 0)
        forked.set()

    forking = threading.Thread(target=fork)
    with job_process._starting:
        forking.start()
        assert not forked.wait(0.2)
    assert forked.wait(PATIENCE)
    forking.join()
    assert not job_process._starting.locked()
