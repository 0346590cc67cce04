"""Where a data file or an index lies, in a storage or elsewhere on this machine, and ranged reads of it."""

import os
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from catalogue.errors import ObjectChanged, ObjectMissing
from catalogue.formats import ReadRange
from catalogue.storage import LocalStorage, ObjectStat, Storage, locate, storage

#: The first read of a file fetches this much, which holds the whole header of most.
HEAD = 256 * 1024

# Files that lie in no storage can be read, and copied from, as objects of one that covers the machine.
_MACHINE = LocalStorage("", Path("/"))


@dataclass(frozen=True, slots=True, order=True)
class ObjectRef:
    """One object of a named storage; for a local file that lies in none, `storage` is empty and `key` its path
    without the leading slash.
    """

    storage: str
    key: str

    @classmethod
    def of(cls, path: Path, *, prefer: str | None = None) -> "ObjectRef":
        """Where a local file lies: in the storage `prefer` if that contains it, else in the innermost that does."""
        resolved = path.resolve()
        if prefer is not None:
            preferred = storage(prefer)
            if isinstance(preferred, LocalStorage) and resolved.is_relative_to(preferred.root):
                return cls(prefer, resolved.relative_to(preferred.root).as_posix())
        found = locate(path)
        return cls(*found) if found else cls("", resolved.as_posix().lstrip("/"))

    def __str__(self) -> str:
        return f"{self.storage}:{self.key}" if self.storage else f"/{self.key}"

    @property
    def stored(self) -> bool:
        """Whether it lies in a configured storage, so that it can be served from there."""
        return bool(self.storage)

    @property
    def held_by(self) -> Storage:
        return storage(self.storage) if self.storage else _MACHINE

    def beside(self, key: str) -> "ObjectRef":
        """Another object of the same storage."""
        return ObjectRef(self.storage, key)

    def stat(self) -> ObjectStat:
        """Raises StorageError."""
        return self.held_by.stat(self.key)

    def stat_if_there(self) -> ObjectStat | None:
        """None for a missing object. Raises StorageUnavailable."""
        try:
            return self.stat()
        except ObjectMissing:
            return None

    def existing(self, keys: Sequence[str]) -> list[tuple[str, ObjectStat]]:
        """Which of the objects `keys` of the same storage are there, in the order given. Raises StorageUnavailable.

        The keys should begin alike: a storage that is far away is asked once, for a listing.
        """
        if self.local_path() is not None:
            stats = {key: self.beside(key).stat_if_there() for key in keys}
        else:
            # A listing takes any string that keys begin with, not a folder.
            prefix = os.path.commonprefix(keys)  # noqa: RUF071
            listed = {found.key: found.stat for found in self.held_by.list(prefix)}
            stats = {key: listed.get(key) for key in keys}
        return [(key, stat) for key, stat in stats.items() if stat is not None]

    def local_path(self) -> Path | None:
        """The file, where it is one on this machine."""
        return self.held_by.local_path(self.key)

    def reader(self, stat: ObjectStat) -> ReadRange:
        """Reads the object in the state that `stat` describes, keeping its first bytes; beyond its end is nothing.

        What it gives raises StorageError, ObjectChanged where the object is in another state.
        """
        return _Reader(self, stat)

    def verify_unchanged(self, stat: ObjectStat) -> None:
        """Raises ObjectChanged when the object is no longer the one that `stat` describes."""
        now = self.stat()
        if (now.size, now.etag) != (stat.size, stat.etag):
            raise ObjectChanged("the file changed while it was read")


class _Reader:
    def __init__(self, place: ObjectRef, stat: ObjectStat) -> None:
        self._storage = place.held_by
        self._key = place.key
        self._stat = stat
        self._head: bytes | None = None

    def __call__(self, offset: int, length: int) -> bytes:
        end = min(offset + length, self._stat.size)
        if offset >= end:
            return b""
        if end > HEAD:
            return self._read(offset, end)
        if self._head is None:
            self._head = self._read(0, min(HEAD, self._stat.size))
        return self._head[offset:end]

    def _read(self, begin: int, end: int) -> bytes:
        return self._storage.read_range(self._key, begin, end - begin, etag=self._stat.etag)
