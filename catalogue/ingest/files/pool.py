"""Reads data files several at a time, in worker processes.

Uses processes, not threads: headers and indexes are parsed in Python, htslib builds one index at a time per process,
and a file that crashes htslib ends one process, not the ingest. Workers do not use the database.
"""

import multiprocessing
import sys
from collections.abc import Callable, Generator, Iterable, Iterator
from concurrent.futures import FIRST_COMPLETED, Future, ProcessPoolExecutor, wait
from concurrent.futures.process import BrokenProcessPool
from contextlib import closing
from itertools import islice
from typing import Final, TypeVar

from django.conf import settings

from catalogue.ingest.files import reader_process
from catalogue.ingest.files.indexing import ReadJob
from catalogue.ingest.files.reader import FileReading

Key = TypeVar("Key")
Job = TypeVar("Job")
Result = TypeVar("Result")
Done = list[tuple[Key, Result | BaseException]]

# Jobs of each process that are under way, or done and not fetched, so that results come in groups.
_AHEAD: Final = 4


class ReaderCrashedError(Exception):
    """The process that read a file crashed, twice."""


def read_files(
    jobs: Iterable[tuple[Key, ReadJob]], *, processes: int
) -> Generator[Done[Key, FileReading], None, None]:
    """Yield the readings or exceptions of jobs, as `as_they_finish` does."""
    return as_they_finish(jobs, reader_process.read, processes=processes)


def in_processes(
    jobs: Iterable[tuple[Key, Job]], work: Callable[[Job], Result], *, processes: int
) -> Generator[tuple[Key, Result | BaseException], None, None]:
    """Yield the result or exception of `work` on each job, as `as_they_finish` does, one by one."""
    with closing(as_they_finish(jobs, work, processes=processes)) as finished:
        for done in finished:
            yield from done


def as_they_finish(
    jobs: Iterable[tuple[Key, Job]], work: Callable[[Job], Result], *, processes: int
) -> Generator[Done[Key, Result], None, None]:
    """Yield the results or exceptions of `work` on jobs, in order of completion: each time all that are done.

    `work` is a function of a module. Takes jobs only as processes become free. Closing the iterator ends the processes.
    """
    waiting = iter(jobs)
    while batch := list(islice(waiting, 1)):
        suspects: list[tuple[Key, Job]] = []
        yield from _read(batch[0], waiting, work, processes=processes, suspects=suspects)
        for suspect in suspects:
            alone: list[tuple[Key, Job]] = []
            yield from _read(suspect, iter(()), work, processes=1, suspects=alone)
            if alone:
                yield [(suspect[0], ReaderCrashedError("htslib crashed on it"))]


def _read(
    first: tuple[Key, Job],
    waiting: Iterator[tuple[Key, Job]],
    work: Callable[[Job], Result],
    *,
    processes: int,
    suspects: list[tuple[Key, Job]],
) -> Generator[Done[Key, Result], None, None]:
    """Work until all jobs are done or a process crashes; then running jobs become suspects, to be repeated alone."""
    pool = ProcessPoolExecutor(
        processes,
        mp_context=multiprocessing.get_context(_start_method()),
        initializer=reader_process.begin,
        initargs=(dict(settings.HTSGETSITE_STORAGES),),
    )
    under_way: dict[Future[Result], tuple[Key, Job]] = {}

    def submit(job: tuple[Key, Job]) -> None:
        try:
            under_way[pool.submit(work, job[1])] = job
        except BrokenProcessPool:
            suspects.append(job)

    try:
        submit(first)
        while under_way:
            for job in islice(waiting, 0 if suspects else _AHEAD * processes - len(under_way)):
                submit(job)
            done: Done[Key, Result] = []
            for future in wait(under_way, return_when=FIRST_COMPLETED).done:
                job = under_way.pop(future)
                error = future.exception()
                if isinstance(error, BrokenProcessPool):
                    suspects.append(job)
                else:
                    done.append((job[0], error or future.result()))
            yield done
    finally:
        # If the caller stops early, results of running jobs are no longer needed.
        for process in list((pool._processes or {}).values()) if under_way else ():
            process.kill()
        pool.shutdown(cancel_futures=True)


def _start_method() -> str:
    """Return how to start processes: as the program has set it (one with threads must not fork), else by forking."""
    chosen = multiprocessing.get_start_method(allow_none=True)
    return chosen or ("fork" if sys.platform == "linux" else "spawn")
