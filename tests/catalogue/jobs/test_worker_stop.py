"""A worker that is told to stop while it starts, and tasks that fail when nobody waits for them."""

import asyncio
import gc
import logging
import os
import signal
from collections.abc import Iterator
from typing import Any

import pytest
from django.db import connection
from procrastinate.exceptions import ConnectorException

from catalogue.jobs import worker
from catalogue.jobs.tasks import stopping
from tests.live import PATIENCE


@pytest.fixture(autouse=True)
def _without_threads(
    monkeypatch: pytest.MonkeyPatch, settings: Any, transactional_db: None
) -> Iterator[None]:
    """Leave out what would keep connections to the database of the test in other threads."""
    for name in ("REFRESH_STATES", "VERIFY_FILES", "REMOVE_ORPHANS", "PRUNE_AUDIT"):
        setattr(settings, f"NIGHTLY_{name}", None)
    monkeypatch.setattr(worker, "_reach_database", lambda: None)
    monkeypatch.setattr(worker, "recover", lambda: None)
    yield
    stopping.clear()
    with connection.cursor() as cursor:
        # A pool that is closed while it connects keeps that connection to the end of the process.
        cursor.execute(
            "SELECT pg_terminate_backend(pid, 60000) FROM pg_stat_activity"
            " WHERE datname = current_database() AND pid <> pg_backend_pid()"
        )
    # Threads of the worker leave connections open, as they do at the end of its process.
    gc.collect()


def stops(monkeypatch: pytest.MonkeyPatch, *, after: int) -> bool:
    """Run a worker that gets SIGTERM when its event loop has run so many callbacks; return whether there were."""
    run, ran = asyncio.Handle._run, 0

    def counted(handle: Any) -> None:
        nonlocal ran
        ran += 1
        if ran == after:
            os.kill(os.getpid(), signal.SIGTERM)
        run(handle)

    def end_late() -> None:
        if ran < after:
            os.kill(os.getpid(), signal.SIGTERM)

    async def within_patience() -> None:
        loop = asyncio.get_running_loop()
        # A worker that has started waits, and so runs no callbacks until the next heartbeat.
        loop.call_later(0.5, end_late)
        work = asyncio.ensure_future(worker._run(1, None))
        # Its handler of signals is there from now on.
        await asyncio.sleep(0)
        with monkeypatch.context() as patched:
            patched.setattr(asyncio.Handle, "_run", counted)
            await asyncio.wait_for(work, PATIENCE)

    asyncio.run(within_patience())
    return ran >= after


@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")
def test_it_stops_whenever_the_signal_comes(monkeypatch: pytest.MonkeyPatch) -> None:
    """One signal for each callback of the start: while it connects, registers, listens and is ready."""
    started = [stops(monkeypatch, after=number) for number in range(1, 61, 2)]
    assert sum(started) > 10


@pytest.mark.parametrize(
    ("error", "level", "traceback"),
    [(ConnectorException(), logging.WARNING, False), (ValueError("a bug"), logging.ERROR, True)],
)
def test_a_lost_database_is_one_line_and_a_bug_a_traceback(
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
    error: Exception,
    level: int,
    traceback: bool,
) -> None:
    """procrastinate drops the tasks of its jobs when one of its own fails; then asyncio reports theirs."""

    async def fail() -> None:
        raise error

    async def drop_a_task(_: int, stop: worker._Stop) -> None:
        task = asyncio.ensure_future(fail())
        await asyncio.wait([task])
        del task
        gc.collect()
        stop.request()

    monkeypatch.setattr(worker, "_work", drop_a_task)
    asyncio.run(worker._run(1, None))
    said = [record for record in caplog.records if record.levelno >= logging.WARNING]
    assert [(record.levelno, record.exc_info is not None) for record in said] == [(level, traceback)]
