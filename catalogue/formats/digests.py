"""Digests that identify a sequence (refget 2.0.0, "Checksum calculation").

A sequence has two independent digests of its upper-case residues: md5, and SHA-512 truncated to its first 24 bytes. The
latter has two spellings: `trunc512` (48 hexadecimal digits) and `SQ.` with 32 characters of base64url.
"""

import base64
import hashlib
import re
from dataclasses import dataclass
from enum import Enum

MD5_BYTES = 16
SHA512T24U_BYTES = 24


class DigestKind(Enum):
    """The kind of digest that an identifier is; `trunc512` and `SQ.` are two spellings of the same 24 bytes."""

    MD5 = "md5"
    SHA512T24U = "sha512t24u"


@dataclass(frozen=True, slots=True)
class Digests:
    """Both digests of one sequence: `md5` has 16 bytes, `sha512t24u` 24."""

    md5: bytes
    sha512t24u: bytes

    @property
    def md5_hex(self) -> str:
        """The md5 as 32 lower-case hexadecimal digits."""
        return self.md5.hex()

    @property
    def trunc512(self) -> str:
        """The 24 bytes as 48 lower-case hexadecimal digits (refget 0.2 and 1.0)."""
        return self.sha512t24u.hex()

    @property
    def sq(self) -> str:
        """The 24 bytes as `SQ.` and 32 characters of base64url (refget 2.0), without the `ga4gh:` namespace."""
        return sq_name(self.sha512t24u)


def sq_name(sha512t24u: bytes) -> str:
    """Return `SQ.` and the base64url of 24 bytes."""
    return "SQ." + base64.urlsafe_b64encode(sha512t24u).decode("ascii")


def best_digest(md5: bytes | memoryview, sha512t24u: bytes | memoryview | None) -> str:
    """Return the digest that names a sequence best: `SQ.…`, or the md5 in hexadecimal where only that is known."""
    return bytes(md5).hex() if sha512t24u is None else sq_name(bytes(sha512t24u))


class Digester:
    """Computes both digests of residues that arrive in pieces, upper-case and without white space."""

    __slots__ = ("_md5", "_sha512")

    def __init__(self) -> None:
        self._md5 = hashlib.md5(usedforsecurity=False)
        self._sha512 = hashlib.sha512()

    def update(self, residues: bytes) -> None:
        """Add the next piece."""
        self._md5.update(residues)
        self._sha512.update(residues)

    def digests(self) -> Digests:
        """Return the digests of everything so far."""
        return Digests(self._md5.digest(), self._sha512.digest()[:SHA512T24U_BYTES])


def sequence_digests(residues: bytes) -> Digests:
    """Return both digests of a sequence held in memory."""
    return Digests(
        hashlib.md5(residues, usedforsecurity=False).digest(),
        hashlib.sha512(residues).digest()[:SHA512T24U_BYTES],
    )


_MD5 = re.compile(r"(?:md5:)?([0-9a-f]{32})", re.IGNORECASE | re.ASCII)
_TRUNC512 = re.compile(r"(?:trunc512:)?([0-9a-f]{48})", re.IGNORECASE | re.ASCII)
# Namespaces are case-insensitive; base64url is not.
_SQ = re.compile(r"(?:(?i:ga4gh):)?SQ\.([0-9A-Za-z_-]{32})|(?i:VMC):GS_([0-9A-Za-z_-]{32})", re.ASCII)


def parse_digest(text: str) -> tuple[DigestKind, bytes] | None:
    """Parse an identifier that is a digest; return None for any other, which may be an alias.

    >>> parse_digest("MD5:d41d8cd98f00b204e9800998ecf8427e")[0]
    <DigestKind.MD5: 'md5'>
    """
    if match := _MD5.fullmatch(text):
        return DigestKind.MD5, bytes.fromhex(match[1])
    if match := _SQ.fullmatch(text):
        return DigestKind.SHA512T24U, base64.urlsafe_b64decode(match[1] or match[2])
    if match := _TRUNC512.fullmatch(text):
        return DigestKind.SHA512T24U, bytes.fromhex(match[1])
    return None
