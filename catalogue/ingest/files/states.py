"""Refreshes the states of registered files: whether each object is there, as it was registered."""

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Final

from catalogue.errors import ObjectChanged, StorageError
from catalogue.file_states import STATE_OF, note_fault, note_recovery
from catalogue.ingest.outcomes import InputResult, Outcome
from catalogue.models import DataFile
from catalogue.storage import ObjectStat
from catalogue.storage.object_ref import ObjectRef

# Objects looked at concurrently; each only waits for the storage.
_PARALLEL: Final = 8


def refresh_states(files: Sequence[DataFile]) -> list[InputResult]:
    """Look at the object of each file, set its state by what is found, and return a result for each.

    An object that cannot be looked at says nothing about the file, and fails.
    """
    with ThreadPoolExecutor(_PARALLEL) as threads:
        looks = list(threads.map(_look, files))
    return [_conclude(file, found) for file, found in zip(files, looks, strict=True)]


def _look(file: DataFile) -> ObjectStat | Exception:
    try:
        return ObjectRef(file.storage, file.key).stat()
    except Exception as error:  # noqa: BLE001 - a thread passes on whatever it is
        return error


def _conclude(file: DataFile, found: ObjectStat | Exception) -> InputResult:
    if isinstance(found, ObjectStat) and (found.size, found.etag) != (file.size, file.etag):
        found = ObjectChanged(
            f"size {found.size:,}, ETag {found.etag}; registered with {file.size:,}, {file.etag}"
        )
    if isinstance(found, ObjectStat):
        note_recovery(pk=file.pk, etag=file.etag)
        recovered = file.state in {DataFile.State.CHANGED, DataFile.State.MISSING}
        outcome = Outcome.CHANGED if recovered else Outcome.UNCHANGED
        return InputResult(str(file), outcome, "the registered one again" if recovered else "")
    if isinstance(found, StorageError):
        note_fault(pk=file.pk, etag=file.etag, error=found)
        known = isinstance(found, tuple(STATE_OF))
        counts = {"missing or changed": 1} if known else {"unreachable": 1}
        return InputResult(str(file), Outcome.FAILED, str(found), counts)
    raise found
