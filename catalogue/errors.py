"""Errors of the catalogue. Each protocol maps them to its own status and error type in one table.

Messages may be shown to clients: they name what was requested, never a path, bucket or key. Details for the operator
are logged where the error is raised.
"""

from collections.abc import Sequence

from django.db import InterfaceError, OperationalError


class CatalogueError(Exception):
    """Base class of the errors below; `is_logged` is true once the error was logged, so that it is not logged twice."""

    is_logged = False


class NotFound(CatalogueError):
    """Nothing that the viewer may see has this identifier."""


class AmbiguousAlias(CatalogueError):
    """A name means several sequences.

    `candidates` are their `SQ.` digests (md5 in hexadecimal where only that is known).
    """

    def __init__(self, alias: str, candidates: Sequence[str]) -> None:
        super().__init__(f"{alias!r} names {len(candidates)} sequences")
        self.alias = alias
        self.candidates = tuple(candidates)


class AmbiguousReference(CatalogueError):
    """A name or md5 matches several contigs of one file."""


class StorageError(CatalogueError):
    """Stored bytes could not be read."""


class StorageUnavailable(StorageError):
    """The storage does not answer, or refuses access; a retry may succeed."""


class ObjectMissing(StorageError):
    """A registered object is no longer in its storage."""


class ObjectChanged(StorageError):
    """A stored object is not the one that was registered (size or ETag differ)."""


class ShortRead(ObjectChanged):
    """A stored object ended before the bytes that were registered."""


class ObjectCorrupt(StorageError):
    """A stored object is the registered one, but its bytes are not valid in their format."""


class StorageMisconfigured(CatalogueError):
    """A storage is not configured, or its URL is unusable."""


def is_bug(error: BaseException) -> bool:
    """Return whether an error belongs in the log with its traceback.

    A database that is away, and a full disk, also the database's, do not.
    """
    return not isinstance(error, CatalogueError | OperationalError | InterfaceError | OSError)


def one_line(error: BaseException) -> str:
    """Return the message of an error for a line of the log; those of the database have several lines."""
    return " ".join(str(error).split()) or type(error).__name__
