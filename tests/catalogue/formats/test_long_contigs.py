"""Contigs longer than 2^31 and 2^32 positions, which VCF and CSI allow, against bcftools."""

import random
from pathlib import Path

import numpy as np
import pysam.bcftools
import pytest

from catalogue.formats import FormatError
from catalogue.formats.bgzf import BlockReader
from catalogue.formats.binning import ContigIndex
from catalogue.formats.headers import FileFormat
from catalogue.formats.intervals import NO_END, Region, VirtualOffset
from catalogue.formats.records import RegionSet
from catalogue.formats.registry import SPECS, read_header, record_walker
from catalogue.ingest.indexes.build import build_index
from catalogue.ingest.indexes.read import read_binning_index
from tests.made_bgzf import bgzf_block, reader_of
from tests.made_variants import make_vcf

LANDMARKS = (2**29, 2**31, 2**32 - 1, 2**32, 2**32 + 2**14, 2**33)


def make_long(path: Path, length: int, *, declared: bool = True) -> Path:
    """Variants about all powers of two that some reader stops at, and anywhere else."""
    rng = random.Random(length)
    places = [near + offset for near in LANDMARKS for offset in range(-40, 40, 7)]
    places += [rng.randrange(1, length) for _ in range(300)]
    lines = ["##fileformat=VCFv4.3", "#CHROM\tPOS\tID\tREF\tALT\tQUAL\tFILTER\tINFO"]
    lines[1:1] = [f"##contig=<ID=long,length={length}>"] if declared else []
    for number, place in enumerate(sorted(places)):
        # By REF and not by END, which htslib does not read beyond 2^31.
        reference = "N" * rng.choice((1, 1, 30, 5000))
        lines.append(f"long\t{place}\tv{number}\t{reference}\tA\t9\tPASS\t.")
    return make_vcf(path, "\n".join([*lines, ""]).encode())


@pytest.mark.parametrize(
    ("length", "declared", "shift"),
    [(2**34, True, None), (2**34, False, None), (2**40, True, None), (2**43, True, None), (2**34, True, 11)],
)
def test_every_record_is_found(length: int, declared: bool, shift: int | None, tmp_path: Path) -> None:
    path = make_long(tmp_path / "long.vcf.gz", length, declared=declared)
    target = Path(f"{path}.csi")
    if shift is None:
        build_index(path, SPECS[read_header(reader_of(path.read_bytes())).format], target)
    else:
        pysam.bcftools.index("-c", "-m", str(shift), "-o", str(target), str(path))
    data = path.read_bytes()
    header = read_header(reader_of(data))
    assert [contig.length for contig in header.contigs] == ([length] if declared else [])
    proved = read_binning_index(
        target.read_bytes(), header=header, read_range=reader_of(data), size=len(data)
    )
    index = ContigIndex.unpack(proved.contigs[0].packed)

    uncompressed, begins = b"", {}
    for block in BlockReader(reader_of(data)).blocks(0):
        begins[block.begin] = len(uncompressed)
        uncompressed += block.data
    begins[len(data)] = len(uncompressed)

    def place(offset: VirtualOffset) -> int:
        return begins[offset.coffset] + offset.uoffset

    first = place(header.end)
    records = record_walker(header.format, {0: "long"})(uncompressed[first:], True)
    assert records.starts.max() > 2**33 < records.stops.max()

    rng = random.Random(1)
    regions = [(0, NO_END), (2**32 - 1, NO_END), (2**32, NO_END)]
    for _ in range(60):
        start = rng.choice(LANDMARKS) + rng.randint(-60, 60) if rng.random() < 0.6 else rng.randrange(length)
        regions.append((start, start + rng.choice((1, 30, 2**20, 2**33))))
    for start, end in regions:
        asked = f"long:{start + 1}-{end if end < NO_END else ''}"
        lines = pysam.bcftools.view("-H", "-r", asked, str(path), split_lines=True)
        expected = [int(line.split("\t")[2][1:]) for line in lines]
        held = np.zeros(len(records), dtype=np.bool_)
        for chunk in index.query(start, end):
            held |= (records.begins >= place(chunk.begin) - first) & (
                records.ends <= place(chunk.end) - first
            )
        wanted = RegionSet([Region(0, start, end)]).overlapped_by(records)
        assert np.flatnonzero(wanted & held).tolist() == expected
    assert max(len(index.query(start, end)) for start, end in regions)


def test_an_end_beyond_32_bits_counts() -> None:
    line = b"long\t5000000000\t.\tN\t<DEL>\t9\tPASS\tEND=6000000000\n"
    records = record_walker(FileFormat.VCF, {0: "long"})(line, True)
    assert (records.starts.tolist(), records.stops.tolist()) == ([4_999_999_999], [6_000_000_000])
    assert RegionSet([Region(0, 5_999_999_999, 6_000_000_000)]).overlapped_by(records).all()
    assert not RegionSet([Region(0, 6_000_000_000, NO_END)]).overlapped_by(records).any()


def test_a_contig_too_long_for_bam_is_refused_in_words() -> None:
    header = b"BAM\1" + (0).to_bytes(4, "little") + (1).to_bytes(4, "little")
    header += (2).to_bytes(4, "little") + b"a\0" + (2**31).to_bytes(4, "little")
    with pytest.raises(
        FormatError, match=r"contig a of the header has 2,147,483,648 bases; BAM allows 2,147,483,647"
    ):
        read_header(reader_of(bgzf_block(header)))
