"""Makes the URLs of parts: presigned ones of the object store, or data URLs of this site."""

import time
from collections.abc import Callable

from django.conf import settings

from catalogue import queries
from catalogue.access import NO_LEASE, Lease
from catalogue.queries import SignedUrl, StoredFile
from htsget_app.delivery.tokens import SignedPart, digest_of_etag, sign
from htsget_app.planning.parts import Fetched


def part_urls(file: StoredFile, *, data_url: str) -> Callable[[Fetched], SignedUrl]:
    """Return a function from a part to its URL and the headers to send; all URLs of a ticket expire together.

    Stored bytes have URLs of their object store if it signs URLs; all other parts have data URLs. `data_url` is the
    prefix of data URLs. Raises StorageUnavailable without credentials to sign with.
    """
    now = int(time.time())
    expires = now + settings.TICKET_URL_TTL
    if (until := file.permission.until) is not None:
        expires = min(expires, int(until))
    direct = None if _through_site(file) else queries.direct_urls(file, seconds=max(1, expires - now))
    etag, lease = digest_of_etag(file.etag), file.permission.lease

    def url_of(part: Fetched) -> SignedUrl:
        if direct and not part.recipe:
            return direct(part.span)
        signed = SignedPart(file.pk, etag, part.span, lease, part.recipe)
        until = _shared_expiry(expires, lease) if part.recipe else expires
        return SignedUrl(data_url + sign(signed, expires=until), {})

    return url_of


def _shared_expiry(expires: int, lease: Lease) -> int:
    """Return the expiry of a part that is made; for public data it is rounded, so that equal queries get equal URLs."""
    span = settings.TICKET_URL_TTL
    return expires if lease != NO_LEASE else (expires // span + 1) * span


def _through_site(file: StoredFile) -> bool:
    """Return whether the operator wants this site to send the bytes even if their storage could."""
    proxied = settings.HTSGET_PROXY_DATA
    return proxied == "always" or (proxied == "controlled" and file.permission.lease != NO_LEASE)
