"""Records the file state of data files, which stewards see in the admin.

The state is information only: every read checks the stored object again.
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
    """Set the state that `error` implies, unless the file was registered again (with another ETag) in the meantime.

    An error of the storage itself says nothing about one file and is ignored. The caller logs the error.
    """
    state = next((state for kind, state in STATE_OF.items() if isinstance(error, kind)), None)
    if state is None:
        return
    reason = str(error)[: DataFile._meta.get_field("state_reason").max_length]
    marked = DataFile.objects.filter(pk=pk, etag=etag).exclude(state=state, state_reason=reason)
    marked.update(state=state, state_reason=reason, state_since=timezone.now())


def note_recovery(*, pk: int, etag: str) -> None:
    """Set the state ready: the stored object is the registered one again.

    A corrupt file keeps its state, because its size and ETag never differed; ingest it again to clear the state.
    """
    recovered = (
        DataFile.objects.filter(pk=pk, etag=etag)
        .filter(Q(state=DataFile.State.CHANGED) | Q(state=DataFile.State.MISSING))
        .update(state=DataFile.State.READY, state_reason="", state_since=timezone.now())
    )
    if recovered:
        logger.warning("data file %s is the registered one again", pk)
