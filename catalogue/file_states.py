"""Marks on a data file's row whether the stored object is still the registered one, for stewards to see in the admin.

Nothing is decided by the mark: every read checks anew.
"""

import logging

from django.db.models import Q
from django.utils import timezone

from catalogue.errors import ObjectChanged, ObjectCorrupt, ObjectMissing, StorageError
from catalogue.models import DataFile

logger = logging.getLogger(__name__)

STATE_OF = {
    ObjectMissing: DataFile.State.MISSING,
    ObjectChanged: DataFile.State.CHANGED,
    ObjectCorrupt: DataFile.State.CORRUPT,
}


def note_fault(*, pk: int, etag: str, error: StorageError) -> None:
    """Mark the file as `error` says, unless it has been registered anew (with another ETag) meanwhile.

    An error of the storage itself says nothing about one file and is not noted. Whoever answers for the error logs it.
    """
    state = next((state for kind, state in STATE_OF.items() if isinstance(error, kind)), None)
    if state is None:
        return
    reason = str(error)[: DataFile._meta.get_field("state_reason").max_length]
    marked = DataFile.objects.filter(pk=pk, etag=etag).exclude(state=state, state_reason=reason)
    marked.update(state=state, state_reason=reason, state_since=timezone.now())


def note_recovery(*, pk: int, etag: str) -> None:
    """Mark the file as ready: the stored object is the registered one again.

    A corrupt file stays marked, because its size and ETag never differed; ingesting it again clears that.
    """
    recovered = (
        DataFile.objects.filter(pk=pk, etag=etag)
        .filter(Q(state=DataFile.State.CHANGED) | Q(state=DataFile.State.MISSING))
        .update(state=DataFile.State.READY, state_reason="", state_since=timezone.now())
    )
    if recovered:
        logger.warning("data file %s is the registered one again", pk)
