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


def note_fault(*, pk: int, etag: str, error: StorageError) -> bool:
    """Set the state that `error` implies, unless the file was registered again (with another ETag) in the meantime.

    Returns whether the file was in another state, or for another reason. An error of the storage itself says nothing
    about one file and is ignored. The caller logs the error.
    """
    state = next((state for kind, state in STATE_OF.items() if isinstance(error, kind)), None)
    if state is None:
        return False
    reason = str(error)[: DataFile._meta.get_field("state_reason").max_length]
    marked = DataFile.objects.filter(pk=pk, etag=etag).exclude(state=state, state_reason=reason)
    return marked.update(state=state, state_reason=reason, state_since=timezone.now()) > 0


def note_verified(*, pk: int, etag: str, deep: bool) -> bool:
    """Set the state ready after a verification; return whether it was another.

    Only a `deep` one, which read everything, says that a corrupt file is sound.
    """
    rows = DataFile.objects.filter(pk=pk, etag=etag).exclude(state=DataFile.State.READY)
    if not deep:
        rows = rows.exclude(state=DataFile.State.CORRUPT)
    return rows.update(state=DataFile.State.READY, state_reason="", state_since=timezone.now()) > 0


def note_recovery(*, pk: int, etag: str) -> None:
    """Set the state ready: the stored object is the registered one again.

    A corrupt file keeps its state, because its size and ETag never differed; a deep verification or another ingest
    clears it.
    """
    recovered = (
        DataFile.objects.filter(pk=pk, etag=etag)
        .filter(Q(state=DataFile.State.CHANGED) | Q(state=DataFile.State.MISSING))
        .update(state=DataFile.State.READY, state_reason="", state_since=timezone.now())
    )
    if recovered:
        logger.warning("data file %s is the registered one again", pk)
