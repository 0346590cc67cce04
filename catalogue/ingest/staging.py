"""Folders for blobs on their way into a storage, and the removal of those that a killed process left.

A folder belongs to the process that holds the lock on its `lock` file, which the kernel gives up when the process ends,
however it ends.
"""

import fcntl
import os
import shutil
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from catalogue.storage import Storage

_PREFIX = "ingest-"
_LOCK = "lock"


@contextmanager
def staging_folder(storage: Storage) -> Iterator[Path]:
    """A folder of this process alone, removed at the end; folders of processes that are no more are removed first."""
    top = storage.staging()
    # Whoever makes or removes a folder holds this lock, so that none is seen before its own lock is held.
    with _locked(top / ".lock", wait=True) as alone:
        assert alone
        _sweep(top)
        folder = top / f"{_PREFIX}{uuid.uuid4().hex}"
        folder.mkdir()
        descriptor = os.open(folder / _LOCK, os.O_CREAT | os.O_RDWR, 0o600)
        fcntl.flock(descriptor, fcntl.LOCK_EX)
    try:
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)
        os.close(descriptor)


def _sweep(top: Path) -> None:
    for folder in top.glob(f"{_PREFIX}*"):
        with _locked(folder / _LOCK, wait=False) as abandoned:
            if abandoned:
                shutil.rmtree(folder, ignore_errors=True)


@contextmanager
def _locked(path: Path, *, wait: bool) -> Iterator[bool]:
    """Holds the lock of a file; yields False when another process has it and `wait` is not wanted."""
    try:
        descriptor = os.open(path, os.O_CREAT | os.O_RDWR, 0o600)
    except (FileNotFoundError, NotADirectoryError):
        # The folder went away meanwhile.
        yield False
        return
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | (0 if wait else fcntl.LOCK_NB))
        yield True
    except BlockingIOError:
        yield False
    finally:
        os.close(descriptor)
