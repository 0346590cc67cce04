"""An ingest that is killed leaves whole files or none, and the next one finishes its work."""

import multiprocessing
import os
import random
import time
from io import StringIO
from typing import Any

import psutil
import pytest
from django.core.management import call_command
from django.db import connections

from catalogue.models import DataFile, Dataset, IngestRun
from tests.catalogue.lab import Lab, make_reads_file, make_variants_file
from tests.live import PATIENCE

KILLS = 15
FILES = 8

_kept: list[Any] = []


def _ingest(command: str, paths: list[str]) -> None:
    """In a process of its own, which must neither use nor close its parent's connection."""
    _kept.append(connections["default"].connection)
    connections["default"].connection = None
    os.dup2(os.open(os.devnull, os.O_WRONLY), 1)
    os.dup2(1, 2)
    call_command(command, *paths, "--dataset", "trial", "--copy", "--jobs", "2")


def _killed_after(seconds: float, command: str, paths: list[str]) -> bool:
    """Kills an ingest after so long; whether it was still at work. None of its processes outlives it."""
    ingest = multiprocessing.get_context("fork").Process(target=_ingest, args=(command, paths))
    ingest.start()
    ingest.join(seconds)
    running = ingest.is_alive()
    family = psutil.Process(ingest.pid).children(recursive=True) if running else []
    ingest.kill()
    ingest.join()
    until = time.monotonic() + PATIENCE
    while not all(_ended(process) for process in family):
        assert time.monotonic() < until
        time.sleep(0.01)
    return running


def _ended(process: psutil.Process) -> bool:
    """Whether it does nothing any more, even if nobody has taken note of its end yet."""
    try:
        return bool(process.status() == psutil.STATUS_ZOMBIE)
    except psutil.NoSuchProcess:
        return True


def _make_files(lab: Lab, command: str) -> tuple[dict[str, int], list[str]]:
    """Files of 200 contigs without indexes, so that these have to be built."""
    contigs = {f"c{number}": 1000 for number in range(200)}
    header = "@HD\tVN:1.6\n" + "".join(
        f"@SQ\tSN:{name}\tLN:1000\tM5:{number:032x}\n" for number, name in enumerate(contigs)
    )
    paths = []
    for number in range(FILES):
        places = [(name, 5 + number) for name in contigs]
        if command == "ingest_bam":
            path = lab.outside / f"{number}.bam"
            make_reads_file(path, header=header + "@RG\tID:1\tSM:a\n", places=places, index=None)
        else:
            path = lab.outside / f"{number}.vcf.gz"
            make_variants_file(path, contigs=contigs, places=places, index=None)
        paths.append(str(path))
    return contigs, paths


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("command", ["ingest_bam", "ingest_vcf"])
def test_killed_at_any_time_it_leaves_whole_files_or_none(lab: Lab, command: str) -> None:
    contigs, paths = _make_files(lab, command)
    began = time.monotonic()
    assert not _killed_after(60, command, paths)
    whole = time.monotonic() - began
    assert DataFile.objects.count() == FILES

    rng = random.Random(command)
    at_work = round_ = 0
    seen = set()
    while at_work < KILLS:
        round_ += 1
        if round_ % 3 == 0:
            DataFile.objects.all().delete()
            Dataset.objects.all().delete()
        else:
            # A file that is registered is read again, in the place of its former self.
            DataFile.objects.update(state="corrupt")
        began = time.monotonic()
        if _killed_after(rng.uniform(whole / 4, whole), command, paths):
            at_work += 1
        else:
            # The machine may have been busier before.
            whole = min(whole, time.monotonic() - began)
        rows = list(DataFile.objects.all())
        seen.add(sum(row.state == "ready" for row in rows))
        for row in rows:
            assert row.contigs.exclude(index=b"").count() == len(contigs)
            assert (lab.files / row.key).stat().st_size == row.size
            assert (lab.files / row.index_source.removeprefix("files:")).exists()
    assert len(seen) > 2

    call_command(command, *paths, "--dataset", "trial", "--copy", stdout=StringIO())
    assert DataFile.objects.filter(state="ready").count() == FILES
    assert not IngestRun.objects.filter(outcome="running").exists()
    # Some were killed before they had said that they began.
    assert at_work // 4 < IngestRun.objects.filter(outcome="interrupted").count() <= at_work
    assert not lab.staged()


@pytest.mark.django_db(transaction=True)
def test_two_at_once_do_not_disturb_each_other(lab: Lab) -> None:
    contigs, paths = _make_files(lab, "ingest_bam")
    fork = multiprocessing.get_context("fork")
    for _ in range(3):
        DataFile.objects.all().delete()
        Dataset.objects.all().delete()
        ingests = [fork.Process(target=_ingest, args=("ingest_bam", paths)) for _ in range(3)]
        for ingest in ingests:
            ingest.start()
        for ingest in ingests:
            ingest.join(PATIENCE)
        assert [ingest.exitcode for ingest in ingests] == [0, 0, 0]
        assert DataFile.objects.filter(dataset__slug="trial").count() == FILES
        for row in DataFile.objects.all():
            assert row.contigs.exclude(index=b"").count() == len(contigs)
            assert (lab.files / row.key).exists()
