"""Index queries on sparse, long features: every record that htslib finds, in chunks that are never inverted."""

import random
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pysam
import pytest

from catalogue.formats.bgzf import BlockReader
from catalogue.formats.binning import ContigIndex
from catalogue.formats.index_files import read_index
from catalogue.formats.intervals import Region, VirtualOffset
from catalogue.formats.records import Records, RegionSet
from catalogue.formats.registry import read_header, record_walker
from tests.made_bgzf import MadeFile, reader_of
from tests.made_reads import index_bam, make_bam, make_long_reads
from tests.made_variants import index_bcf, index_vcf, make_bcf, make_structural_variants, make_vcf

LENGTH = 60_000_000


def _bam(folder: Path) -> Path:
    contigs = {"one": LENGTH, "two": LENGTH // 4}
    return make_bam(folder / "long.bam", count=0, contigs=contigs, extra=make_long_reads)


def _vcf(folder: Path) -> Path:
    return make_vcf(folder / "sv.vcf.gz", make_structural_variants(LENGTH))


MADE: dict[str, Callable[[Path], MadeFile]] = {
    "BAM, BAI": lambda folder: index_bam(_bam(folder)),
    "BAM, CSI": lambda folder: index_bam(_bam(folder), csi=14),
    "BAM, fine CSI": lambda folder: index_bam(_bam(folder), csi=10),
    "VCF, TBI": lambda folder: index_vcf(_vcf(folder)),
    "VCF, CSI": lambda folder: index_vcf(_vcf(folder), csi=14),
    "VCF, coarse CSI": lambda folder: index_vcf(_vcf(folder), csi=17),
    "BCF, CSI": lambda folder: index_bcf(make_bcf(folder / "sv.bcf", make_structural_variants(LENGTH))),
    "BCF, fine CSI": lambda folder: index_bcf(
        make_bcf(folder / "sv.bcf", make_structural_variants(LENGTH)), csi=11
    ),
}


class Walked:
    """All records of a file, and where in its uncompressed bytes a virtual offset lies."""

    def __init__(self, made: MadeFile) -> None:
        read_range = reader_of(made.path.read_bytes())
        header = read_header(read_range)
        uncompressed, self._begins = b"", {}
        for block in BlockReader(read_range).blocks(0):
            self._begins[block.begin] = len(uncompressed)
            uncompressed += block.data
        self._begins[made.path.stat().st_size] = len(uncompressed)
        self._first = self.place(header.end)
        walk = record_walker(header.format, names={one.index: one.name for one in header.contigs})
        self.records: Records = walk(uncompressed[self._first :], True)

    def place(self, offset: VirtualOffset) -> int:
        return self._begins[offset.coffset] + offset.uoffset

    def within(
        self, begin: VirtualOffset, end: VirtualOffset
    ) -> "np.ndarray[tuple[int], np.dtype[np.bool_]]":
        first, last = self.place(begin) - self._first, self.place(end) - self._first
        return (self.records.begins >= first) & (self.records.ends <= last)


def fetcher(made: MadeFile) -> Callable[[str, int, int], Iterator[int]]:
    """Numbers of the records that htslib finds in a region, by the numbers in their names."""
    if made.path.suffix == ".bam":
        reads = pysam.AlignmentFile(str(made.path), index_filename=str(made.index))
        return lambda name, start, end: (
            int(str(read.query_name)[1:]) for read in reads.fetch(name, start, end)
        )
    variants = pysam.VariantFile(str(made.path), index_filename=str(made.index))
    return lambda name, start, end: (int(str(record.id)[1:]) for record in variants.fetch(name, start, end))


def regions(rng: random.Random, records: Records, contig: int) -> Iterator[tuple[int, int]]:
    here = records.contigs == contig
    edges = np.concatenate((records.starts[here], records.stops[here])).tolist()
    for _ in range(120):
        start = (
            max(0, rng.choice(edges) + rng.randint(-300, 300))
            if rng.random() < 0.5
            else rng.randrange(LENGTH)
        )
        yield start, start + rng.choice((1, 100, 100, 5000, 2_000_000))


@pytest.mark.parametrize("kind", sorted(MADE))
def test_a_query_finds_what_htslib_finds(kind: str, tmp_path: Path) -> None:
    made = MADE[kind](tmp_path)
    assert made.index is not None
    walked, fetch = Walked(made), fetcher(made)
    rng, empty = random.Random(kind), False
    for number, index in enumerate(read_index(made.index.read_bytes()).contigs):
        assert index is not None
        for packed in (index, ContigIndex.unpack(index.pack())):
            for start, end in regions(rng, walked.records, number):
                expected = list(fetch(("one", "two")[number], start, end))
                chunks = packed.query(start, end)
                held = np.zeros(len(walked.records), dtype=np.bool_)
                for chunk in chunks:
                    assert chunk.begin < chunk.end
                    held |= walked.within(chunk.begin, chunk.end)
                wanted = RegionSet([Region(number, start, end)]).overlapped_by(walked.records)
                assert np.flatnonzero(wanted & held).tolist() == expected
                assert not walked.within(VirtualOffset(packed.limit_offset(end)), index.end)[expected].any()
                assert VirtualOffset(packed.tail_offset(end)) <= packed.end
                empty |= not chunks
    assert empty or "CSI" in kind, "no region lay between the records, as the linear index knows them"


def test_no_position_has_a_tail_before_the_first(tmp_path: Path) -> None:
    made = MADE["VCF, TBI"](tmp_path)
    assert made.index is not None
    for index in read_index(made.index.read_bytes()).contigs:
        assert index is not None
        assert index.query(0, 0) == [] and index.tail_offset(0) == index.begin
