"""The worker: runs the tasks of the queue until it is told to stop, and finds what other workers lost.

Signals, the queue and the database connections of procrastinate are the business of the main thread; each job has a
thread of its own, and reads files in processes that do not descend from a process with threads.
"""

import asyncio
import contextlib
import logging
import multiprocessing
import os
import signal
import sys
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any, Final

from asgiref.sync import sync_to_async
from django.db import DEFAULT_DB_ALIAS, connection, connections
from django.db import Error as DatabaseError
from django.db.backends.base.base import BaseDatabaseWrapper
from django.db.backends.signals import connection_created
from procrastinate.contrib.django import app
from procrastinate.exceptions import ConnectorException

from catalogue.errors import one_line
from catalogue.jobs.queue import QUEUE
from catalogue.jobs.recovery import recover
from catalogue.jobs.tasks import stopping

log = logging.getLogger(__name__)

#: Seconds between two searches for parts that lost their worker.
RECOVER_EVERY: Final = 5.0
#: Seconds before a worker without a database tries again; doubled up to the second.
_BACK_OFF: Final = (0.5, 10.0)
#: Options of libpq that end connections to a server that does not answer, in seconds (the last in milliseconds).
_LIVENESS: Final = {
    "connect_timeout": 5,
    "keepalives_idle": 30,
    "keepalives_interval": 10,
    "keepalives_count": 3,
    "tcp_user_timeout": 30_000,
}
_END_WITH_THIS_MACHINE: Final = """
    SELECT set_config('tcp_keepalives_idle', '30', false), set_config('tcp_keepalives_interval', '10', false),
        set_config('tcp_keepalives_count', '3', false)"""
_LOST = (ConnectorException, DatabaseError, OSError)


def run_worker(*, concurrency: int, until: Callable[[], object] | None = None) -> None:
    """Do jobs until SIGTERM or SIGINT, `concurrency` at a time; a second signal ends the process at once.

    On a signal jobs end after the file that they are at; another worker, or this one later, does the rest. When the
    database cannot be reached the worker waits for it. `until` blocks in a thread; the worker stops when it returns.
    """
    # Readers of files are forked by a server without threads, which finds the code as this process does.
    os.environ["PYTHONPATH"] = os.pathsep.join(filter(None, sys.path))
    multiprocessing.set_start_method("forkserver", force=True)
    multiprocessing.set_forkserver_preload(["catalogue.ingest.files.reader_process"])
    stopping.clear()
    _own_connections()
    asyncio.run(_run(concurrency, until))


def _own_connections() -> None:
    """Let every thread keep a connection of its own, which holds the lock of its part, and notice a silent peer."""
    connections.close_all()
    settings = connections.settings[DEFAULT_DB_ALIAS]
    options: dict[str, Any] = settings["OPTIONS"]
    options.pop("pool", None)
    for name, value in _LIVENESS.items():
        options.setdefault(name, value)
    settings["CONN_MAX_AGE"] = None
    connection_created.connect(_be_noticed, dispatch_uid="worker")


def _be_noticed(connection: BaseDatabaseWrapper, **_: object) -> None:
    """Let the server end the session, and so free its locks, soon after this machine is gone."""
    with connection.cursor() as cursor:
        cursor.execute(_END_WITH_THIS_MACHINE)


async def _run(concurrency: int, until: Callable[[], object] | None) -> None:
    loop = asyncio.get_running_loop()
    loop.set_exception_handler(_say_what_nobody_awaited)
    # One thread a job, and some for the searches and the queue.
    loop.set_default_executor(ThreadPoolExecutor(concurrency + 3, "job"))
    stop = _Stop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stop.request)
    if until is not None:
        threading.Thread(target=stop.when, args=(until, loop), daemon=True).start()
    searches = asyncio.create_task(_search(stop))
    pause = _BACK_OFF[0]
    while not stop.requested.is_set():
        begun = loop.time()
        try:
            # In the one thread in which the queue uses Django's connection, so that a lost one is replaced.
            await sync_to_async(_reach_database)()
            await _work(concurrency, stop)
        except _LOST as error:
            pause = _BACK_OFF[0] if loop.time() - begun > _BACK_OFF[1] else pause
            log.warning("the database is out of reach: %s; trying again in %s s", one_line(error), pause)
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(stop.requested.wait(), pause)
            pause = min(2 * pause, _BACK_OFF[1])
    searches.cancel()
    log.info("the worker stopped")


def _say_what_nobody_awaited(loop: asyncio.AbstractEventLoop, context: dict[str, Any]) -> None:
    """Log the failure of a task that procrastinate has dropped: one line when the database is the cause.

    The task of a job ends so when its outcome cannot be written; the search for lost parts queues that part again.
    """
    if isinstance(error := context.get("exception"), _LOST):
        log.warning("the outcome of a job is not recorded: %s", one_line(error))
    else:
        loop.default_exception_handler(context)


async def _work(concurrency: int, stop: "_Stop") -> None:
    connector = app.connector.get_worker_connector()  # type: ignore[attr-defined]
    connector._pool_args.update(min_size=1, max_size=2)
    with app.with_connector(connector) as own:
        async with own.open_async():
            worker = own._worker(
                queues=[QUEUE],
                concurrency=concurrency,
                delete_jobs="always",
                install_signal_handlers=False,
            )
            # A request from before the run would be forgotten: `run` begins by clearing it.
            if stop.requested.is_set():
                return
            log.info("the worker is ready for jobs, %s at a time", concurrency)
            with stop.stops(worker.stop):
                await worker.run()  # type: ignore[no-untyped-call]
            if not stop.requested.is_set():
                raise ConnectorException("a task of the queue has failed")


async def _search(stop: "_Stop") -> None:
    loop = asyncio.get_running_loop()
    while not stop.requested.is_set():
        with contextlib.suppress(*_LOST):
            await loop.run_in_executor(None, _recover)
        await asyncio.sleep(RECOVER_EVERY)


def _recover() -> None:
    connection.close_if_unusable_or_obsolete()
    recover()


def _reach_database() -> None:
    """Connect as Django does, which starts the embedded server if it is not running."""
    connection.close_if_unusable_or_obsolete()
    connection.ensure_connection()


class _Stop:
    """Whether the worker is to stop, and how to make it."""

    def __init__(self) -> None:
        self.requested = asyncio.Event()
        self._stop: Callable[[], Any] = lambda: None

    def request(self) -> None:
        """Stop after the files under way; the second time, end the process."""
        if self.requested.is_set():
            # Nothing is lost: what was not finished is begun again.
            os._exit(128 + signal.SIGTERM)
        log.info("stopping after the files under way")
        self.requested.set()
        stopping.set()
        self._stop()

    @contextlib.contextmanager
    def stops(self, stop: Callable[[], Any]) -> Iterator[None]:
        """Call `stop` when the end is requested during the block."""
        self._stop = stop
        try:
            yield
        finally:
            self._stop = lambda: None

    def when(self, until: Callable[[], object], loop: asyncio.AbstractEventLoop) -> None:
        """Wait for `until`, then request the end."""
        until()
        with contextlib.suppress(RuntimeError):
            loop.call_soon_threadsafe(self.request)
