"""Where bytes lie: named storages with ranged reads, atomic writes and listings.

A storage is named in `HTSGETSITE_STORAGES` and described by a URL; only this module knows what a URL or a path is.
Everybody else holds `(storage name, key)`. Offsets and lengths are bytes.
"""

import abc
import os
import threading
from collections import OrderedDict
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from io import FileIO
from pathlib import Path
from typing import NamedTuple
from urllib.parse import unquote, urlsplit

from django.conf import settings
from django.core.files.storage import FileSystemStorage
from django.core.signals import setting_changed

from catalogue.errors import ObjectMissing, ShortRead, StorageMisconfigured, StorageUnavailable

#: The storage of residues; always configured.
SEQUENCES = "sequences"
#: The storage of data files that the site keeps itself; always configured.
FILES = "files"

#: Streams hand on pieces of this many bytes: fewer system calls than smaller ones, no more memory than larger ones.
PIECE = 1 << 20

_STAGING = ".staging"


@dataclass(frozen=True, slots=True)
class ObjectStat:
    """What identifies one state of a stored object: it changed when any of these did."""

    size: int
    etag: str
    modified: float


class StoredObject(NamedTuple):
    """One entry of a listing."""

    key: str
    stat: ObjectStat


class Storage(abc.ABC):
    """One named place for objects. Safe to use from several threads."""

    def __init__(self, name: str) -> None:
        self.name = name

    @abc.abstractmethod
    def stat(self, key: str) -> ObjectStat:
        """Size and ETag. Raises ObjectMissing, StorageUnavailable."""

    @abc.abstractmethod
    def read_range(self, key: str, offset: int, length: int) -> bytes:
        """Exactly `length` bytes from `offset`. Raises ShortRead, ObjectMissing, StorageUnavailable."""

    def stream(self, key: str, offset: int, length: int) -> Iterator[bytes]:
        """The same bytes in pieces of at most `PIECE`. Raises ShortRead in the middle when they fall short."""
        end = offset + length
        for start in range(offset, end, PIECE):
            yield self.read_range(key, start, min(PIECE, end - start))

    @abc.abstractmethod
    def list(self, prefix: str = "") -> Iterator[StoredObject]:
        """Every object whose key begins with `prefix`, in the order of keys."""

    @abc.abstractmethod
    def put(self, path: Path, key: str) -> ObjectStat:
        """Makes the finished local file `path` the object `key`: complete and durable, or not there at all.

        The file is gone afterwards. Give a file in `staging()`, so that a move is enough where the storage is local.
        """

    @abc.abstractmethod
    def delete(self, key: str) -> None:
        """Removes an object; no error when it is gone already."""

    @abc.abstractmethod
    def staging(self) -> Path:
        """An existing local folder for files that are on their way into the storage; listings leave it out."""

    @abc.abstractmethod
    def check(self) -> None:
        """Raises StorageUnavailable, without naming a path, unless the storage answers."""

    def local_path(self, key: str) -> Path | None:
        """The file of an object, where it is one on this machine."""
        return None


