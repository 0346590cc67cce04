"""What the ingest commands are given: files, folders, globs, objects of a named storage, and standard input."""

import glob
import io
import sys
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import cast

from django.conf import settings

from catalogue.errors import CatalogueError
from catalogue.storage import PIECE, Storage, storage

STDIN = "-"


class SourceFault(CatalogueError):
    """An argument that names no input."""


@dataclass(frozen=True, slots=True)
class Source:
    """One input: `name` is as a steward knows it, `size` its bytes where they are known (compressed ones, if so)."""

    name: str
    size: int | None
    path: Path | None = None
    place: Storage | None = None
    key: str = ""

    @contextmanager
    def open(self) -> Iterator[io.RawIOBase | io.BufferedIOBase]:
        """Its bytes. Raises OSError, StorageError."""
        if self.place is not None:
            yield _ObjectInput(self.place, self.key)
        elif self.path is not None:
            with self.path.open("rb", buffering=0) as file:
                yield file
        else:
            yield cast(io.BufferedReader, sys.stdin.buffer)


class _ObjectInput(io.RawIOBase):
    """A stored object, read from its start to its end."""

    def __init__(self, place: Storage, key: str) -> None:
        self._pieces = place.stream(key, 0, place.stat(key).size)
        self._left = memoryview(b"")

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: "memoryview | bytearray") -> int:  # type: ignore[override]
        view = memoryview(buffer).cast("B")
        if not self._left:
            self._left = memoryview(next(self._pieces, b""))
        got = min(len(view), len(self._left), PIECE)
        view[:got] = self._left[:got]
        self._left = self._left[got:]
        return got


def find_sources(arguments: Iterable[str], *, suffixes: Sequence[str]) -> list[Source]:
    """Every input that the arguments name, in their order, each once.

    A folder gives the files below it that end in one of `suffixes`, sorted; so does a prefix in a storage
    (`name:prefix/`). A glob gives what it matches, `**` included. Raises SourceFault where there is nothing.
    """
    found: dict[str, Source] = {}
    for argument in arguments:
        sources = list(_sources(argument, tuple(suffixes)))
        if not sources:
            raise SourceFault(f"{argument}: nothing to read here")
        found.update((source.name, source) for source in sources)
    return list(found.values())


def _sources(argument: str, suffixes: tuple[str, ...]) -> Iterator[Source]:
    path = Path(argument)
    if argument == STDIN:
        yield Source("standard input", None)
    elif path.is_dir():
        # rglob leaves links to folders alone, which could lead in a circle.
        below = sorted(found for found in path.rglob("*") if found.name.lower().endswith(suffixes))
        yield from (_file(found) for found in below if found.is_file())
    elif path.exists():
        yield _file(path)
    elif (stored := _stored(argument)) is not None:
        place, prefix = stored
        for key, status in place.list(prefix):
            if key == prefix or key.lower().endswith(suffixes):
                yield Source(f"{place.name}:{key}", status.size, place=place, key=key)
    else:
        for matched in sorted(glob.glob(argument, recursive=True)):
            # A link that leads nowhere matches itself.
            if Path(matched).exists():
                yield from _sources(matched, suffixes)


def _file(path: Path) -> Source:
    # A pipe or a device has no size that means anything.
    return Source(str(path), path.stat().st_size if path.is_file() else None, path=path)


def _stored(argument: str) -> tuple[Storage, str] | None:
    name, colon, key = argument.partition(":")
    if not colon or name not in settings.HTSGETSITE_STORAGES:
        return None
    return storage(name), key
