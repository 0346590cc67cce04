"""Digests of sequence collections (GA4GH refget sequence collections 1.0.0).

A collection is identified by the digest of its names and sequences. Digests are sha512t24u (24 bytes) of RFC 8785
canonical JSON; documents write them as 32 characters of base64url.
"""

import base64
import hashlib
import json
import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Final, NamedTuple

import numpy as np
import numpy.typing as npt

from catalogue.formats.digests import SHA512T24U_BYTES

#: Every attribute of a collection, in the order of documents.
ATTRIBUTES: Final = (
    "lengths",
    "name_length_pairs",
    "names",
    "sequences",
    "sorted_name_length_pairs",
    "sorted_sequences",
)
#: Attributes whose arrays are not stored: only their digests are served ("Transient attributes").
TRANSIENT: Final = ("sorted_name_length_pairs",)
#: Attributes that identify the collection ("Inherent attributes"); the lengths are not among them.
INHERENT: Final = ("names", "sequences")
#: Attributes with one element per sequence, in the order of the collection.
COLLATED: Final = ("lengths", "name_length_pairs", "names", "sequences")

_SQ: Final = b"SQ."
_DIGEST: Final = re.compile(r"[0-9A-Za-z_-]{32}", re.ASCII)
#: What JSON strings escape. NULs separate names.
_ESCAPED: Final = re.compile(rb'[\x01-\x1f"\\]')
_string = json.encoder.encode_basestring


def canonical_json(value: object) -> bytes:
    """Return RFC 8785 JSON of strings, integers within 64 bits, lists, and objects with ASCII keys.

    Raises UnicodeEncodeError for a lone surrogate, which no canonical JSON can hold.

    >>> canonical_json([{"name": "chr1", "length": 8}])
    b'[{"length":8,"name":"chr1"}]'
    """
    return json.dumps(
        value, separators=(",", ":"), ensure_ascii=False, sort_keys=True, allow_nan=False
    ).encode()


def sha512t24u(data: bytes) -> bytes:
    """Return the first 24 bytes of SHA-512."""
    return hashlib.sha512(data).digest()[:SHA512T24U_BYTES]


def digest_text(digest: bytes) -> str:
    """Return 24 bytes as 32 characters of base64url."""
    return base64.urlsafe_b64encode(digest).decode("ascii")


def parse_collection_digest(text: str) -> bytes | None:
    """Return the 24 bytes of a collection or attribute digest; None for text that is not a digest."""
    return base64.urlsafe_b64decode(text) if _DIGEST.fullmatch(text) else None


class ArrayBatch(NamedTuple):
    """The arrays of some members, packed for storage.

    `names` are UTF-8 separated by NULs, `lengths` little-endian 8-byte integers, `sequences` 24-byte digests.
    """

    names: bytes
    lengths: bytes
    sequences: bytes


def unpack_names(packed: bytes) -> list[bytes]:
    """Return the names of a batch, in UTF-8."""
    return packed.split(b"\0")


def unpack_lengths(packed: bytes) -> npt.NDArray[np.int64]:
    """Return the lengths of a batch, in residues."""
    return np.frombuffer(packed, dtype="<i8")


@dataclass(frozen=True, slots=True)
class CollectionDigests:
    """The digest of a collection (level 0), those of its attributes (level 1), and its number of sequences."""

    digest: bytes
    attributes: Mapping[str, bytes]
    size: int


class CollectionDigester:
    """Computes the digests of a collection whose members arrive in batches, in order.

    Keeps 64 bytes in memory per member, for the two sorted attributes.
    """

    def __init__(self) -> None:
        self._size = 0
        self._hashes = {attribute: _ArrayHash() for attribute in COLLATED}
        self._pair_digests: list[npt.NDArray[np.bytes_]] = []
        self._sequences: list[npt.NDArray[np.bytes_]] = []

    def add(self, batch: ArrayBatch) -> None:
        """Append the members of a batch."""
        names = _json_names(batch.names)
        lengths = unpack_lengths(batch.lengths).tolist()
        pairs = _json_pairs(names, lengths)
        sequences = _base64(batch.sequences)
        self._size += len(lengths)
        self._hashes["names"].add(names.replace(b"\0", b","))
        self._hashes["lengths"].add(_json_numbers(lengths))
        self._hashes["name_length_pairs"].add(b",".join(pairs))
        self._hashes["sequences"].add(_quoted(sequences, _SQ))
        self._pair_digests.append(_base64(_sha512t24u_of_each(pairs)))
        self._sequences.append(sequences)

    def finish(self) -> CollectionDigests:
        """Return the digests of all members."""
        attributes = {attribute: array.digest() for attribute, array in self._hashes.items()}
        attributes["sorted_name_length_pairs"] = _sorted_digest(self._pair_digests)
        attributes["sorted_sequences"] = _sorted_digest(self._sequences, _SQ)
        return CollectionDigests(collection_digest(attributes), attributes, self._size)


def collection_digest(attributes: Mapping[str, bytes]) -> bytes:
    """Return the digest of a collection from the digests of its inherent attributes; others are ignored."""
    return sha512t24u(canonical_json({name: digest_text(attributes[name]) for name in INHERENT}))


