"""Computes the layout of the FASTA file of a collection: `>name`, then residues in lines of 60."""

from collections.abc import Iterator, Sequence
from typing import Final, NamedTuple

import numpy as np
import numpy.typing as npt

#: Residues per line.
LINE: Final = 60
#: Bytes of whole lines written at once, about a megabyte.
_WRITTEN: Final = (LINE + 1) * (1 << 14)


class FastaPart(NamedTuple):
    """Bytes `[begin, end)` of the residue lines of one record, or of its header line."""

    record: int
    is_header: bool
    begin: int
    end: int


class FastaLayout:
    """The layout of one file; `size` is in bytes."""

    def __init__(self, names: Sequence[bytes], lengths: npt.NDArray[np.int64]) -> None:
        self.headers = np.fromiter(map(len, names), dtype=np.int64) + len(b">\n")
        self.lengths = lengths
        records = self.headers + lengths + -(-lengths // LINE)
        self.starts = np.concatenate([[0], np.cumsum(records)])
        self.size = int(self.starts[-1])

    def parts(self, begin: int, end: int) -> Iterator[FastaPart]:
        """Yield the parts that make up bytes `[begin, end)` of the file, residues in parts of about a megabyte."""
        record = int(np.searchsorted(self.starts, begin, side="right")) - 1
        while begin < end:
            start, header = int(self.starts[record]), int(self.headers[record])
            stop = min(end, int(self.starts[record + 1]))
            if begin < start + header:
                header_end = min(stop, start + header)
                yield FastaPart(record, True, begin - start, header_end - start)
                begin = header_end
            while begin < stop:
                at = begin - start - header
                part_end = min(stop - start - header, at - at % _WRITTEN + _WRITTEN)
                yield FastaPart(record, False, at, part_end)
                begin = start + header + part_end
            record += 1

    def fai_line(self, record: int, name: str) -> str:
        """Return the line of a record in the `.fai` index, as `samtools faidx` writes it."""
        length = int(self.lengths[record])
        line = min(length, LINE)
        offset = int(self.starts[record] + self.headers[record])
        return f"{name}\t{length}\t{offset}\t{line}\t{line + 1}\n"


def residues_of(part: FastaPart, length: int) -> tuple[int, int]:
    """Return the range of residues, 0-based and half-open, of the lines that a part overlaps."""
    first, last = part.begin // (LINE + 1), -(-part.end // (LINE + 1))
    return first * LINE, min(last * LINE, length)


def write_lines(part: FastaPart, residues: bytes) -> bytes:
    """Return the bytes of a part, given the residues in the range of `residues_of`."""
    lines = b"".join([residues[at : at + LINE] + b"\n" for at in range(0, len(residues), LINE)])
    first = part.begin - part.begin % (LINE + 1)
    return lines[part.begin - first : part.end - first]
