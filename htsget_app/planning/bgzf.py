"""Plans the parts of a BAM, VCF or BCF answer: exact to the record at both ends, and in between if it is small.

The index gives the chunks that may hold wanted records. Their ends are read and records compared with the regions; the
rest of a cut block is compressed again, and the whole blocks between remain ranges of the stored file.
"""

from collections.abc import Iterable, Iterator
from math import inf

from catalogue.formats import ReadRange
from catalogue.formats.bgzf import EOF_MARKER, MAX_COMPRESSED, Block, deflate
from catalogue.formats.intervals import ByteRange, Chunk, VirtualOffset, unite_chunks
from catalogue.formats.records import UNPLACED, RegionSet
from htsget_app.planning.cutter import Cutter
from htsget_app.planning.exact import exact_parts
from htsget_app.planning.parts import (
    Inline,
    Limits,
    Part,
    PartClass,
    PlannedFile,
    Selection,
    StoredRange,
    merge_parts,
)
from htsget_app.planning.scan import Scan, first_read
from htsget_app.planning.targets import Target, find_targets, join_nearest

_EOF = Inline(EOF_MARKER, PartClass.BODY)
# An estimate of an answer's size may be off by this factor before compressing it to know is given up.
_ESTIMATE_ERROR = 1.25


def plan_bgzf(file: PlannedFile, selection: Selection, read_range: ReadRange, limits: Limits) -> list[Part]:
    """Return the parts whose bytes concatenate to a file with the selection's records.

    Reads at most twice `limits.scan` bytes, and at times one block more, for each chunk that holds wanted records.
    Raises `FormatError` where the stored file is damaged or not what the catalogue knows of it.
    """
    cutter = Cutter(read_range)
    header = _header(file, cutter, limits)
    if selection.within is not None:
        body = [*exact_parts(file, selection.regions, cutter=cutter, limits=limits), _EOF]
    elif selection.whole:
        body = _whole(file, cutter, limits)
    else:
        body = [*_Search(file, selection, cutter=cutter, limits=limits).parts(), _EOF]
    return merge_parts([*header, *body], max_part_bytes=limits.max_part_bytes)


def _header(file: PlannedFile, cutter: Cutter, limits: Limits) -> list[Part]:
    """Return the header from the catalogue, or as a range of the file if it is too long for a ticket."""
    if len(file.header) <= limits.inline:
        return [Inline(file.header, PartClass.HEADER)]
    return cutter.cut(Chunk(VirtualOffset(0), file.stored.header_end), part_class=PartClass.HEADER)


def _whole(file: PlannedFile, cutter: Cutter, limits: Limits) -> list[Part]:
    """Return everything after the header, with the file's own EOF marker if it has one."""
    size, begin = file.stored.size, file.stored.header_end
    parts = cutter.cut(Chunk(begin, VirtualOffset.at(size)))
    if size - begin.coffset <= limits.inline:
        parts = [cutter.inlined(part) for part in parts]
    return parts if file.stored.has_eof else [*parts, _EOF]