def sequence_names(digests: bytes) -> list[str]:
    """Return the `SQ.` names of concatenated 24-byte digests."""
    text = base64.urlsafe_b64encode(digests).decode("ascii")
    return ["SQ." + text[at : at + 32] for at in range(0, len(text), 32)]


def array_json(attribute: str, batches: Iterable[ArrayBatch]) -> Iterator[bytes]:
    """Yield the array of a non-transient attribute as canonical JSON, one piece per batch.

    Reads only the arrays of a batch that `COLUMNS` names for the attribute.
    """
    separator = b"["
    for elements in (
        _sorted(batches) if attribute == "sorted_sequences" else map(_WRITERS[attribute], batches)
    ):
        yield separator + elements
        separator = b","
    yield b"]" if separator == b"," else b"[]"


def _write_names(batch: ArrayBatch) -> bytes:
    return _json_names(batch.names).replace(b"\0", b",")


def _write_lengths(batch: ArrayBatch) -> bytes:
    return _json_numbers(unpack_lengths(batch.lengths).tolist())


def _write_pairs(batch: ArrayBatch) -> bytes:
    return b",".join(_json_pairs(_json_names(batch.names), unpack_lengths(batch.lengths).tolist()))


def _write_sequences(batch: ArrayBatch) -> bytes:
    return _quoted(_base64(batch.sequences), _SQ)


_WRITERS: Final[Mapping[str, Callable[[ArrayBatch], bytes]]] = {
    "lengths": _write_lengths,
    "name_length_pairs": _write_pairs,
    "names": _write_names,
    "sequences": _write_sequences,
}
#: The arrays of a batch that each attribute is made of.
COLUMNS: Final[Mapping[str, tuple[str, ...]]] = {
    "lengths": ("lengths",),
    "name_length_pairs": ("names", "lengths"),
    "names": ("names",),
    "sequences": ("sequences",),
    "sorted_sequences": ("sequences",),
}


def _sorted(batches: Iterable[ArrayBatch]) -> Iterator[bytes]:
    return _in_order([_base64(batch.sequences) for batch in batches], _SQ)


def _json_names(packed: bytes) -> bytes:
    """Return the names of a batch as JSON strings separated by NULs, which no JSON string contains."""
    if _ESCAPED.search(packed):
        return "\0".join(map(_string, packed.decode().split("\0"))).encode()
    return b'"' + packed.replace(b"\0", b'"\0"') + b'"'


def _json_numbers(numbers: Iterable[int]) -> bytes:
    return ",".join(map(str, numbers)).encode()


def _json_pairs(names: bytes, lengths: Sequence[int]) -> list[bytes]:
    pairs = zip(lengths, names.split(b"\0"), strict=True)
    return [b'{"length":%d,"name":%s}' % pair for pair in pairs]


def _sha512t24u_of_each(texts: Iterable[bytes]) -> bytes:
    """Return the concatenated digests of texts."""
    whole = b"".join([hashlib.sha512(text).digest() for text in texts])
    return np.frombuffer(whole, dtype="V64").astype(f"V{SHA512T24U_BYTES}").tobytes()


class _ArrayHash:
    """The digest of a JSON array whose elements arrive in batches, already encoded and separated by commas."""

    def __init__(self) -> None:
        self._hash = hashlib.sha512(b"[")
        self._separator = b""

    def add(self, elements: bytes) -> None:
        self._hash.update(self._separator)
        self._hash.update(elements)
        self._separator = b","

    def digest(self) -> bytes:
        self._hash.update(b"]")
        return self._hash.digest()[:SHA512T24U_BYTES]


def _base64(digests: bytes) -> npt.NDArray[np.bytes_]:
    # 24 bytes encode to 32 characters without padding, so many digests can be encoded at once.
    return np.frombuffer(base64.urlsafe_b64encode(digests), dtype="S32")


def _quoted(texts: npt.NDArray[np.bytes_], prefix: bytes = b"") -> bytes:
    """Return JSON strings of texts of the same size that need no escapes, separated by commas."""
    size = texts.itemsize
    rows = np.empty(len(texts), dtype=[("begin", f"S{len(prefix) + 1}"), ("text", f"S{size}"), ("end", "S2")])
    rows["begin"], rows["text"], rows["end"] = b'"' + prefix, texts, b'",'
    return rows.tobytes()[:-1]


def _sorted_digest(batches: list[npt.NDArray[np.bytes_]], prefix: bytes = b"") -> bytes:
    array = _ArrayHash()
    for elements in _in_order(batches, prefix):
        array.add(elements)
    return array.digest()


def _in_order(batches: list[npt.NDArray[np.bytes_]], prefix: bytes) -> Iterator[bytes]:
    """Sort encoded digests as text, which differs from the order of their bytes; yield them as JSON."""
    if batches:
        texts = np.sort(np.concatenate(batches))
        for start in range(0, len(texts), 32_768):
            yield _quoted(texts[start : start + 32_768], prefix)
