"""Names slices of stored files in URLs, so that only this site can make such a name and nobody can change it.

A token is numbers and a signature over them, in base64url: the row of the file, the first byte and the length of the
slice, when it expires, and a digest of the ETag, so that it dies with the state of the file that it was made for. Where
the file is not for everybody it also says who it was given to, and on which grants, so that it dies with those.
Numbers tell no path, storage or key; they are therefore signed (HMAC-SHA-256, 128 bits of it) and not encrypted. The
key is derived from SECRET_KEY; those of SECRET_KEY_FALLBACKS still open what they signed.
"""

import base64
import hashlib
import hmac
import struct
import time
from dataclasses import dataclass
from typing import Final

from django.conf import settings
from django.utils.crypto import salted_hmac

from catalogue.access import MAX_GRANTS, NO_LEASE, Lease
from catalogue.formats.intervals import ByteRange
from htsget_app.errors import DataUrlAltered, DataUrlRefused

#: Characters of a token for a public file. Its bytes fill them to the last bit, so that no two texts are one token.
TOKEN_LENGTH: Final = 76
#: Characters of the longest.
_MOST: Final = TOKEN_LENGTH + 32 + 16 * MAX_GRANTS

_VERSION: Final = 1
# Version, file, first byte, length, expiry (seconds since 1970), digest of the ETag.
_NUMBERS: Final = struct.Struct(">BQQQQ8s")
# Holder, account and token of a lease, 0 where it has none, and the number and revision of each of its grants. Like the
# whole without them, both are multiples of three bytes.
_LEASE: Final = struct.Struct(">8sQQ")
_GRANT: Final = struct.Struct(">QL")
_SIGNATURE_BYTES: Final = 16
_SALT: Final = "htsget_app.delivery.tokens"


@dataclass(frozen=True, slots=True)
class FileSlice:
    """Bytes `where` of the file in row `file`, as it was with this ETag (by its digest), on a lease."""

    file: int
    etag_digest: bytes
    where: ByteRange
    lease: Lease = NO_LEASE

    @property
    def entity_tag(self) -> str:
        """The ETag of the slice itself (RFC 9110 §8.8.3), without quotes."""
        named = b"%d %d %s" % (self.where.begin, self.where.end, self.etag_digest)
        return hashlib.blake2b(named, digest_size=12).hexdigest()


def digest_of_etag(etag: str) -> bytes:
    """8 bytes that stand for an ETag in a token."""
    return hashlib.blake2b(etag.encode(), digest_size=8).digest()


def seal(piece: FileSlice, *, expires: int) -> str:
    """The token of a slice, good until `expires` (seconds since 1970)."""
    numbers = _NUMBERS.pack(
        _VERSION, piece.file, piece.where.begin, piece.where.length, expires, piece.etag_digest
    ) + _packed(piece.lease)
    return base64.urlsafe_b64encode(numbers + _signature(numbers, settings.SECRET_KEY)).decode("ascii")


def unseal(token: str) -> FileSlice:
    """The slice that a token names. Raises DataUrlAltered, and DataUrlRefused when it has expired."""
    try:
        sealed = base64.urlsafe_b64decode(token)
    except ValueError:
        raise _altered() from None
    # The decoder passes over characters that are not of its alphabet.
    if not TOKEN_LENGTH <= len(token) <= _MOST or base64.urlsafe_b64encode(sealed).decode("ascii") != token:
        raise _altered()
    numbers, signature = sealed[:-_SIGNATURE_BYTES], sealed[-_SIGNATURE_BYTES:]
    secrets = (settings.SECRET_KEY, *settings.SECRET_KEY_FALLBACKS)
    if not any(hmac.compare_digest(signature, _signature(numbers, secret)) for secret in secrets):
        raise _altered()
    version, file, begin, length, expires, etag_digest = _NUMBERS.unpack_from(numbers)
    if version != _VERSION:
        raise _altered()
    if expires < time.time():
        raise DataUrlRefused("this data URL has expired; ask for a new ticket")
    return FileSlice(file, etag_digest, ByteRange(begin, begin + length), _unpacked(numbers[_NUMBERS.size :]))


def _packed(lease: Lease) -> bytes:
    if lease == NO_LEASE:
        return b""
    head = _LEASE.pack(lease.holder, lease.user or 0, lease.token or 0)
    return head + b"".join(_GRANT.pack(*grant) for grant in lease.grants)


def _unpacked(packed: bytes) -> Lease:
    if not packed:
        return NO_LEASE
    holder, user, token = _LEASE.unpack_from(packed)
    grants = tuple(_GRANT.iter_unpack(packed[_LEASE.size :]))
    return Lease(holder=holder, user=user or None, token=token or None, grants=grants)


def _signature(numbers: bytes, secret: str | bytes) -> bytes:
    return salted_hmac(_SALT, numbers, secret=secret, algorithm="sha256").digest()[:_SIGNATURE_BYTES]


def _altered() -> DataUrlAltered:
    return DataUrlAltered("this is no data URL that a ticket of this site names")
