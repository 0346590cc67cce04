"""Takes files from browsers, in parts that can be sent again after an interruption.

An upload is an object of the site's storage of files once its last part is there. It is removed when it is as old as
`KEPT`, whether it was finished or not: by then the job that it was for has read it.
"""

import logging
import re
from datetime import timedelta
from typing import Final
from uuid import UUID

from django.conf import settings
from django.db import transaction
from django.db.models.signals import post_delete
from django.dispatch import receiver
from django.utils import timezone

from catalogue.errors import CatalogueError, StorageError, StorageMisconfigured
from catalogue.models import Upload
from catalogue.storage import FILES, PART, storage

log = logging.getLogger(__name__)

#: How long an upload stays.
KEPT: Final = timedelta(days=7)
#: Upper bound of the uploads of one account that are not finished.
MAX_OPEN: Final = 10
_UNSAFE: Final = re.compile(r"[^A-Za-z0-9._-]+")
_MAX_NAME: Final = 100


@receiver(post_delete, sender=Upload)
def _upload_deleted(instance: Upload, **_: object) -> None:
    """Remove what is stored of an upload, also of one that goes with its account, once that is committed."""
    transaction.on_commit(lambda: _discard(instance))


def _discard(row: Upload) -> None:
    try:
        place = storage(row.storage)
        place.abort_parts(row.key, row.parts)
        place.delete(row.key)
    except (StorageError, StorageMisconfigured) as error:
        log.warning("An upload stays in storage %r: %s", row.storage, error)


class UploadRefused(CatalogueError):
    """The upload, or a part of it, cannot be taken; the message says why."""


def begin_upload(*, account: int, name: str, size: int) -> Upload:
    """Begin an upload of `size` bytes. Raises UploadRefused, StorageError."""
    if not 0 < size <= settings.UPLOAD_MAX_BYTES:
        raise UploadRefused(
            f"A file to upload has 1 to {settings.UPLOAD_MAX_BYTES:,} bytes; this one has {size:,}."
        )
    remove_uploads(account=account)
    if Upload.objects.filter(account=account, finished=None).count() >= MAX_OPEN:
        raise UploadRefused(f"You have {MAX_OPEN} uploads that are not finished; finish or cancel one first.")
    row = Upload(account_id=account, name=name[-255:], size=size, storage=FILES)
    safe = _UNSAFE.sub("-", name)[-_MAX_NAME:].lstrip(".-") or "file"
    row.key = f"uploads/{row.pk.hex}/{safe}"
    row.parts = storage(row.storage).begin_parts(row.key)
    row.save()
    return row


def open_upload(pk: UUID, *, account: int) -> Upload:
    """Return an upload of an account. Raises UploadRefused."""
    row = Upload.objects.filter(pk=pk, account=account).first()
    if row is None:
        raise UploadRefused("There is no such upload; begin again.")
    return row


def take_part(pk: UUID, *, account: int, offset: int, data: bytes) -> Upload:
    """Store the bytes that begin at `offset`, which has to be what was received so far; the last part ends the upload.

    Returns the upload as it is then. A part that comes again, because its answer was lost, changes nothing. Raises
    UploadRefused, StorageError.
    """
    with transaction.atomic():
        row = Upload.objects.select_for_update().filter(pk=pk, account=account).first()
        if row is None:
            raise UploadRefused("There is no such upload; begin again.")
        if offset + len(data) <= row.received:
            return row
        if offset != row.received:
            raise UploadRefused(f"The next part begins at byte {row.received:,}.")
        if len(data) != min(PART, row.size - offset):
            raise UploadRefused(f"A part has {PART:,} bytes, the last one what is left.")
        place = storage(row.storage)
        row.tags.append(place.put_part(row.key, row.parts, len(row.tags) + 1, data))
        row.received += len(data)
        if row.received == row.size:
            stat = place.finish_parts(row.key, row.parts, row.tags)
            if stat.size != row.size:
                raise UploadRefused("What was stored is not what was sent; begin again.")
            row.finished = timezone.now()
        row.save()
    return row


def cancel_upload(row: Upload) -> None:
    """Remove an upload and what is stored of it."""
    row.delete()


def remove_uploads(*, account: int | None = None) -> int:
    """Remove the uploads that are older than `KEPT`, of all accounts or of one; return their number."""
    rows = Upload.objects.filter(begun__lt=timezone.now() - KEPT)
    wanted = list(rows if account is None else rows.filter(account=account))
    for row in wanted:
        cancel_upload(row)
    return len(wanted)
