"""Makes the URLs of stored ranges: presigned ones of the object store, or data URLs of this site."""

import time
from collections.abc import Callable

from django.conf import settings

from catalogue import queries
from catalogue.access import NO_LEASE
from catalogue.formats.intervals import ByteRange
from catalogue.queries import SignedUrl, StoredFile
from htsget_app.delivery.tokens import SignedPart, digest_of_etag, sign


def part_urls(file: StoredFile, *, data_url: str) -> Callable[[ByteRange], SignedUrl]:
    """Return a function from a byte range of a file to its URL and the headers to send; all URLs expire together.

    `data_url` is the prefix of data URLs. Raises StorageUnavailable where there are no credentials to sign with.
    """
    now = int(time.time())
    expires = now + settings.TICKET_URL_TTL
    if (until := file.permission.until) is not None:
        expires = min(expires, int(until))
    if not _through_site(file) and (direct := queries.direct_urls(file, seconds=max(1, expires - now))):
        return direct
    etag, lease = digest_of_etag(file.etag), file.permission.lease

    def signed(byte_range: ByteRange) -> SignedUrl:
        return SignedUrl(data_url + sign(SignedPart(file.pk, etag, byte_range, lease), expires=expires), {})

    return signed


def _through_site(file: StoredFile) -> bool:
    """Return whether the operator wants this site to send the bytes, even where their storage could."""
    proxied = settings.HTSGET_PROXY_DATA
    return proxied == "always" or (proxied == "controlled" and file.permission.lease != NO_LEASE)
