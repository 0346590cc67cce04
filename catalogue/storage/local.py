"""Stores objects as files below one local folder."""

import contextlib
import heapq
import logging
import os
import stat
import threading
import time
import uuid
from collections import OrderedDict
from collections.abc import Iterator, Sequence
from functools import lru_cache
from pathlib import Path

from django.core.files.storage import FileSystemStorage

from catalogue.errors import ObjectChanged, ObjectMissing, ShortRead, StorageUnavailable
from catalogue.metrics import storage_call
from catalogue.storage.interface import (
    PART,
    PIECE,
    Level,
    ObjectStat,
    Storage,
    StoredObject,
    checked,
    checked_prefix,
    is_key,
)
from catalogue.storage.mapped import MAX_READ, MappedFiles

log = logging.getLogger(__name__)

_STAGING = ".staging"
# Files in the staging folder that hold the parts of an object which arrives in parts.
_PARTS = "parts-"


@lru_cache(maxsize=4096)
def _path_of(files: FileSystemStorage, key: str) -> Path:
    """Return the path of a key, which depends on nothing else, and takes longer to make than to stat."""
    return Path(files.path(checked(key)))


class LocalStorage(Storage):
    """A key is the path relative to the folder.

    Files stay open after reading (the most recent `MAX_OPEN_FILES`). Every read first checks whether the file was
    replaced or removed; the last reader of an evicted file closes it. Files are created with `file_mode` regardless of
    the umask, folders with the same permissions plus execute. Up to `max_mapped` unchanging files are mapped into
    memory, and verified once a second.
    """

    MAX_OPEN_FILES = 256

    def __init__(self, name: str, root: Path, *, file_mode: int = 0o600, max_mapped: int = 0) -> None:
        super().__init__(name)
        self.root = root
        self._file_mode = file_mode
        self._folder_mode = file_mode | (file_mode & 0o444) >> 2
        self._files = FileSystemStorage(location=root)
        self._open: OrderedDict[str, _OpenFile] = OrderedDict()
        self._mapped = MappedFiles(max_mapped)
        self._lock = threading.Lock()

    def local_path(self, key: str) -> Path:
        """Return the file of an object. Raises SuspiciousFileOperation for a key that leads out of the storage."""
        return _path_of(self._files, key)

    def stat(self, key: str) -> ObjectStat:
        path = self.local_path(key)
        try:
            status = path.stat()
        except OSError as error:
            raise self._explain(error) from error
        if stat.S_ISDIR(status.st_mode):
            raise ObjectMissing(f"an object of storage {self.name!r} is missing")
        return _object_stat(status)

    def read_range(self, key: str, offset: int, length: int, *, etag: str | None = None) -> bytes:
        if length == 0:
            return b""
        with storage_call(self.name, "read"):
            return self._read(key, offset, length, etag)

    def read_unchanging(self, key: str, offset: int, length: int) -> bytes:
        data = self._mapped.read(key, offset, length)
        if data is not None:
            return data
        data = self.read_range(key, offset, length)
        if 0 < length <= MAX_READ and self._mapped.is_due(key):
            try:
                self._mapped.verify(key, self._opened(key).descriptor)
            except OSError as error:
                raise self._explain(error) from error
        return data

    def _read(self, key: str, offset: int, length: int, etag: str | None) -> bytes:
        try:
            file = self._opened(key)
            piece = os.pread(file.descriptor, length, offset)
            pieces = [piece]
            while piece and (missing := length - sum(map(len, pieces))):
                piece = os.pread(file.descriptor, missing, offset + length - missing)
                pieces.append(piece)
            # Compared after the read, to detect a write before or during it.
            if etag is not None and _object_stat(os.fstat(file.descriptor)).etag != etag:
                raise ObjectChanged(f"an object of storage {self.name!r} has changed")
        except OSError as error:
            raise self._explain(error) from error
        whole = pieces[0] if len(pieces) == 1 else b"".join(pieces)
        if len(whole) < length:
            raise ShortRead(f"an object of storage {self.name!r} ends before byte {offset + length}")
        return whole

    def stream(self, key: str, offset: int, length: int, *, etag: str | None = None) -> Iterator[bytes]:
        end = offset + length
        for start in range(offset, end, PIECE):
            yield self.read_range(key, start, min(PIECE, end - start), etag=etag)

    def list(self, prefix: str = "") -> Iterator[StoredObject]:
        top = Path(self._files.path(prefix.rpartition("/")[0]))
        try:
            yield from self._walk(top, prefix)
        except OSError as error:
            raise self._explain(error) from error

    def _walk(self, folder: Path, prefix: str) -> Iterator[StoredObject]:
        if folder == self.root / _STAGING or (not folder.is_dir() and folder != self.root):
            return
        # Folders sort by their name plus "/", so that keys are in string order.
        entries = sorted(os.scandir(folder), key=lambda entry: entry.name + "/" * entry.is_dir())
        for entry in entries:
            key = Path(entry.path).relative_to(self.root).as_posix()
            if entry.is_dir():
                if f"{key}/".startswith(prefix) or prefix.startswith(f"{key}/"):
                    yield from self._walk(Path(entry.path), prefix)
            elif entry.is_file() and key.startswith(prefix) and is_key(key):
                try:
                    status = entry.stat()
                except FileNotFoundError:
                    continue  # removed since the folder was read
                yield StoredObject(key, _object_stat(status))

    def list_level(self, prefix: str = "", *, after: str | None = None, limit: int = 200) -> Level:
        folder = Path(self._files.path(checked_prefix(prefix)))
        if not folder.is_dir():
            return Level([], [], None)
        try:
            # Only names are read of the whole folder; the state only of what is on the page.
            names = set(os.listdir(folder)) - (set() if prefix else {_STAGING})
            shown = (name for name in names if (prefix + name).isprintable() and name > (after or ""))
            page = heapq.nsmallest(limit + 1, shown)
            folders, objects = _states(self.root, prefix, page[:limit])
        except OSError as error:
            raise self._explain(error) from error
        return Level(folders, objects, page[limit - 1] if len(page) > limit else None)

    def put(self, path: Path, key: str) -> ObjectStat:
        target = self.local_path(key)
        try:
            with path.open("rb") as file:
                os.fchmod(file.fileno(), self._file_mode)
                os.fsync(file.fileno())
            make_folders(target.parent, mode=self._folder_mode)
            path.replace(target)
            # A folder is durable only if its parents are: mkdir may have made several.
            for folder in target.parents:
                _sync_folder(folder)
                if folder == self.root:
                    break
            self._mapped.forget(key)
            return _object_stat(target.stat())
        except OSError as error:
            raise self._explain(error) from error

    def begin_parts(self, key: str) -> str:
        self.local_path(key)
        upload = uuid.uuid4().hex
        try:
            os.close(os.open(self._parts(upload), os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600))
        except OSError as error:
            raise self._explain(error) from error
        return upload

    def put_part(self, key: str, upload: str, number: int, data: bytes) -> str:
        try:
            descriptor = os.open(self._parts(upload), os.O_WRONLY)
            try:
                view, offset = memoryview(data), (number - 1) * PART
                while view:
                    written = os.pwrite(descriptor, view, offset)
                    view, offset = view[written:], offset + written
            finally:
                os.close(descriptor)
        except OSError as error:
            raise self._explain(error) from error
        return f"{len(data)}"

    def finish_parts(self, key: str, upload: str, tags: Sequence[str]) -> ObjectStat:
        path = self._parts(upload)
        try:
            # A last part that was stored before it was known to be the last may have been longer.
            os.truncate(path, sum(map(int, tags)))
        except OSError as error:
            raise self._explain(error) from error
        return self.put(path, key)

    def abort_parts(self, key: str, upload: str) -> None:
        try:
            self._parts(upload).unlink(missing_ok=True)
        except OSError as error:
            raise self._explain(error) from error

    def abort_uploads(self, *, older_than: float, dry_run: bool = False) -> int:
        before, count = time.time() - older_than, 0
        for path in self.staging().glob(f"{_PARTS}*"):
            with contextlib.suppress(FileNotFoundError):
                if path.stat().st_mtime < before:
                    count += 1
                    if not dry_run:
                        path.unlink()
        return count

    def _parts(self, upload: str) -> Path:
        if not (upload.isalnum() and upload.isascii()):
            raise ObjectMissing(f"storage {self.name!r} has no such upload")
        return self.staging() / f"{_PARTS}{upload}"

    def delete(self, key: str) -> None:
        path = self.local_path(key)
        try:
            path.unlink(missing_ok=True)
        except (NotADirectoryError, IsADirectoryError):
            pass  # no object has this key
        except OSError as error:
            raise self._explain(error) from error
        self._mapped.forget(key)
        with self._lock:
            self._open.pop(key, None)

    def staging(self) -> Path:
        folder = self.root / _STAGING
        try:
            make_folders(self.root, mode=self._folder_mode)
            make_folders(folder, mode=0o700)
        except OSError as error:
            raise self._explain(error) from error
        return folder

    def check(self) -> None:
        if not os.access(self.root, os.R_OK | os.X_OK):
            raise StorageUnavailable(f"storage {self.name!r} cannot be read")

    def _opened(self, key: str) -> "_OpenFile":
        with self._lock:
            known = self._open.get(key)
            if known is not None:
                self._open.move_to_end(key)
        if known is not None and _identity(os.stat(known.path)) == known.identity:
            return known
        file = _OpenFile(str(self.local_path(key)))
        with self._lock:
            self._open[key] = file
            if len(self._open) > self.MAX_OPEN_FILES:
                self._open.popitem(last=False)
        return file

    def _explain(self, error: OSError) -> ObjectMissing | StorageUnavailable:
        """Return ObjectMissing for a missing file in an existing folder, else StorageUnavailable."""
        if (
            isinstance(error, FileNotFoundError | NotADirectoryError | IsADirectoryError)
            and self.root.is_dir()
        ):
            return ObjectMissing(f"an object of storage {self.name!r} is missing")
        log.error("Storage %r failed: %s", self.name, error)
        unavailable = StorageUnavailable(f"storage {self.name!r} failed: {error.strerror}")
        unavailable.is_logged = True
        return unavailable


