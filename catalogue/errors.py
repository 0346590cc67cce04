"""What can go wrong in the catalogue. Each protocol has one table from these to its own status and words.

A message may be shown to a client: it names what was asked for, never a path, bucket or key. Details for the
operator go to the log where the error is raised.
"""

from collections.abc import Sequence


class CatalogueError(Exception):
    """The root of every error below; `is_logged` once a line in the log says what happened, so that none repeats it."""

    is_logged = False


class NotFound(CatalogueError):
    """Nothing (that may be seen) has this identifier."""


class AmbiguousAlias(CatalogueError):
    """A name means several sequences.

    `candidates` are the `SQ.` digests (md5 in hexadecimal where that is all that is known) of them.
    """

    def __init__(self, alias: str, candidates: Sequence[str]) -> None:
        super().__init__(f"{alias!r} names {len(candidates)} sequences")
        self.alias = alias
        self.candidates = tuple(candidates)


class AmbiguousReference(CatalogueError):
    """A name or md5 that several contigs of one file answer to."""


class StorageError(CatalogueError):
    """Stored bytes could not be had."""


class StorageUnavailable(StorageError):
    """The store does not answer, or refuses us; another try may succeed."""


class ObjectMissing(StorageError):
    """A registered object is no longer in its storage."""


class ObjectChanged(StorageError):
    """A stored object is not the one that was registered (size or ETag differ)."""


class ShortRead(ObjectChanged):
    """A stored object ended before the bytes that were registered."""


class ObjectCorrupt(StorageError):
    """A stored object is the one that was registered, but its bytes are not what their format promises."""


class StorageMisconfigured(CatalogueError):
    """A storage is named that no setting describes, or its URL cannot be used."""
