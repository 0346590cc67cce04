"""Ingests in processes of their own, which can be killed at any step of their work.

A step is a statement sent to the database or a file that is opened, renamed, removed or linked, by the ingest's main
process. Steps are counted, not timed, so that a busy machine changes nothing.
"""

import itertools
import multiprocessing
import os
import signal
import sys
import time
from collections.abc import Callable
from multiprocessing.process import BaseProcess
from typing import Any

import psutil
from django.core.management import call_command
from django.db import connection, connections

from tests.live import PATIENCE

_FILE_EVENTS = {"open", "os.link", "os.mkdir", "os.remove", "os.rename", "os.truncate"}

_kept: list[Any] = []


def start_ingest(command: str, *arguments: str, **options: Any) -> BaseProcess:
    """Start an ingest, silent; wait for it with `finish`."""
    return _start(lambda: None, command, arguments, options)


def finish(process: BaseProcess) -> None:
    """Wait for an ingest that must succeed."""
    process.join(PATIENCE)
    assert process.exitcode == 0


def count_steps(command: str, *arguments: str, **options: Any) -> int:
    """Run an ingest, which must succeed, and return the number of its steps."""
    counted = multiprocessing.get_context("fork").Value("i", 0)

    def count() -> None:
        counted.value += 1

    finish(_start(count, command, arguments, options))
    return int(counted.value)


def kill_at(step: int, command: str, *arguments: str, **options: Any) -> bool:
    """Run an ingest and kill it at this step. Return False when it ended before it came there.

    None of its processes is left on return.
    """
    steps = itertools.count(1)

    def stop_at_step() -> None:
        if next(steps) == step:
            os.kill(os.getpid(), signal.SIGSTOP)

    process = _start(stop_at_step, command, arguments, options)
    ingest = psutil.Process(process.pid)
    _wait_for(lambda: ingest.status() in {psutil.STATUS_STOPPED, psutil.STATUS_ZOMBIE})
    stopped = bool(ingest.status() == psutil.STATUS_STOPPED)
    family = ingest.children(recursive=True)
    process.kill()
    process.join()
    _wait_for(lambda: all(_has_ended(child) for child in family))
    return stopped


def _start(
    at_step: Callable[[], None], command: str, arguments: tuple[str, ...], options: dict[str, Any]
) -> BaseProcess:
    def ingest() -> None:
        # The connection of the parent must be neither used nor closed here.
        _kept.append(connections["default"].connection)
        connections["default"].connection = None
        os.dup2(os.open(os.devnull, os.O_WRONLY), 1)
        os.dup2(1, 2)
        main = os.getpid()

        def see_file_event(event: str, _: object) -> None:
            if event in _FILE_EVENTS and os.getpid() == main:
                at_step()

        def see_statement(execute: Callable[..., Any], *statement: Any) -> Any:
            at_step()
            return execute(*statement)

        sys.addaudithook(see_file_event)
        with connection.execute_wrapper(see_statement):
            call_command(command, *arguments, **options)

    process = multiprocessing.get_context("fork").Process(target=ingest)
    process.start()
    return process


def _wait_for(condition: Callable[[], bool]) -> None:
    until = time.monotonic() + PATIENCE
    while not condition():
        assert time.monotonic() < until
        time.sleep(0.002)


def _has_ended(process: psutil.Process) -> bool:
    try:
        return bool(process.status() == psutil.STATUS_ZOMBIE)
    except psutil.NoSuchProcess:
        return True
