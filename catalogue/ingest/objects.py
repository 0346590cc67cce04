"""Removes objects that the site made (copies, built indexes, residue blobs) when no row refers to them any more.

Advisory locks keep an object from being removed while an ingest stores and registers it.
"""

import logging
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, Final

from django.db import connection, transaction
from django.db.models import Q
from django.db.models.signals import post_delete
from django.dispatch import receiver

from catalogue.errors import StorageError, StorageMisconfigured
from catalogue.ingest.transactions import advisory_lock
from catalogue.models import DataFile, ResidueBlob, Sequence
from catalogue.storage.object_ref import ObjectRef

log = logging.getLogger(__name__)

_RESIDUES_LOCK: Final = 0x72657369


@contextmanager
def residue_writes() -> Iterator[None]:
    """Prevent the removal of blobs while their residues are stored and their rows committed.

    Several ingests may hold this shared lock at once.
    """
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_advisory_lock_shared(%s)", [_RESIDUES_LOCK])
    try:
        yield
    finally:
        if not connection.needs_rollback and connection.is_usable():
            with connection.cursor() as cursor:
                cursor.execute("SELECT pg_advisory_unlock_shared(%s)", [_RESIDUES_LOCK])


def made_objects(file: DataFile) -> list[ObjectRef]:
    """Return the objects that the site made for a file: its copy and its built index."""
    made = [ObjectRef(file.storage, file.key)] if file.source else []
    return made + ([ObjectRef.parse(file.index_source)] if file.index_built else [])


def file_uses(ref: ObjectRef) -> bool:
    """Return whether a registered file is served from an object, or had its index read from it."""
    return DataFile.objects.filter(Q(storage=ref.storage, key=ref.key) | Q(index_source=str(ref))).exists()


def remove_unless_used(ref: ObjectRef, *, before: float | None = None) -> bool:
    """Remove a copy or index that no file refers to; return whether it was removed.

    With `before` (seconds since 1970), only if it was last written before then. An object that cannot be removed now is
    logged and left to `remove_orphans`.
    """
    with transaction.atomic():
        advisory_lock(str(ref))
        return not file_uses(ref) and _remove(ref, before)


def remove_blob_unless_used(ref: ObjectRef, *, before: float | None = None) -> bool:
    """Remove the object and row of a blob without sequences; return whether it was removed. `before` as above.

    Does nothing while an ingest of sequences stores and registers residues.
    """
    with transaction.atomic():
        with connection.cursor() as cursor:
            cursor.execute("SELECT pg_try_advisory_xact_lock(%s)", [_RESIDUES_LOCK])
            (free,) = cursor.fetchone()
        rows = ResidueBlob.objects.filter(storage=ref.storage, key=ref.key)
        if not free or rows.filter(sequences__isnull=False).exists() or not _remove(ref, before):
            return False
        rows.delete()
        return True


def _remove(ref: ObjectRef, before: float | None) -> bool:
    try:
        if before is not None:
            # Checked under the lock: the object may have been written again since it was listed.
            stat = ref.stat_or_none()
            if stat is None or stat.modified >= before:
                return False
        ref.backend.delete(ref.key)
    except (StorageError, StorageMisconfigured) as error:
        log.warning("An object that nothing refers to stays in storage %r: %s", ref.storage, error)
        return False
    return True


@receiver(post_delete, sender=DataFile)
def _file_deleted(instance: DataFile, **_: Any) -> None:
    """Remove the objects that the site made for a file, once the deletion of its row is committed."""
    for ref in made_objects(instance):
        transaction.on_commit(lambda ref=ref: remove_unless_used(ref))  # type: ignore[misc]


@receiver(post_delete, sender=Sequence)
def _sequence_deleted(instance: Sequence, **_: Any) -> None:
    """Remove the blob of a sequence, once the deletion of its row is committed and no other sequence lies in it."""
    blob = instance.blob
    if blob is not None and not blob.sequences.exists():
        ref = ObjectRef(blob.storage, blob.key)
        transaction.on_commit(lambda: remove_blob_unless_used(ref))
