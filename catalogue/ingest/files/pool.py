"""Reads data files several at a time, in worker processes.

Uses processes, not threads: headers and indexes are parsed in Python, htslib builds one index at a time per process,
and a file that crashes htslib ends one process, not the ingest. Workers do not use the database.
"""

import multiprocessing
import os
import signal
import sys
import threading
from collections.abc import Generator, Iterable, Iterator
from concurrent.futures import FIRST_COMPLETED, Future, ProcessPoolExecutor, wait
from concurrent.futures.process import BrokenProcessPool
from itertools import islice
from multiprocessing.connection import wait as wait_for_any
from typing import TypeVar

import django
from django.apps import apps
from django.conf import settings

from catalogue.ingest.files.indexing import ReadJob
from catalogue.ingest.files.reader import FileReading, read_file

Key = TypeVar("Key")


class ReaderCrashedError(Exception):
    """The process that read a file crashed, twice."""


def read_files(
    jobs: Iterable[tuple[Key, ReadJob]], *, processes: int
) -> Generator[tuple[Key, FileReading | BaseException], None, None]:
    """Yield the result or exception of each job, in order of completion.

    Takes jobs only as processes become free. Closing the iterator ends the processes.
    """
    waiting = iter(jobs)
    while batch := list(islice(waiting, 1)):
        suspects: list[tuple[Key, ReadJob]] = []
        yield from _read(batch[0], waiting, processes=processes, suspects=suspects)
        for suspect in suspects:
            alone: list[tuple[Key, ReadJob]] = []
            yield from _read(suspect, iter(()), processes=1, suspects=alone)
            if alone:
                yield suspect[0], ReaderCrashedError("htslib crashed on it")


def _read(
    first: tuple[Key, ReadJob],
    waiting: Iterator[tuple[Key, ReadJob]],
    *,
    processes: int,
    suspects: list[tuple[Key, ReadJob]],
) -> Generator[tuple[Key, FileReading | BaseException], None, None]:
    """Work until all jobs are done or a process crashes; then running jobs become suspects, to be repeated alone."""
    pool = ProcessPoolExecutor(
        processes,
        mp_context=multiprocessing.get_context("fork" if sys.platform == "linux" else "spawn"),
        initializer=_begin,
        initargs=(dict(settings.HTSGETSITE_STORAGES),),
    )
    under_way: dict[Future[FileReading], tuple[Key, ReadJob]] = {}

    def submit(job: tuple[Key, ReadJob]) -> None:
        try:
            under_way[pool.submit(read_file, job[1])] = job
        except BrokenProcessPool:
            suspects.append(job)

    try:
        submit(first)
        while under_way:
            for job in islice(waiting, 0 if suspects else 2 * processes - len(under_way)):
                submit(job)
            for future in wait(under_way, return_when=FIRST_COMPLETED).done:
                job = under_way.pop(future)
                error = future.exception()
                if isinstance(error, BrokenProcessPool):
                    suspects.append(job)
                else:
                    yield job[0], error or future.result()
    finally:
        # If the caller stops early, results of running jobs are no longer needed.
        for process in list((pool._processes or {}).values()) if under_way else ():
            process.kill()
        pool.shutdown(cancel_futures=True)


def _begin(storages: dict[str, str]) -> None:
    """Prepare a worker: set its storages, leave Control-C to the parent, and end with the parent."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    signal.signal(signal.SIGTERM, signal.SIG_DFL)
    if not apps.ready:
        django.setup()
        settings.HTSGETSITE_STORAGES = storages
    parent = multiprocessing.parent_process()
    if parent is not None:
        threading.Thread(target=_end_with, args=(parent.sentinel,), daemon=True).start()


def _end_with(parent: int) -> None:
    # Workers of a killed parent would otherwise wait for work forever.
    wait_for_any([parent])
    os._exit(1)
