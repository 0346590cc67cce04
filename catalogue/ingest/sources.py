"""The inputs of an ingest: files, folders, globs, objects of a named storage, and standard input."""

import glob
import io
import os
import sys
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, Self, cast

from django.conf import settings
from django.core.exceptions import SuspiciousFileOperation

from catalogue.errors import CatalogueError
from catalogue.formats import FormatError
from catalogue.formats.gunzip import WatchedInput, decompressed_chunks
from catalogue.storage import PIECE, ObjectStat, Storage, storage
from catalogue.storage.object_ref import ObjectRef

STDIN: Final = "-"
# Small files may have any ratio: that of a few megabases of one letter is high and harmless.
_ALWAYS_ALLOWED: Final = 64 << 20


class SourceFault(CatalogueError):
    """An argument that does not name an input."""


@dataclass(frozen=True, slots=True)
class Source:
    """One input. `name` is printable whatever the file's name is; `ref` is None for standard input.

    `size` is in bytes as stored, None if unknown. `below` is the path relative to the folder or prefix that was given,
    None for an input that was named directly. `listed` is the state that the listing of a prefix told.
    """

    name: str
    ref: ObjectRef | None
    size: int | None
    below: str | None = None
    listed: ObjectStat | None = None

    def as_json(self) -> dict[str, Any]:
        """Return it as `of` reads it."""
        known = {"name": self.name, "size": self.size, "below": self.below}
        return {**known, "ref": None if self.ref is None else str(self.ref)}

    @classmethod
    def of(cls, saved: Mapping[str, Any]) -> Self:
        """Return the source that `as_json` wrote, which forgets what was listed."""
        return cls(**{**saved, "ref": None if saved["ref"] is None else ObjectRef.parse(saved["ref"])})

    @contextmanager
    def open(self) -> Iterator[io.RawIOBase | io.BufferedIOBase]:
        """Open it for reading from start to end. Raises OSError, StorageError."""
        path = self.ref.local_path() if self.ref else None
        if self.ref is None:
            yield cast(io.BufferedReader, sys.stdin.buffer)
        elif path is not None:
            with path.open("rb", buffering=0) as file:
                yield file
        else:
            yield _ObjectInput(self.ref.backend, self.ref.key)


class _ObjectInput(io.RawIOBase):
    """A stored object as a file, read from start to end."""

    def __init__(self, storage: Storage, key: str) -> None:
        self._pieces = storage.stream(key, 0, storage.stat(key).size)
        self._left = memoryview(b"")

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: "memoryview | bytearray") -> int:  # type: ignore[override]
        view = memoryview(buffer).cast("B")
        if not self._left:
            self._left = memoryview(next(self._pieces, b""))
        count = min(len(view), len(self._left), PIECE)
        view[:count] = self._left[:count]
        self._left = self._left[count:]
        return count


def printable(name: str) -> str:
    r"""Return a file name with unprintable characters escaped, and bytes that are not UTF-8 as `\udc..`."""
    return "".join(char if char.isprintable() else repr(char)[1:-1] for char in name)


def uncompressed_chunks(watched: WatchedInput) -> Iterator[bytes]:
    """Yield the uncompressed bytes of a text input.

    Raises FormatError as `decompressed_chunks` does, and above INGEST_MAX_COMPRESSION_RATIO bytes per byte read.
    """
    count = 0
    for chunk in decompressed_chunks(watched):
        count += len(chunk)
        if count > _ALWAYS_ALLOWED and count > settings.INGEST_MAX_COMPRESSION_RATIO * watched.count:
            raise FormatError(
                f"it inflates to more than {settings.INGEST_MAX_COMPRESSION_RATIO} times its size; "
                "if that is right, raise INGEST_MAX_COMPRESSION_RATIO or uncompress it first"
            )
        yield chunk


def find_sources(arguments: Iterable[str], *, suffixes: Sequence[str]) -> list[Source]:
    """Return every input that the arguments name, in their order, without duplicates.

    A folder or a prefix in a storage (`name:prefix/`) gives the files below it that end in one of `suffixes`, sorted. A
    glob, which may contain `**`, gives its matches. Raises SourceFault for an argument without any input.
    """
    found: dict[tuple[str, ObjectRef | None], Source] = {}
    for argument in arguments:
        try:
            sources = list(_sources(argument, tuple(suffixes)))
        except SuspiciousFileOperation as error:
            raise SourceFault(f"{printable(argument)}: {error}") from None
        if not sources:
            raise SourceFault(f"{printable(argument)}: nothing to read here")
        for source in sources:
            found.setdefault((source.name, source.ref), source)
    return list(found.values())


def portable_argument(argument: str) -> str:
    """Return an argument as it can be used in another folder: paths become absolute. Raises SourceFault for `-`."""
    if argument == STDIN:
        raise SourceFault("standard input cannot be read by a job; give a file that every worker can read")
    if not Path(argument).exists() and _stored(argument) is not None:
        return argument
    absolute = os.path.abspath(argument)
    return absolute + "/" if argument.endswith("/") else absolute


def _sources(argument: str, suffixes: tuple[str, ...]) -> Iterator[Source]:
    path = Path(argument)
    if argument == STDIN:
        yield Source("standard input", None, None)
    elif path.is_dir():
        # rglob does not follow links to folders, which could form a cycle.
        below = sorted(found for found in path.rglob("*") if found.name.lower().endswith(suffixes))
        yield from (_file(found, path) for found in below if found.is_file())
    elif path.exists():
        yield _file(path)
    elif (stored := _stored(argument)) is not None:
        for key, stat in stored.backend.list(stored.key):
            if key == stored.key or key.lower().endswith(suffixes):
                below_prefix = None if key == stored.key else key.removeprefix(stored.key)
                ref = stored.with_key(key)
                yield Source(printable(str(ref)), ref, stat.size, below_prefix, stat)
    else:
        for matched in sorted(glob.glob(argument, recursive=True)):
            # A glob also matches a broken link.
            if Path(matched).exists():
                yield from _sources(matched, suffixes)


def _file(path: Path, folder: Path | None = None) -> Source:
    # The size of a pipe or device is meaningless.
    size = path.stat().st_size if path.is_file() else None
    below = path.relative_to(folder).as_posix() if folder is not None else None
    return Source(printable(str(path)), ObjectRef.of_path(path), size, below)


def _stored(argument: str) -> ObjectRef | None:
    name, colon, key = argument.partition(":")
    if not colon or name not in settings.HTSGETSITE_STORAGES:
        return None
    return ObjectRef(storage(name).name, key)
