"""Converts records between formats, and selects fields, tags and regions, with htslib in separate processes.

A conversion is complete before its first byte is sent, so that its size is known and a failure is an error, not a
truncated body. Its output is in an unnamed file, which disappears when it is closed.
"""

import atexit
import errno
import os
import select
import socket
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO, Final

from django.conf import settings

from catalogue import metrics
from htsget_app.conversion.process import DONE, Job
from htsget_app.errors import ConversionFailed, NoRoom, TooManyConversions

_FULL: Final = {errno.ENOSPC, errno.EDQUOT}
#: The largest write of htslib: a block of BGZF.
_BLOCK: Final = 1 << 16


class _Converter:
    """The process that forks a child for each conversion: started for the first, and restarted if it died."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._connection: socket.socket | None = None
        self._process: subprocess.Popen[bytes] | None = None

    def submit(self, job: Job, source: int, target: int, status: int) -> None:
        """Send a job with its descriptors, which stay open here."""
        message = job.encoded()
        with self._lock:
            try:
                self._send(message, source, target, status)
            except OSError:
                # The process died; start it again.
                self._end()
                self._send(message, source, target, status)

    def close(self) -> None:
        """End the process, and with it every conversion."""
        with self._lock:
            self._end()

    def _end(self) -> None:
        if self._connection is not None and self._process is not None:
            self._connection.close()
            self._process.wait()
            self._connection = None

    def _send(self, message: bytes, *descriptors: int) -> None:
        if self._connection is None:
            self._start()
        assert self._connection is not None
        socket.send_fds(self._connection, [message], list(descriptors))

    def _start(self) -> None:
        ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        with theirs:
            self._process = subprocess.Popen(
                [sys.executable, "-m", "htsget_app.conversion.process", str(theirs.fileno())],
                cwd=settings.BASE_DIR,
                # It needs no settings of the site and no secrets.
                env={"PATH": os.defpath, "LANG": "C.UTF-8"},
                pass_fds=[theirs.fileno()],
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
            )
        self._connection = ours


_converter = _Converter()
_counting = threading.Lock()
_running = 0


def _begin_anew() -> None:
    # The connection and what runs are the parent's.
    global _converter, _counting, _running
    _converter, _counting, _running = _Converter(), threading.Lock(), 0


atexit.register(lambda: _converter.close())
os.register_at_fork(after_in_child=_begin_anew)


@contextmanager
def open_unnamed(folder: Path) -> Iterator[int]:
    """Yield the descriptor of an unnamed file on the disk of a folder, closed after the block. Raises NoRoom."""
    try:
        file = tempfile.TemporaryFile(dir=folder, buffering=0)  # noqa: SIM115
    except OSError as error:
        if error.errno in _FULL:
            raise NoRoom from error
        raise
    with file:
        yield file.fileno()


def convert(source: Iterable[bytes], job: Job, target: int) -> None:
    """Write the whole output of a job to the descriptor `target`.

    `source` is the job's input, read once. Raises ConversionFailed, TooManyConversions, NoRoom, and errors of `source`.
    """
    with _one_of(settings.STREAM_LIMIT):
        try:
            _convert(source, job, target)
        except Exception:
            metrics.CONVERSIONS.labels("failed").inc()
            raise
        metrics.CONVERSIONS.labels("done").inc()


@contextmanager
def _one_of(limit: int) -> Iterator[None]:
    """Count a running conversion during the block. Raises TooManyConversions."""
    global _running
    with _counting:
        if _running >= limit:
            metrics.CONVERSIONS.labels("refused").inc()
            raise TooManyConversions
        _running += 1
    try:
        yield
    finally:
        with _counting:
            _running -= 1


def _convert(source: Iterable[bytes], job: Job, target: int) -> None:
    read_end, write_end = os.pipe()
    status, status_end = os.pipe()
    try:
        _converter.submit(job, read_end, target, status_end)
    finally:
        os.close(read_end)
        os.close(status_end)
    deadline = time.monotonic() + job.seconds
    with os.fdopen(status, "rb", buffering=0) as answer:
        try:
            _feed(source, write_end, deadline)
        finally:
            os.close(write_end)
        said = _read_all(answer, deadline)
    if said != DONE:
        if _is_full(target):
            raise NoRoom
        raise ConversionFailed(said.decode(errors="replace").strip() or "the process ended without a word")


def _is_full(target: int) -> bool:
    """Write one more block behind a file; return whether that fails because its disk is full."""
    try:
        return os.pwrite(target, bytes(_BLOCK), os.fstat(target).st_size) < _BLOCK
    except OSError as error:
        return error.errno in _FULL


def _feed(source: Iterable[bytes], pipe: int, deadline: float) -> None:
    """Write the input; stop if the reader closes the pipe, because the status then gives the reason."""
    os.set_blocking(pipe, False)
    writable = select.poll()
    writable.register(pipe, select.POLLOUT)
    for piece in source:
        view = memoryview(piece)
        while view:
            if not writable.poll(max(0, deadline - time.monotonic()) * 1000):
                raise ConversionFailed("it takes too long")
            try:
                view = view[os.write(pipe, view) :]
            except BlockingIOError:
                continue
            except BrokenPipeError:
                return


def _read_all(answer: BinaryIO, deadline: float) -> bytes:
    readable = select.poll()
    readable.register(answer.fileno(), select.POLLIN)
    said = b""
    while True:
        if not readable.poll(max(0, deadline - time.monotonic()) * 1000):
            raise ConversionFailed("it takes too long")
        piece = answer.read(4096)
        if not piece:
            return said
        said += piece
