"""Makes staging folders, and removes those that killed processes left.

A folder belongs to the process that holds the lock on its `lock` file; the kernel releases the lock whenever the
process ends.
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
    """Make a folder for this process alone, removed at the end. Folders that ended processes left are removed first."""
    top = storage.staging()
    # Held while a folder is made or removed, so that no other process sees a folder without its lock held.
    with _locked(top / ".lock", wait=True):
        _remove_abandoned(top)
        folder = top / f"{_PREFIX}{uuid.uuid4().hex}"
        folder.mkdir()
        descriptor = os.open(folder / _LOCK, os.O_CREAT | os.O_RDWR, 0o600)
        fcntl.flock(descriptor, fcntl.LOCK_EX)
    try:
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)
        os.close(descriptor)


def remove_abandoned(top: Path, *, dry_run: bool = False) -> int:
    """Remove the folders below a storage's `staging()` that ended processes left; return their number."""
    with _locked(top / ".lock", wait=True):
        return _remove_abandoned(top, dry_run=dry_run)


def _remove_abandoned(top: Path, *, dry_run: bool = False) -> int:
    count = 0
    for folder in top.glob(f"{_PREFIX}*"):
        with _locked(folder / _LOCK, wait=False) as is_abandoned:
            if is_abandoned:
                count += 1
                if not dry_run:
                    shutil.rmtree(folder, ignore_errors=True)
    return count


@contextmanager
def _locked(path: Path, *, wait: bool) -> Iterator[bool]:
    """Hold the lock of a file; yield False when another process holds it and `wait` is False."""
    try:
        descriptor = os.open(path, os.O_CREAT | os.O_RDWR, 0o600)
    except (FileNotFoundError, NotADirectoryError):
        # The folder was removed in the meantime.
        yield False
        return
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | (0 if wait else fcntl.LOCK_NB))
        yield True
    except BlockingIOError:
        yield False
    finally:
        os.close(descriptor)