class _Search:
    """The search for the wanted records of a file, target by target, within the limits of an answer."""

    def __init__(self, file: PlannedFile, selection: Selection, *, cutter: Cutter, limits: Limits) -> None:
        self._cutter = cutter
        self._limits = limits
        self._walk = file.record_walker()
        self._wanted = RegionSet((*selection.regions, *((UNPLACED,) if selection.unplaced else ())))
        self._targets = find_targets(file, self._wanted.regions, limits)
        self._unread = limits.max_scan
        # Each target may be one range; how many more there may be is for the first that can use them.
        self._more_ranges = max(0, limits.max_ranges - len(self._targets))

    def parts(self) -> list[Part]:
        """Return the wanted records, each once and in file order, without EOF marker."""
        self._prefetch()
        max_inline = int(self._limits.inline * _ESTIMATE_ERROR)
        held: list[tuple[Target, Scan]] = []
        estimate = 0.0
        targets = iter(self._targets)
        for target in targets:
            scan = self._first_scan(target, max_inline)
            held.append((target, scan))
            estimate += scan.wanted_stored if scan.complete else inf
            if estimate > max_inline:
                break
        else:
            small = _only_wanted(scan for _, scan in held)
            if len(small.data) <= self._limits.inline:
                return [small]
        parts = [part for found in held for part in self._ranges(*found)]
        # Scans hold uncompressed bytes: from here on one at a time.
        held.clear()
        for target in targets:
            parts += self._ranges(target, self._first_scan(target, max_inline))
        return parts

    def _prefetch(self) -> None:
        """Read all targets in one go when they lie close together, else announce which parts of them are read."""
        if self._targets:
            begin, end = self._targets[0].chunk.begin.coffset, self._targets[-1].chunk.end.coffset
            if end - begin <= self._limits.scan:
                self._cutter.reader.fetch(begin, end + MAX_COMPRESSED)
            else:
                self._cutter.prefetch(self._edges())

    def _edges(self) -> Iterator[ByteRange]:
        """Yield the begins of targets, and their ends where those are sure to be read, up to `max_scan` bytes."""
        left = self._limits.max_scan
        for target in self._targets:
            head, end = first_read(target.chunk, max_stored=self._read_size), target.chunk.end
            edges = [head]
            if target.dense and head.end <= target.tail.coffset and head.end + MAX_COMPRESSED < end.coffset:
                edges.append(first_read(Chunk(target.tail, end), max_stored=self._read_size))
            left -= sum(edge.length for edge in edges)
            if left < 0:
                return
            yield from edges

    @property
    def _read_size(self) -> int:
        """Compressed bytes to read next, where so many are there."""
        return max(min(self._limits.scan, self._unread), 2 * MAX_COMPRESSED)

    def _scan(
        self, chunk: Chunk, *, beyond: tuple[int, int] | None, sure: tuple[int, VirtualOffset] | None = None
    ) -> Scan:
        return Scan(
            self._cutter.reader, chunk, walk=self._walk, wanted=self._wanted, beyond=beyond, sure=sure
        )

    def _first_scan(self, target: Target, max_inline: int) -> Scan:
        """Scan a target: where it is dense, until the answer is sure to be large; else as far as it may still read."""
        sure = (target.start, target.tail) if target.dense else None
        scan = self._scan(target.chunk, beyond=target.beyond, sure=sure)
        self._run(scan, once=target.dense, enough=max_inline if target.dense else None)
        return scan

    def _run(self, scan: Scan, *, once: bool, enough: int | None = None) -> None:
        """Read the next bytes of a scan, once or until the answer has read as much as its limits allow."""
        while not scan.complete:
            before = scan.spent
            scan.run(max_stored=self._read_size, enough=enough)
            self._unread -= scan.spent - before
            if once or self._unread <= 0:
                return

    def _ranges(self, target: Target, scan: Scan) -> list[Part]:
        """Return the wanted records of a target as ranges of the file, exact at their ends.

        If no whole block lies between the ends, everything is sent inline and holds the wanted records only.
        """
        chunks, known = self._narrowed(target, scan)
        few = join_nearest(chunks, self._limits, 1 + self._more_ranges)
        self._more_ranges -= max(0, len(few) - 1)
        parts = [part for chunk in few for part in self._cutter.cut(chunk, known=known)]
        if any(isinstance(part, StoredRange) and part.byte_range.length for part in parts):
            return parts
        if scan.complete:
            return [_only_wanted([scan])]
        scans = [self._scan(chunk, beyond=None) for chunk in unite_chunks(chunks)]
        for exact in scans:
            exact.run(max_stored=exact.chunk.end.coffset - exact.chunk.begin.coffset + MAX_COMPRESSED)
        return [_only_wanted(scans)]

    def _narrowed(self, target: Target, scan: Scan) -> tuple[list[Chunk], dict[int, Block]]:
        """Return the chunks of a target without unwanted records at its ends, as far as reading on tells.

        With them come the blocks read, by file offset.
        """
        end, blocks = target.chunk.end, {}
        if not scan.complete and target.beyond is not None:
            near = end.coffset - scan.reached.coffset <= 2 * MAX_COMPRESSED
            if near or target.tail <= scan.reached:
                self._run(scan, once=True)
            elif target.tail < end:
                last = self._scan(Chunk(target.tail, end), beyond=target.beyond)
                self._run(last, once=True)
                blocks = last.blocks()
                if last.complete:
                    end = last.chunks()[-1].end if last.spans else target.tail
        blocks |= scan.blocks()
        rest = [] if scan.complete else [Chunk(scan.reached, end)]
        return [*scan.chunks(), *rest], blocks


def _only_wanted(scans: Iterable[Scan]) -> Inline:
    return Inline(deflate(b"".join(scan.wanted_bytes() for scan in scans)), PartClass.BODY)
