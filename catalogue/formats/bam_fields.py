"""Blanks fields of BAM records that were not asked for, on uncompressed bytes (htsget 1.3, "fields"; SAMv1 §1.4, §4.2).

A blanked field has the missing value of the SAM specification. RNAME and POS are always kept, because sorting and
indexing depend on them. So is bit 0x4 of FLAG, which says whether the read itself is mapped there. A blanked MAPQ is
255, but 0 for an unmapped read, as in CRAM.
"""

import struct
from collections.abc import Iterable, Iterator
from typing import Final

import numpy as np
from numpy.typing import NDArray

from catalogue.formats import FormatError

#: The fields that a client can ask for (htsget 1.3, "fields").
FIELDS: Final = (
    "QNAME",
    "FLAG",
    "RNAME",
    "POS",
    "MAPQ",
    "CIGAR",
    "RNEXT",
    "PNEXT",
    "TLEN",
    "SEQ",
    "QUAL",
)

_SIZE = struct.Struct("<i")
#: Bytes of a record before its name, the size of the rest included.
_FIXED: Final = 36
_MAX_RECORD: Final = 256 << 20
_UNMAPPED: Final = 0x04
_SOFT_CLIP, _SKIP = 4, 3

Bytes = NDArray[np.uint8]
Offsets = NDArray[np.int64]


def blank_fields(pieces: Iterable[bytes], keep: Iterable[str]) -> Iterator[bytes]:
    """Yield the BAM records in `pieces` with every field blanked that is not in `keep`.

    `pieces` are uncompressed bytes that begin with a record and may be cut anywhere, as may the result. Without SEQ,
    QUAL is blanked too. Raises FormatError for bytes that are not BAM records.
    """
    blanked = frozenset(FIELDS) - frozenset(keep)
    rest = b""
    for piece in pieces:
        data = rest + piece
        begins, end = _records(data)
        rest = data[end:]
        if len(begins):
            yield _blank(np.frombuffer(data, np.uint8, end).copy(), begins, blanked)
    if rest:
        raise FormatError("the last BAM record is cut short")


def _records(data: bytes) -> tuple[Offsets, int]:
    """Return the begin of each whole record, and the end of the last one."""
    begins, at, size = [], 0, len(data)
    unpack = _SIZE.unpack_from
    while at + 4 <= size:
        (length,) = unpack(data, at)
        if not _FIXED - 4 <= length <= _MAX_RECORD:
            raise FormatError(f"a BAM record claims {length} bytes")
        if at + 4 + length > size:
            break
        begins.append(at)
        at += 4 + length
    return np.array(begins, dtype=np.int64), at


def _blank(data: Bytes, begins: Offsets, blanked: frozenset[str]) -> bytes:
    name = _numbers(data, begins + 12, "u1")
    operations = _numbers(data, begins + 16, "<u2")
    bases = _numbers(data, begins + 20, "<i4")
    cigar = begins + _FIXED + name
    sequence = cigar + 4 * operations
    quality = sequence + (bases + 1) // 2
    tags = quality + bases
    if (name < 1).any() or (bases < 0).any() or (tags > begins + 4 + _numbers(data, begins, "<i4")).any():
        raise FormatError("implausible BAM record")
    long = _with_long_cigar(data, cigar, operations, bases)
    cuts: list[tuple[Offsets, Offsets]] = []
    if "QNAME" in blanked:
        # An empty name is written as "*" and NUL; a name field of no bytes has nothing to blank.
        named = name > 1
        _put(data, (begins + _FIXED)[named], np.frombuffer(b"*\0", np.uint8))
        _put(data, (begins + 12)[named], np.full(1, 2, np.uint8))
        cuts.append(((begins + _FIXED + 2)[named], cigar[named]))
    if "FLAG" in blanked:
        data[begins + 18] &= _UNMAPPED
        data[begins + 19] = 0
    if "MAPQ" in blanked:
        data[begins + 13] = np.where(data[begins + 18] & _UNMAPPED, 0, 255)
    if "CIGAR" in blanked:
        _put(data, begins + 16, np.zeros(2, np.uint8))
        _put(data, begins + 14, _bins(_numbers(data, begins + 8, "<i4")))
        cuts.append((cigar, sequence))
        cuts.extend(_long_cigar_tags(data, begins, tags, long))
    if "RNEXT" in blanked:
        _put(data, begins + 24, np.full(4, 255, np.uint8))
    if "PNEXT" in blanked:
        _put(data, begins + 28, np.full(4, 255, np.uint8))
    if "TLEN" in blanked:
        _put(data, begins + 32, np.zeros(4, np.uint8))
    if "SEQ" in blanked:
        _put(data, begins + 20, np.zeros(4, np.uint8))
        cuts.append((sequence, tags))
        if "CIGAR" not in blanked:
            # The placeholder of a CIGAR of over 65,535 operations begins with a soft clip as long as SEQ.
            _put(data, cigar[long], np.array([_SOFT_CLIP, 0, 0, 0], np.uint8))
    elif "QUAL" in blanked:
        data[_within(quality, tags, len(data))] = 255
    return _without(data, begins, cuts)


