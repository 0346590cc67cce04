"""Copies the objects that the site's rows name to a folder, and puts them back.

The folder has `objects.jsonl`, one line for each object, and the objects below `objects/<storage>/`. Objects are
written once and never changed, so a second backup into the same folder copies new ones only.
"""

import hashlib
import json
from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Final

from catalogue.errors import CatalogueError, ObjectMissing, StorageError
from catalogue.ingest.orphans import OWN_STORAGES
from catalogue.ingest.staging import staging_folder
from catalogue.ingest.transactions import write_transaction
from catalogue.models import DataFile, ResidueBlob
from catalogue.storage import PIECE, Storage, storage
from catalogue.storage.object_ref import ObjectRef

_LIST: Final = "objects.jsonl"


class BackupDamaged(CatalogueError):
    """A backup is not complete, or an object in it is not the one that was copied."""


@dataclass(frozen=True, slots=True)
class CopiedObject:
    """An object in a backup: its size in bytes, its ETag in the storage that it came from, and its SHA-256 in hex."""

    storage: str
    key: str
    size: int
    etag: str
    sha256: str

    def path(self, folder: Path) -> Path:
        """Return its file in a backup. Raises BackupDamaged for a key that leads out of it."""
        top = (folder / "objects").resolve()
        path = (top / self.storage / self.key).resolve()
        if not path.is_relative_to(top):
            raise BackupDamaged("the list of objects names a file outside the backup")
        return path


@dataclass(slots=True)
class Copies:
    """The result: objects, bytes of all of them, objects copied now, and what could not be copied."""

    objects: int = 0
    bytes: int = 0
    copied: int = 0
    problems: list[str] = field(default_factory=list)


def objects_of_rows(storages: Sequence[str] = OWN_STORAGES) -> list[ObjectRef]:
    """Return every object in these storages that a row names: residues, data files, and indexes that were built."""
    blobs = ResidueBlob.objects.filter(storage__in=storages, sequences__isnull=False)
    files = DataFile.objects.filter(storage__in=storages)
    indexes = DataFile.objects.filter(index_built=True).values_list("index_source", flat=True)
    refs = {
        ObjectRef(*row) for rows in (blobs, files) for row in rows.values_list("storage", "key").iterator()
    }
    refs |= {ref for ref in map(ObjectRef.parse, indexes) if ref.storage in storages}
    return sorted(refs)


def copy_objects(
    refs: Sequence[ObjectRef], folder: Path, *, observer: Callable[[int], None] = lambda count: None
) -> Copies:
    """Copy objects into the folder of a backup, except those that it has in the same state.

    `observer` is told the number of objects done. An object that is missing or changes while it is read is a problem,
    and does not stop the others. Raises OSError if the folder cannot be written.
    """
    known = {(each.storage, each.key): each for each in _listed(folder)} if (folder / _LIST).exists() else {}
    result, draft = Copies(), folder / f"{_LIST}.new"
    with draft.open("w", encoding="utf-8") as listing:
        for done, ref in enumerate(refs, 1):
            try:
                copied = _copied(ref, folder, known.get((ref.storage, ref.key)), result)
            except StorageError as error:
                result.problems.append(f"{ref}: {error}")
                continue
            result.objects += 1
            result.bytes += copied.size
            listing.write(json.dumps(asdict(copied)) + "\n")
            observer(done)
    draft.replace(folder / _LIST)
    return result


def _copied(ref: ObjectRef, folder: Path, known: CopiedObject | None, result: Copies) -> CopiedObject:
    stat = ref.stat()
    if known is not None and (known.size, known.etag) == (stat.size, stat.etag):
        path = known.path(folder)
        if path.exists() and path.stat().st_size == stat.size:
            return known
    hashed = hashlib.sha256()
    target = CopiedObject(ref.storage, ref.key, stat.size, stat.etag, "").path(folder)
    target.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    draft = target.with_name(f"{target.name}.new")
    with draft.open("wb") as file:
        for piece in ref.backend.stream(ref.key, 0, stat.size, etag=stat.etag):
            hashed.update(piece)
            file.write(piece)
    draft.replace(target)
    result.copied += 1
    return CopiedObject(ref.storage, ref.key, stat.size, stat.etag, hashed.hexdigest())


def put_objects_back(folder: Path, *, observer: Callable[[int], None] = lambda count: None) -> Copies:
    """Write the objects of a backup into the storages of the same names, except those that are there already.

    Raises BackupDamaged where the folder is no backup; StorageMisconfigured for a storage that is not configured.
    """
    result = Copies()
    for done, copied in enumerate(_listed(folder), 1):
        place = storage(copied.storage)
        try:
            # Makes the folder of a storage that is new.
            place.staging()
            if not _is_there(place, copied):
                _put_back(place, copied, folder)
                result.copied += 1
        except (StorageError, BackupDamaged, OSError) as error:
            result.problems.append(f"{copied.storage}:{copied.key}: {error}")
            continue
        result.objects += 1
        result.bytes += copied.size
        observer(done)
    return result


def register_states(folder: Path) -> int:
    """Tell the rows of data files the ETags that their objects have where they were put back; return their number.

    Only rows that are in the state that was copied. The site refuses to serve an object with another ETag.
    """
    count = 0
    with write_transaction(dry_run=False):
        for copied in _listed(folder):
            rows = DataFile.objects.filter(
                storage=copied.storage, key=copied.key, etag=copied.etag, size=copied.size
            )
            if rows.exists():
                stat = ObjectRef(copied.storage, copied.key).stat_or_none()
                if stat is not None and stat.etag != copied.etag and stat.size == copied.size:
                    count += rows.update(etag=stat.etag)
    return count


def _listed(folder: Path) -> Iterator[CopiedObject]:
    try:
        with (folder / _LIST).open(encoding="utf-8") as listing:
            for line in listing:
                yield CopiedObject(**json.loads(line))
    except (OSError, ValueError, TypeError) as error:
        raise BackupDamaged(f"the list of objects cannot be read: {type(error).__name__}") from error


def _is_there(place: Storage, copied: CopiedObject) -> bool:
    """Return whether the storage has the object with the same bytes; any other of the same key is replaced."""
    try:
        stat = place.stat(copied.key)
        if stat.size != copied.size:
            return False
        hashed = hashlib.sha256()
        for piece in place.stream(copied.key, 0, stat.size, etag=stat.etag):
            hashed.update(piece)
    except ObjectMissing:
        return False
    return hashed.hexdigest() == copied.sha256


def _put_back(place: Storage, copied: CopiedObject, folder: Path) -> None:
    hashed = hashlib.sha256()
    with staging_folder(place) as staged, copied.path(folder).open("rb") as source:
        draft = staged / "object"
        with draft.open("wb") as file:
            while piece := source.read(PIECE):
                hashed.update(piece)
                file.write(piece)
        if hashed.hexdigest() != copied.sha256:
            raise BackupDamaged("the copy in the backup is damaged")
        place.put(draft, copied.key)
