"""Signs the tokens of data URLs, and verifies them.

A token names a byte range of one stored file: numbers and a signature over them, in base64url. The numbers are the row
of the file, the first byte and the length, the expiry, and a digest of the file's ETag, so that the token ends with the
state of the file that it was made for. Where the file is not public, they are also the holder and the grants of the
lease, so that the token ends with those. Numbers tell no path, storage or key; they are therefore signed (HMAC-SHA-256,
cut to 128 bits) and not encrypted. The key is derived from SECRET_KEY; those of SECRET_KEY_FALLBACKS still verify.
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
from htsget_app.planning.parts import MAX_RECIPE

#: Characters of a token for a public file. Its bytes fill them to the last bit, so that no two texts name one token.
TOKEN_LENGTH: Final = 76
_MAX_LENGTH: Final = TOKEN_LENGTH + 32 + 16 * MAX_GRANTS + 4 * MAX_RECIPE // 3

_WITHOUT_RECIPE, _WITH_RECIPE = 1, 2
# Version, file, first byte, length, expiry (seconds since 1970), digest of the ETag.
_NUMBERS: Final = struct.Struct(">BQQQQ8s")
# Holder, account and API token of a lease, 0 where it has none; then id and revision of each grant. With or without
# them a token is a multiple of three bytes, which base64 needs not pad.
_LEASE: Final = struct.Struct(">8sQQ")
_GRANT: Final = struct.Struct(">QL")
# With a recipe, the bytes of the lease, which the recipe follows.
_LEASE_LENGTH: Final = struct.Struct(">H")
_SIGNATURE_BYTES: Final = 16
_SALT: Final = "htsget_app.delivery.tokens"


@dataclass(frozen=True, slots=True)
class SignedPart:
    """A part of the file in row `file`, in the state with this digest of its ETag, on a lease.

    `byte_range` and `recipe` are what the part says of itself: see `htsget_app.planning.parts.Fetched`.
    """

    file: int
    etag_digest: bytes
    byte_range: ByteRange
    lease: Lease = NO_LEASE
    recipe: bytes = b""

    @property
    def entity_tag(self) -> str:
        """The ETag of the part itself (RFC 9110, section 8.8.3), without quotes."""
        begin, end = self.byte_range.begin, self.byte_range.end
        named = b"%d %d %s%s" % (begin, end, self.etag_digest, self.recipe)
        return hashlib.blake2b(named, digest_size=12).hexdigest()


def digest_of_etag(etag: str) -> bytes:
    """Return the 8-byte digest that stands for an ETag in a token."""
    return hashlib.blake2b(etag.encode(), digest_size=8).digest()


def sign(part: SignedPart, *, expires: int) -> str:
    """Return the token of a part, valid until `expires` (seconds since 1970)."""
    version = _WITH_RECIPE if part.recipe else _WITHOUT_RECIPE
    byte_range, lease = part.byte_range, _packed(part.lease)
    if part.recipe:
        lease = _LEASE_LENGTH.pack(len(lease)) + lease + part.recipe
    numbers = (
        _NUMBERS.pack(version, part.file, byte_range.begin, byte_range.length, expires, part.etag_digest)
        + lease
    )
    return base64.urlsafe_b64encode(numbers + _signature(numbers, settings.SECRET_KEY)).decode("ascii")


def verify(token: str) -> SignedPart:
    """Return the part of a token. Raises DataUrlAltered for an invalid one, DataUrlRefused for an expired one."""
    try:
        signed = base64.urlsafe_b64decode(token)
    except ValueError:
        raise _altered() from None
    # The decoder skips characters outside its alphabet.
    if (
        not TOKEN_LENGTH <= len(token) <= _MAX_LENGTH
        or base64.urlsafe_b64encode(signed).decode("ascii") != token
    ):
        raise _altered()
    numbers, signature = signed[:-_SIGNATURE_BYTES], signed[-_SIGNATURE_BYTES:]
    secrets = (settings.SECRET_KEY, *settings.SECRET_KEY_FALLBACKS)
    if not any(hmac.compare_digest(signature, _signature(numbers, secret)) for secret in secrets):
        raise _altered()
    version, file, begin, length, expires, etag_digest = _NUMBERS.unpack_from(numbers)
    if version not in {_WITHOUT_RECIPE, _WITH_RECIPE}:
        raise _altered()
    if expires < time.time():
        raise DataUrlRefused("this data URL has expired; ask for a new ticket")
    byte_range, rest = ByteRange(begin, begin + length), numbers[_NUMBERS.size :]
    if version == _WITHOUT_RECIPE:
        return SignedPart(file, etag_digest, byte_range, _unpacked(rest))
    (size,) = _LEASE_LENGTH.unpack_from(rest)
    lease, recipe = rest[_LEASE_LENGTH.size :][:size], rest[_LEASE_LENGTH.size + size :]
    return SignedPart(file, etag_digest, byte_range, _unpacked(lease), recipe)


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