class _OpenFile:
    """An open file that is closed when its last reader is done."""

    __slots__ = ("descriptor", "identity", "path")

    def __init__(self, path: str) -> None:
        self.path = path
        self.descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
        self.identity = _identity(os.fstat(self.descriptor))

    def __del__(self) -> None:
        # There is no descriptor if the file could not be opened.
        if hasattr(self, "descriptor"):
            os.close(self.descriptor)


def _identity(status: os.stat_result) -> tuple[int, int]:
    """Return the identity of a file: its inode is not reused while the file is open."""
    return status.st_dev, status.st_ino


def _object_stat(status: os.stat_result) -> ObjectStat:
    return ObjectStat(status.st_size, f"{status.st_size:x}-{status.st_mtime_ns:x}", status.st_mtime)


def _states(root: Path, prefix: str, names: Sequence[str]) -> tuple[list[str], list[StoredObject]]:
    """Return the folders and the objects of these names below a prefix."""
    folders, objects = [], []
    for name in names:
        try:
            status = (root / prefix / name).stat()
        except FileNotFoundError:
            continue  # removed since the folder was read, or a broken link
        if stat.S_ISDIR(status.st_mode):
            folders.append(f"{prefix}{name}/")
        elif stat.S_ISREG(status.st_mode):
            objects.append(StoredObject(prefix + name, _object_stat(status)))
    return folders, objects


def make_folders(folder: Path, *, mode: int) -> None:
    """Make a folder and its missing parents, all with `mode` regardless of the umask. Raises OSError."""
    if not folder.exists():
        make_folders(folder.parent, mode=mode)
        with contextlib.suppress(FileExistsError):
            folder.mkdir()
            folder.chmod(mode)


def _sync_folder(folder: Path) -> None:
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