def _with_long_cigar(data: Bytes, cigar: Offsets, operations: Offsets, bases: Offsets) -> NDArray[np.bool_]:
    """Return for each record whether its CIGAR, of over 65,535 operations, is in the tag CG (SAMv1 §4.2.2)."""
    found: NDArray[np.bool_] = operations == 2
    at = cigar[found]
    first, second = _numbers(data, at, "<u4"), _numbers(data, at + 4, "<u4")
    found[found] = (first == (bases[found] << 4 | _SOFT_CLIP)) & (second & 15 == _SKIP)
    return found


def _long_cigar_tags(
    data: Bytes, begins: Offsets, tags: Offsets, long: NDArray[np.bool_]
) -> Iterator[tuple[Offsets, Offsets]]:
    """Yield the ranges of the tag CG in the records that may have one."""
    ends = begins + 4 + _numbers(data, begins, "<i4")
    for number in np.flatnonzero(long).tolist():
        raw = data[tags[number] : ends[number]].tobytes()
        for at, end in tag_ranges(raw):
            if raw[at : at + 4] == b"CGBI":
                yield np.array([tags[number] + at]), np.array([tags[number] + end])


_WIDTHS: Final = {ord(kind): width for kind, width in zip("AcCsSiIf", (1, 1, 1, 2, 2, 4, 4, 4), strict=True)}


def tag_ranges(tags: bytes) -> Iterator[tuple[int, int]]:
    """Yield the begin and end of each tag of a record (SAMv1 §4.2.4). Raises FormatError for malformed tags."""
    at = 0
    while at < len(tags):
        kind = tags[at + 2] if at + 3 <= len(tags) else 0
        if kind in b"ZH":
            end = tags.find(b"\0", at + 3) + 1
        elif kind == ord("B") and at + 8 <= len(tags):
            end = at + 8 + _WIDTHS.get(tags[at + 3], 0) * int.from_bytes(tags[at + 4 : at + 8], "little")
        else:
            end = at + 3 + _WIDTHS.get(kind, len(tags))
        if not at + 3 < end <= len(tags):
            raise FormatError("implausible tag of a BAM record")
        yield at, end
        at = end


def _bins(starts: Offsets) -> Bytes:
    """Return the bins of records that cover one position each, two bytes per row (SAMv1 §5.3)."""
    bins = np.where(starts < 0, 4680, 4681 + (starts >> 14))
    return bins.astype("<u2").view(np.uint8).reshape(-1, 2)


def _numbers(data: Bytes, at: Offsets, kind: str) -> Offsets:
    """Return the numbers of type `kind` at byte offsets, which need no alignment."""
    type_ = np.dtype(kind)
    gathered: Bytes = data[at[:, None] + np.arange(type_.itemsize)]
    return gathered.view(type_).reshape(-1).astype(np.int64)


def _put(data: Bytes, at: Offsets, values: Bytes) -> None:
    """Write the same bytes at every offset, or one row of them at each."""
    data[at[:, None] + np.arange(values.shape[-1])] = values


def _within(starts: Offsets, ends: Offsets, size: int) -> NDArray[np.bool_]:
    """Return for each of `size` bytes whether it is inside one of the disjoint ranges."""
    steps = np.zeros(size + 1, np.int8)
    some = ends > starts
    # In two steps, because one range may begin where another ends.
    steps[starts[some]] += 1
    steps[ends[some]] -= 1
    inside: NDArray[np.bool_] = steps[:-1].cumsum(dtype=np.int8).astype(bool)
    return inside


def _without(data: Bytes, begins: Offsets, cuts: list[tuple[Offsets, Offsets]]) -> bytes:
    """Return the records without the ranges `cuts`, with their block sizes updated."""
    if not cuts:
        return data.tobytes()
    starts, ends = (np.concatenate(sides) for sides in zip(*cuts, strict=True))
    order = starts.argsort(kind="stable")
    owners = begins.searchsorted(starts, side="right") - 1
    sizes = _numbers(data, begins, "<i4") - np.bincount(owners, ends - starts, len(begins)).astype(np.int64)
    _put(data, begins, sizes.astype("<i4").view(np.uint8).reshape(-1, 4))
    return data[~_within(starts[order], ends[order], len(data))].tobytes()
