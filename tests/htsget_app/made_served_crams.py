"""Stored CRAM files known as the catalogue would know them, with what htslib says is in them."""

import gzip
from collections.abc import Iterable
from dataclasses import dataclass
from functools import cached_property
from itertools import pairwise
from pathlib import Path

import pysam

from catalogue.formats.crai import pack, parse_crai, verify_rows
from catalogue.formats.cram import read_cram
from catalogue.formats.intervals import VirtualOffset
from htsget_app.planning.cram import plan_cram
from htsget_app.planning.parts import Inline, Limits, Part, PlannedFile, Selection
from tests.htsget_app.made_planned import make_planned_file
from tests.made_crams import MadeCram, reader_of

EVERYTHING = Limits(inline=10**9)

Read = tuple[str, str, int, int, str]


def read_of(record: pysam.AlignedSegment) -> Read:
    """A read as name, contig ("*" for none), start, end, SAM line; unmapped ones are one position long."""
    start = record.reference_start
    end = record.reference_end if record.reference_end is not None else start + 1
    return record.query_name or "", record.reference_name or "*", start, end, record.to_string()


@dataclass
class ServedCram:
    """A CRAM file as the catalogue would know it, and what htslib says is in it."""

    cram: MadeCram
    folder: Path

    @cached_property
    def data(self) -> bytes:
        return self.cram.data

    @cached_property
    def planned(self) -> PlannedFile:
        read_range = reader_of(self.data)
        file = read_cram(read_range, size=len(self.data))
        rows = parse_crai(self.cram.index.read_bytes())
        verify_rows(rows, read_range, file, max_containers=1000)
        index = pack(rows, data=file.data, contigs=len(file.header.contigs))
        return make_planned_file(
            self.data,
            file.header,
            indexes=index.contigs,
            has_eof=file.has_eof,
            unplaced_begin=None if index.unplaced is None else VirtualOffset.at(index.unplaced),
        )

    @cached_property
    def lengths(self) -> list[int]:
        header = read_cram(reader_of(self.data), size=len(self.data)).header
        return [contig.length or 0 for contig in header.contigs]

    @cached_property
    def eof(self) -> bytes:
        return pysam_eof(self.data[4])

    @cached_property
    def containers(self) -> list[tuple[bytes, list[Read]]]:
        """Bytes and reads of every container: bounds by htslib's index, reads decoded container by container."""
        end = len(self.data) - (len(self.eof) if self.data.endswith(self.eof) else 0)
        index = gzip.decompress(self.cram.index.read_bytes()).decode()
        begins = sorted({int(line.split("\t")[3]) for line in index.splitlines()})
        pieces = [self.data[begin:after] for begin, after in pairwise([*begins, end])]
        header = self.data[: begins[0]]
        return [(piece, self.reads(header + piece + self.eof)) for piece in pieces]

    def reads(self, data: bytes) -> list[Read]:
        path = self.folder / "answer.cram"
        path.write_bytes(data)
        return [read_of(record) for record in self.cram.reads_in(path)]

    def join(self, blocks: Iterable[Part]) -> bytes:
        return b"".join(
            block.data
            if isinstance(block, Inline)
            else self.data[block.byte_range.begin : block.byte_range.end]
            for block in blocks
        )

    def plan(self, selection: Selection, limits: Limits = EVERYTHING) -> list[Part]:
        return plan_cram(self.planned, selection, read_range=reader_of(self.data), limits=limits)

    def wanted(self, selection: Selection) -> tuple[bytes, list[Read]]:
        """The exact answer's bytes, and the reads that must be found in it."""
        body, overlapping = b"", []
        names = [contig.name for contig in self.planned.contigs.values()]
        for piece, reads in self.containers:
            hit = selection.whole or (selection.unplaced and any(read[1] == "*" for read in reads))
            for region in selection.regions:
                placed = [read for read in reads if read[1] == names[region.contig]]
                hit |= bool(placed) and (
                    min(read[2] for read in placed) < region.end
                    and region.start < max(read[3] for read in placed)
                    and region.start < region.end
                )
            body += piece if hit else b""
            overlapping += [read for read in reads if self.overlaps(read, selection, names)]
        return self.planned.header + body + self.eof, overlapping

    @staticmethod
    def overlaps(read: Read, selection: Selection, names: list[str]) -> bool:
        _, contig, start, end, _ = read
        return (
            selection.whole
            or (selection.unplaced and contig == "*")
            or any(
                contig == names[region.contig] and max(start, region.start) < min(end, region.end)
                for region in selection.regions
            )
        )


def pysam_eof(major: int) -> bytes:
    """The end-of-file container as htslib writes it."""
    return bytes.fromhex(
        {
            2: "0b000000ffffffff0fe0454f460000000001000001000606010001000100",
            3: "0f000000ffffffff0fe0454f4600000000010005bdd94f0001000606010001000100ee63014b",
        }[major]
    )
