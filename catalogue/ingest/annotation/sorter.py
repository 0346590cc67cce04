"""Sorts feature lines by gene in bounded memory, whatever the order of the file.

GFF3 promises no order: parents may follow their children, and genes overlap. Lines wait in a temporary file. In memory
stay, for each line, where it is there, and for each feature with an ID, which others it belongs to.
"""

import marshal
import os
import tempfile
from array import array
from collections.abc import Iterator
from pathlib import Path
from types import TracebackType
from typing import Any, Final, Self

import numpy as np
import numpy.typing as npt

from catalogue.formats.annotation import kinds
from catalogue.formats.annotation.lines import Line, value, values

#: Bits of a line's number that count lines; those above them count files.
_LINE_BITS: Final = 40
# What is needed of a part of a transcript that has a line of its own.
_PART_ATTRIBUTES: Final = frozenset(
    {
        "ID", "Parent", "Grandparent", "part", "rank", "exon_number", "exon_id", "exon_version", "version", "tag",
        "protein_id", "protein_version", "locus_tag", "partial", "start_range", "end_range", "pseudo", "product",
        "transl_table", "transl_except", "exception", "Dbxref", "db_xref", "ccdsid", "ccds_id",
    }
)  # fmt: skip


def numbered(file: int, line: int) -> int:
    """Return the number that tells a line of a file from those of other files, in their order."""
    return file << _LINE_BITS | line


def place_of(number: int) -> tuple[int, int]:
    """Return the file and the line of such a number."""
    return number >> _LINE_BITS, number & (1 << _LINE_BITS) - 1


class LineSorter:
    """Context manager that takes lines in any order, and then yields those of each gene, genes in genomic order."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._nodes: dict[str, int] = {}
        self._above = array("q")
        self._described = bytearray()
        self._offsets = array("q", [0])
        self._owners = array("q")
        self._places = array("q")
        self.ignored = 0

    def __enter__(self) -> Self:
        # Without a name: nothing is left of it if the process is killed.
        self._file = tempfile.TemporaryFile(dir=self._folder, buffering=1 << 20)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._file.close()

    def __len__(self) -> int:
        return len(self._owners)

    def add(self, line: Line, region: int) -> None:
        """Take a line that lies on a region; leave it out if it belongs to no gene."""
        parents = values(line.attributes, "Parent")
        is_part = line.kind in kinds.PARTS
        wanted = is_part or bool(parents) or kinds.is_gene(line.kind) or kinds.is_transcript(line.kind)
        if not wanted:
            self.ignored += 1
            return
        node = self._node_of(line, parents, is_part=is_part)
        attributes: Any = line.attributes
        if is_part and parents and self._described[node]:
            attributes = {name: attributes[name] for name in _PART_ATTRIBUTES & attributes.keys()}
        else:
            attributes = dict(attributes)
        written = marshal.dumps((*line[:-1], attributes))
        self._file.write(written)
        self._offsets.append(self._offsets[-1] + len(written))
        self._owners.append(node)
        self._places.append(region << 40 | line.start)

    def _node_of(self, line: Line, parents: list[str], *, is_part: bool) -> int:
        """Return the number of the feature that a line belongs to, joined with all that belong to the same gene."""
        # Ids are those of one file.
        file, own = line.number >> _LINE_BITS, value(line.attributes, "ID")
        if not is_part:
            node = self._node(file, own or f"\0{line.number}")
            self._described[node] = 1
        else:
            node = self._node(file, parents[0] if parents else f"\0{own or line.number}")
        for parent in (*parents, value(line.attributes, "Grandparent")):
            if parent:
                self._join(node, self._node(file, parent))
        if not parents and (tag := line.attributes.get("locus_tag")):
            self._join(node, self._node(file, f"\0locus {tag}"))
        return node

    def _node(self, file: int, identifier: str) -> int:
        key = f"{file}\0{identifier}" if file else identifier
        node = self._nodes.setdefault(key, len(self._above))
        if node == len(self._above):
            self._above.append(node)
            self._described.append(0)
        return node

    def _join(self, one: int, other: int) -> None:
        one, other = self._top(one), self._top(other)
        if one != other:
            self._above[max(one, other)] = min(one, other)

    def _top(self, node: int) -> int:
        above = self._above
        while above[node] != node:
            above[node] = above[above[node]]
            node = above[node]
        return node

    def genes(self) -> Iterator[list[Line]]:
        """Yield the lines of each gene, in the order of the file; genes in the order of where they begin."""
        self._nodes.clear()
        if not self._owners:
            return
        self._file.flush()
        tops, order = self._sorted()
        ends = np.append(np.flatnonzero(np.diff(tops[order])) + 1, len(order))
        first = 0
        for end in ends.tolist():
            yield list(self._read(order[first:end]))
            first = end

    def _read(self, lines: npt.NDArray[np.int64]) -> Iterator[Line]:
        """Yield lines by their numbers, which ascend; those that follow each other are read at once."""
        breaks = np.flatnonzero(np.diff(lines) != 1) + 1
        offsets = self._offsets
        for run in np.split(lines, breaks):
            first, last = int(run[0]), int(run[-1])
            start = offsets[first]
            content = os.pread(self._file.fileno(), offsets[last + 1] - start, start)
            for at in range(first, last + 1):
                yield Line(*marshal.loads(content[offsets[at] - start : offsets[at + 1] - start]))  # noqa: S302

    def _sorted(self) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.int64]]:
        """Return the gene of each line, as a number, and the order of lines."""
        above = np.array(self._above, dtype=np.int64)
        while not np.array_equal(shorter := above[above], above):
            above = shorter
        tops = above[np.array(self._owners, dtype=np.int64)]
        places = np.array(self._places, dtype=np.int64)
        begins = np.full(len(above), np.iinfo(np.int64).max)
        np.minimum.at(begins, tops, places)
        return tops, np.lexsort((np.arange(len(tops)), tops, begins[tops]))
