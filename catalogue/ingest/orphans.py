"""Removes objects that no row refers to, left in the site's storages by killed ingests and failed removals."""

import re
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from itertools import islice
from typing import Final

from django.db.models import Min

from catalogue.ingest.objects import remove_blob_unless_used, remove_unless_used
from catalogue.ingest.runs import mark_interrupted
from catalogue.ingest.staging import remove_abandoned
from catalogue.models import DataFile, IngestRun, ResidueBlob
from catalogue.storage import FILES, SEQUENCES, StoredObject, storage
from catalogue.storage.object_ref import ObjectRef

#: Storages that hold objects made by the site.
OWN_STORAGES: Final = (SEQUENCES, FILES)

_BATCH: Final = 1000
_BLOB = re.compile(r"[0-9a-f]{2}/[0-9a-f]{2}/[0-9a-f]{28}|packed/[0-9a-f]{2}/[0-9a-f]{46}")
_COPY = re.compile(r"data/[0-9a-f]{2}/[0-9a-f]{62}\.[a-z.]+")
_INDEX = re.compile(r"index/.+\.(?:csi|crai)")


@dataclass(slots=True)
class Orphans:
    """Removed objects, unfinished uploads and staging folders; in a dry run those that would be removed."""

    objects: list[ObjectRef] = field(default_factory=list)
    bytes: int = 0
    uploads: int = 0
    folders: int = 0


def remove_orphans(
    *,
    storages: Sequence[str] = OWN_STORAGES,
    older_than: float,
    dry_run: bool = False,
    observer: Callable[[int], None] = lambda count: None,
) -> Orphans:
    """Remove the site's own objects that no row refers to and that were last written `older_than` seconds ago.

    Considers only keys in the form that the site gives, so that files of the operator stay. Objects written since the
    start of the oldest running ingest stay too, and every removal holds the lock under which ingests register the
    object. `storages` are further ones that `--copy --storage` wrote into; never give one that a site with another
    database writes into. `observer` is told the number of objects checked. Raises StorageError, StorageMisconfigured.
    """
    before = _cutoff(older_than, dry_run=dry_run)
    found = Orphans()
    seen = 0
    for name in storages:
        place = storage(name)
        # Creates the folder of a storage that is still empty.
        staging = place.staging()
        entries = place.list()
        while batch := list(islice(entries, _BATCH)):
            old = [entry for entry in batch if entry.stat.modified < before]
            for ref, size in _unreferenced(name, old):
                remove = remove_blob_unless_used if _is_blob(ref) else remove_unless_used
                if dry_run or remove(ref, before=before):
                    found.objects.append(ref)
                    found.bytes += size
            seen += len(batch)
            observer(seen)
        found.uploads += place.abort_uploads(older_than=time.time() - before, dry_run=dry_run)
        found.folders += remove_abandoned(staging, dry_run=dry_run)
    return found


def _cutoff(older_than: float, *, dry_run: bool) -> float:
    """Return the time before which an orphan must have been written: no running ingest can still register it."""
    if not dry_run:
        mark_interrupted()
    running = IngestRun.objects.filter(outcome=IngestRun.Outcome.RUNNING)
    started = running.aggregate(first=Min("started"))["first"]
    cutoff = time.time() - older_than
    return cutoff if started is None else min(cutoff, started.timestamp())


def _is_blob(ref: ObjectRef) -> bool:
    return ref.storage == SEQUENCES and _BLOB.fullmatch(ref.key) is not None


def _unreferenced(name: str, entries: list[StoredObject]) -> Iterator[tuple[ObjectRef, int]]:
    """Yield the site's own objects among the entries of a storage that no row refers to, with their sizes."""
    own = {
        entry.key: entry.stat.size
        for entry in entries
        if _COPY.fullmatch(entry.key)
        or (name == SEQUENCES and _BLOB.fullmatch(entry.key))
        or (name == FILES and _INDEX.fullmatch(entry.key))
    }
    refs = {str(ObjectRef(name, key)): key for key in own}
    blobs = ResidueBlob.objects.filter(storage=name, key__in=own, sequences__isnull=False)
    used = set(blobs.values_list("key", flat=True))
    used |= set(DataFile.objects.filter(storage=name, key__in=own).values_list("key", flat=True))
    indexes = DataFile.objects.filter(index_source__in=refs).values_list("index_source", flat=True)
    used |= {refs[index] for index in indexes}
    yield from ((ObjectRef(name, key), size) for key, size in own.items() if key not in used)
