"""Examines the storages: reached, read, written to, their clocks, unreferenced objects, and free disk space."""

import os
import secrets
import shutil
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Final

from django.conf import settings
from django.core.exceptions import SuspiciousFileOperation

from catalogue.doctor.database import compared
from catalogue.doctor.findings import Finding, failure, ok, warning
from catalogue.errors import CatalogueError, ObjectChanged, ObjectMissing
from catalogue.ingest.orphans import OWN_STORAGES, remove_orphans
from catalogue.ingest.sentences import counted
from catalogue.models import DataFile, ResidueBlob
from catalogue.storage import LocalStorage, Storage, storage, storages

#: Free bytes of a disk below which it is told, and below which ingests will soon fail.
LOW_SPACE: Final = 10 << 30
NO_SPACE: Final = 1 << 30
#: Seconds since it was written after which an object without a row counts as an orphan.
ORPHAN_AGE: Final = 24 * 3600
_FAULTS: Final = (CatalogueError, OSError, SuspiciousFileOperation)
_PROBE: Final = 4096


def examine_storages() -> Iterator[Finding]:
    """Examine every configured storage, and those that files name but the settings do not."""
    for name in settings.HTSGETSITE_STORAGES:
        yield from _examine(name)
    for name in sorted(_named_by_rows() - set(settings.HTSGETSITE_STORAGES)):
        yield failure(
            f"storage {name}",
            "files lie in it, but it is not configured",
            "Add it to HTSGETSITE_STORAGES, or remove its files with manage.py remove_files --storage.",
        )


def _named_by_rows() -> set[str]:
    rows = DataFile.objects.order_by().values_list("storage", flat=True).distinct()
    return {*rows, *ResidueBlob.objects.values_list("storage", flat=True).distinct()}


def _examine(name: str) -> Iterator[Finding]:
    subject = f"storage {name}"
    try:
        place = storage(name)
        place.check()
    except _FAULTS as error:
        yield failure(
            subject,
            f"cannot be reached: {error}",
            "Look at its URL in HTSGETSITE_STORAGES, its credentials, and the log; docs/storage.md says what it needs.",
        )
        return
    yield from _reads(subject, place)
    if is_written_to(name):
        yield from _writes(subject, place)


def is_written_to(name: str) -> bool:
    """Return whether the site writes to a storage: its own ones, and those that copies were put into."""
    return name in OWN_STORAGES or DataFile.objects.filter(storage=name).exclude(source="").exists()


def _reads(subject: str, place: Storage) -> Iterator[Finding]:
    """Read a byte of an object that is registered in the storage."""
    found = _registered(place.name)
    if found is None:
        yield ok(subject, "reached; no registered object lies in it")
        return
    key, etag = found
    try:
        place.read_range(key, 0, 1, etag=etag)
    except (ObjectMissing, ObjectChanged):
        yield warning(
            subject, "reached, but an object that was registered is not there any more",
            f"Run manage.py verify_files --storage {place.name}, or verify_sequences, to find all of them.",
        )  # fmt: skip
    except _FAULTS as error:
        yield failure(
            subject,
            f"objects cannot be read: {error}",
            "Give the site permission to read objects (s3:GetObject).",
        )
    else:
        yield ok(subject, "reached, and a registered object was read")


def _registered(name: str) -> tuple[str, str | None] | None:
    ready = DataFile.objects.filter(storage=name, state=DataFile.State.READY).order_by("-pk")
    if (file := ready.values_list("key", "etag").first()) is not None:
        return file
    blobs = ResidueBlob.objects.filter(storage=name).order_by("-pk")
    key = blobs.values_list("key", flat=True).first()
    return None if key is None else (key, None)


def _writes(subject: str, place: Storage) -> Iterator[Finding]:
    """Write a probe, read it back, compare the clocks, and remove it."""
    content, name = secrets.token_bytes(_PROBE), secrets.token_hex(32)
    # The form of a copy, so that remove_orphans finds what a killed examination leaves.
    key = f"data/{name[:2]}/{name[2:]}.probe"
    try:
        staged = place.staging() / f"probe-{name}"
        try:
            before = time.time()
            staged.write_bytes(content)
            stat = place.put(staged, key)
            after = time.time()
        finally:
            staged.unlink(missing_ok=True)
        same = place.read_range(key, 0, _PROBE, etag=stat.etag) == content
        place.delete(key)
    except _FAULTS as error:
        yield failure(
            subject,
            f"cannot be written to: {error}",
            "Give the site permission to write and delete objects, and free space; ingests fail without.",
        )
        return
    if same:
        yield ok(subject, "an object was written, read back and removed")
    else:
        remedy = "Do not use it until its disk or the proxy in front of it is repaired."
        yield failure(subject, "gives other bytes than were written", remedy)
    # An object store tells whole seconds.
    yield compared(f"clock of {subject}", stat.modified, since=before - 1, until=after)


def examine_orphans() -> Iterator[Finding]:
    """Find objects that the site made, that no row refers to, and that are a day old."""
    for name in OWN_STORAGES:
        subject = f"orphans in {name}"
        try:
            found = remove_orphans(storages=[name], older_than=ORPHAN_AGE, dry_run=True)
        except _FAULTS as error:
            yield failure(subject, f"not looked for: {error}", "Repair the storage first.")
            continue
        if found.objects or found.uploads or found.folders:
            said = f"{counted(len(found.objects), 'object')} of {found.bytes:,} bytes that nothing refers to"
            said += f", {counted(found.uploads, 'unfinished upload')}" if found.uploads else ""
            said += f", {counted(found.folders, 'abandoned staging folder')}" if found.folders else ""
            yield warning(subject, said, "Run manage.py remove_orphans.")
        else:
            yield ok(subject, "none")


def examine_space() -> Iterator[Finding]:
    """Find the free space of every disk that the site writes to."""
    seen: set[int] = set()
    for name, folder in _folders():
        nearest = next((each for each in (folder, *folder.parents) if each.exists()), None)
        if nearest is None or (disk := os.stat(nearest).st_dev) in seen:
            continue
        seen.add(disk)
        free = shutil.disk_usage(nearest).free
        said = f"{free / (1 << 30):,.1f} GiB free"
        remedy = f"Free space below {folder}, or move it to a larger disk; ingests and conversions need some."
        if free < NO_SPACE:
            yield failure(f"disk of {name}", said, remedy)
        elif free < LOW_SPACE:
            yield warning(f"disk of {name}", said, remedy)
        else:
            yield ok(f"disk of {name}", said)


def _folders() -> Iterator[tuple[str, Path]]:
    yield "the home", Path(settings.HTSGETSITE_HOME)
    for place in storages():
        if isinstance(place, LocalStorage) and is_written_to(place.name):
            yield f"storage {place.name}", place.root