class LocalStorage(Storage):
    """Objects are files below one folder; a key is the path relative to it.

    Files that are read stay open (the most recent `OPEN_FILES`). One that was replaced or removed meanwhile is noticed
    before every read; an evicted one is closed by its last reader, never under it.
    """

    OPEN_FILES = 256

    def __init__(self, name: str, root: Path) -> None:
        super().__init__(name)
        self.root = root
        self._files = FileSystemStorage(location=root)
        self._open: OrderedDict[str, _OpenFile] = OrderedDict()
        self._lock = threading.Lock()

    def local_path(self, key: str) -> Path:
        """The file of an object. Raises SuspiciousFileOperation for a key that leads out of the storage."""
        return Path(self._files.path(key))

    def stat(self, key: str) -> ObjectStat:
        try:
            return _file_stat(self.local_path(key))
        except OSError as error:
            raise self._explain(error) from error

    def read_range(self, key: str, offset: int, length: int) -> bytes:
        try:
            file = self._opened(key)
            piece = os.pread(file.fileno(), length, offset)
            if len(piece) == length:
                return piece
            pieces = [piece]
            while piece and (missing := length - sum(map(len, pieces))):
                piece = os.pread(file.fileno(), missing, offset + length - missing)
                pieces.append(piece)
        except OSError as error:
            raise self._explain(error) from error
        whole = b"".join(pieces)
        if len(whole) < length:
            raise ShortRead(f"an object of storage {self.name!r} ends before byte {offset + length}")
        return whole

    def list(self, prefix: str = "") -> Iterator[StoredObject]:
        # A prefix is a string, not a folder: `run1` lists run1.bam and run1/a.bam alike.
        top = self.local_path(prefix.rpartition("/")[0])
        try:
            yield from self._walk(top, prefix)
        except OSError as error:
            raise self._explain(error) from error

    def _walk(self, folder: Path, prefix: str) -> Iterator[StoredObject]:
        if not folder.is_dir() and folder != self.root:
            return
        # Folders sort as their name with "/", so that keys come in the order of strings.
        entries = sorted(os.scandir(folder), key=lambda entry: entry.name + "/" * entry.is_dir())
        for entry in entries:
            key = Path(entry.path).relative_to(self.root).as_posix()
            if entry.is_dir():
                if key != _STAGING and (f"{key}/".startswith(prefix) or prefix.startswith(f"{key}/")):
                    yield from self._walk(Path(entry.path), prefix)
            elif entry.is_file() and key.startswith(prefix):
                yield StoredObject(key, _file_stat(Path(entry.path)))

    def put(self, path: Path, key: str) -> ObjectStat:
        target = self.local_path(key)
        try:
            with path.open("rb") as file:
                os.fsync(file.fileno())
            target.parent.mkdir(parents=True, exist_ok=True)
            path.replace(target)
            for folder in (target.parent, target.parent.parent):
                _sync_folder(folder)
            return _file_stat(target)
        except OSError as error:
            raise self._explain(error) from error

    def delete(self, key: str) -> None:
        try:
            self.local_path(key).unlink(missing_ok=True)
        except OSError as error:
            raise self._explain(error) from error
        with self._lock:
            self._open.pop(key, None)

    def staging(self) -> Path:
        folder = self.root / _STAGING
        try:
            folder.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise self._explain(error) from error
        return folder

    def check(self) -> None:
        if not os.access(self.root, os.R_OK | os.X_OK):
            raise StorageUnavailable(f"storage {self.name!r} cannot be read")

    def _opened(self, key: str) -> "_SharedFile":
        with self._lock:
            known = self._open.get(key)
            if known is not None:
                self._open.move_to_end(key)
        if known is not None and _identity(os.stat(known.path)) == known.identity:
            return known.file
        path = self._files.path(key)
        file = _SharedFile(path)
        with self._lock:
            self._open[key] = _OpenFile(path, file, _identity(os.fstat(file.fileno())))
            if len(self._open) > self.OPEN_FILES:
                self._open.popitem(last=False)
        return file

    def _explain(self, error: OSError) -> ObjectMissing | StorageUnavailable:
        """A missing file in a folder that is there is missing; anything else is the storage's own trouble."""
        if (
            isinstance(error, FileNotFoundError | NotADirectoryError | IsADirectoryError)
            and self.root.is_dir()
        ):
            return ObjectMissing(f"an object of storage {self.name!r} is missing")
        return StorageUnavailable(f"storage {self.name!r} failed: {error.strerror}")


class _SharedFile(FileIO):
    """A file that its last reader closes, by letting go of it; that is the intent, so no warning is due."""

    def __del__(self) -> None:
        self.close()


class _OpenFile(NamedTuple):
    path: str
    file: _SharedFile
    identity: tuple[int, int]


def _identity(status: os.stat_result) -> tuple[int, int]:
    """An inode is not given to another file while ours is open, so this tells files apart."""
    return status.st_dev, status.st_ino


def _file_stat(path: Path) -> ObjectStat:
    status = path.stat()
    return ObjectStat(status.st_size, f"{status.st_size:x}-{status.st_mtime_ns:x}", status.st_mtime)


def _sync_folder(folder: Path) -> None:
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


@cache
def storage(name: str) -> Storage:
    """The storage of that name. Raises StorageMisconfigured when no setting describes it."""
    try:
        url = settings.HTSGETSITE_STORAGES[name]
    except KeyError:
        raise StorageMisconfigured(f"no storage is named {name!r}") from None
    return _from_url(name, url)


def _from_url(name: str, url: str) -> Storage:
    parts = urlsplit(url)
    if parts.scheme == "file" and parts.netloc in ("", "localhost") and parts.path.startswith("/"):
        return LocalStorage(name, Path(unquote(parts.path)).resolve())
    raise StorageMisconfigured(f"the URL of storage {name!r} is none that can be used")


def storages() -> list[Storage]:
    """Every configured storage, in the order of the setting."""
    return [storage(name) for name in settings.HTSGETSITE_STORAGES]


def locate(path: Path) -> tuple[str, str] | None:
    """The local storage that contains a file, as (storage name, key); the innermost where they nest."""
    resolved = path.resolve()
    containing = [
        place
        for place in storages()
        if isinstance(place, LocalStorage) and resolved.is_relative_to(place.root)
    ]
    if not containing:
        return None
    innermost = max(containing, key=lambda place: len(place.root.parts))
    return innermost.name, resolved.relative_to(innermost.root).as_posix()


def _forget(*, setting: str, **_: object) -> None:
    if setting == "HTSGETSITE_STORAGES":
        storage.cache_clear()


setting_changed.connect(_forget)
