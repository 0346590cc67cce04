"""Where clients fetch the slices of stored files: from the object store itself, or from this site."""

import time
from collections.abc import Callable

from django.conf import settings

from catalogue import queries
from catalogue.access import NO_LEASE
from catalogue.formats.intervals import ByteRange
from catalogue.queries import SignedUrl, StoredFile
from htsget_app.delivery.tokens import FileSlice, digest_of_etag, seal


def part_urls(file: StoredFile, *, data_url: str) -> Callable[[ByteRange], SignedUrl]:
    """Gives the URL of each slice of a file, with the headers to send; all are good until the same time.

    `data_url` is where this site delivers data. Raises StorageUnavailable where there are no credentials to sign with.
    """
    now = int(time.time())
    expires = now + settings.TICKET_URL_TTL
    if (until := file.permission.until) is not None:
        expires = min(expires, int(until))
    if not _through_site(file) and (direct := queries.direct_urls(file, seconds=max(1, expires - now))):
        return direct
    etag, lease = digest_of_etag(file.etag), file.permission.lease

    def sealed(where: ByteRange) -> SignedUrl:
        return SignedUrl(data_url + seal(FileSlice(file.pk, etag, where, lease), expires=expires), {})

    return sealed


def _through_site(file: StoredFile) -> bool:
    """Whether the bytes are to come from this site, whatever their storage could do."""
    wanted = settings.HTSGET_PROXY_DATA
    return wanted == "always" or (wanted == "controlled" and file.permission.lease != NO_LEASE)
