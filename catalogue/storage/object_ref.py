"""A reference to one object, in a storage or elsewhere on this machine, and ranged reads of it."""

import os
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Self

from catalogue.errors import ObjectChanged, ObjectMissing
from catalogue.formats import ReadRange
from catalogue.storage import LocalStorage, ObjectStat, Storage, locate, storage

#: Bytes that the first read of a file fetches; enough for the header of most files.
HEAD_SIZE = 256 * 1024

# Files outside all storages are read through a storage of the whole file system.
_MACHINE = LocalStorage("", Path("/"))


@dataclass(frozen=True, slots=True, order=True)
class ObjectRef:
    """One object: storage name and key. For a local file in no storage, `storage` is empty and `key` is its absolute
    path without the leading slash.
    """

    storage: str
    key: str

    @classmethod
    def of_path(cls, path: Path) -> Self:
        """Refer to a local file by its path, without a storage. Resolves `..` and links in its folder."""
        return cls("", (path.parent.resolve() / path.name).as_posix().lstrip("/"))

    @classmethod
    def in_storage(cls, path: Path, *, prefer: str | None = None) -> Self:
        """Refer to a local file as an object of the storage `prefer` if that contains it, else of the innermost that
        does, else by its path. Links are resolved.
        """
        resolved = path.resolve()
        if prefer is not None:
            preferred = storage(prefer)
            if isinstance(preferred, LocalStorage) and resolved.is_relative_to(preferred.root):
                return cls(prefer, resolved.relative_to(preferred.root).as_posix())
        found = locate(path)
        return cls(*found) if found else cls("", resolved.as_posix().lstrip("/"))

    @classmethod
    def parse(cls, text: str) -> Self:
        """Read what `str()` wrote."""
        name, _, key = text.partition(":")
        return cls("", text.lstrip("/")) if text.startswith("/") else cls(name, key)

    def __str__(self) -> str:
        return f"{self.storage}:{self.key}" if self.storage else f"/{self.key}"

    @property
    def backend(self) -> Storage:
        """The storage of the object. Raises StorageMisconfigured."""
        return storage(self.storage) if self.storage else _MACHINE

    def with_key(self, key: str) -> "ObjectRef":
        """Return another object of the same storage."""
        return ObjectRef(self.storage, key)

    def stat(self) -> ObjectStat:
        """Return the object's state. Raises StorageError."""
        return self.backend.stat(self.key)

    def stat_or_none(self) -> ObjectStat | None:
        """Return the object's state; None if it is missing. Raises StorageUnavailable."""
        try:
            return self.stat()
        except ObjectMissing:
            return None

    def find_existing(self, keys: Sequence[str]) -> list[tuple["ObjectRef", ObjectStat]]:
        """Return those of `keys` in the same storage that exist, in the order given. Raises StorageUnavailable.

        Makes one request to a remote storage: a listing of the common prefix of the keys.
        """
        refs = [self.with_key(key) for key in keys]
        if self.local_path() is not None:
            stats = {ref: ref.stat_or_none() for ref in refs}
        else:
            # The prefix of a listing is any string, not necessarily a folder.
            prefix = os.path.commonprefix(keys)  # noqa: RUF071
            listed = {found.key: found.stat for found in self.backend.list(prefix)}
            stats = {ref: listed.get(ref.key) for ref in refs}
        return [(ref, stat) for ref, stat in stats.items() if stat is not None]

    def local_path(self) -> Path | None:
        """Return the local file of the object; None if the storage is remote."""
        return self.backend.local_path(self.key)

    def reader(self, stat: ObjectStat) -> ReadRange:
        """Return a function that reads ranges of the object in the state `stat`, up to its end.

        It keeps the first bytes in memory. It raises StorageError, and ObjectChanged if the object is in another state.
        """
        return _Reader(self, stat)

    def verify_unchanged(self, stat: ObjectStat) -> None:
        """Raise ObjectChanged if the object is no longer in the state `stat`."""
        now = self.stat()
        if (now.size, now.etag) != (stat.size, stat.etag):
            raise ObjectChanged("the file changed while it was read")


class _Reader:
    """Ranged reads of one state of an object."""

    def __init__(self, ref: ObjectRef, stat: ObjectStat) -> None:
        self._storage = ref.backend
        self._key = ref.key
        self._stat = stat
        self._head: bytes | None = None

    def __call__(self, offset: int, length: int) -> bytes:
        end = min(offset + length, self._stat.size)
        if offset >= end:
            return b""
        if end > HEAD_SIZE:
            return self._read(offset, end)
        if self._head is None:
            self._head = self._read(0, min(HEAD_SIZE, self._stat.size))
        return self._head[offset:end]

    def _read(self, begin: int, end: int) -> bytes:
        return self._storage.read_range(self._key, begin, end - begin, etag=self._stat.etag)
