"""Locations and positions of records, compared with htslib."""

import gzip
import random
import struct
import tempfile
from pathlib import Path

import numpy as np
import pysam
import pytest
from hypothesis import given
from hypothesis import strategies as st

from catalogue.formats import FormatError
from catalogue.formats.bam import walk_bam
from catalogue.formats.bcf import walk_bcf
from catalogue.formats.headers import FileFormat
from catalogue.formats.intervals import Region
from catalogue.formats.records import OTHER_CONTIG, UNPLACED, Records, RecordWalker, RegionSet
from catalogue.formats.registry import read_header, record_walker
from tests.made_bgzf import reader_of, uncompressed_of
from tests.made_reads import giant_reads, make_bam
from tests.made_variants import index_vcf, make_bcf, make_vcf, make_vcf_text


def body_of(path: Path) -> bytes:
    """The uncompressed bytes of a file after its header."""
    header = read_header(reader_of(path.read_bytes()))
    uncompressed = uncompressed_of(path)
    return uncompressed[len(gzip.decompress(header.packed)) :]


def rows(records: Records) -> list[tuple[int, int, int]]:
    return list(zip(records.contigs.tolist(), records.starts.tolist(), records.stops.tolist(), strict=True))


def test_reads_cover_what_htslib_says(tmp_path: Path) -> None:
    path = make_bam(tmp_path / "a.bam", count=1000, unplaced=20, extra=giant_reads)
    with pysam.AlignmentFile(str(path)) as file:
        truth = [
            (
                read.reference_id,
                read.reference_start,
                read.reference_start + max(1, 0 if read.is_unmapped else read.reference_length or 0),
            )
            for read in file.fetch(until_eof=True)
        ]
    uncompressed = body_of(path)
    records = walk_bam(uncompressed, True)
    assert rows(records) == truth
    assert records.begins.tolist() == [0, *records.ends.tolist()[:-1]]
    assert records.ends[-1] == records.walked == len(uncompressed)


def test_variants_in_bcf_cover_their_length(tmp_path: Path) -> None:
    path = make_bcf(tmp_path / "a.bcf", make_vcf_text(count=400))
    with pysam.VariantFile(str(path)) as file:
        truth = [(record.rid, record.pos - 1, record.pos - 1 + record.rlen) for record in file]
    assert rows(walk_bcf(body_of(path), True)) == truth


def test_negative_length_in_bcf_is_that_of_the_allele(tmp_path: Path) -> None:
    path = make_bcf(tmp_path / "a.bcf", make_vcf_text(count=300))
    uncompressed = bytearray(body_of(path))
    before = walk_bcf(bytes(uncompressed), True)
    for begin in before.begins.tolist():
        uncompressed[begin + 16 : begin + 20] = struct.pack("<i", -1)
    with pysam.VariantFile(str(path)) as file:
        truth = [len(record.ref or "") for record in file]
    after = walk_bcf(bytes(uncompressed), True)
    assert (after.stops - after.starts).tolist() == truth


EXTENTS = (
    "10 A C .",
    "10 ACGTACGTAC A .",
    "1 A C .",
    "10 A <DEL> END=50",
    "10 A <DEL> END=50;SVLEN=-70",
    "10 A <DEL> END=90;SVLEN=-70",
    "10 A <DEL> SVLEN=70;END=20",
    "10 A <DEL:ME> X=1;SVLEN=33",
    "10 A <DELE> SVLEN=33",
    "10 A <DUP>,<INS>,C SVLEN=5,600,700",
    "10 A C,<INV> SVLEN=600,7",
    "10 A <CNV:TR>,<INV> SVLEN=.,70",
    "10 A <INS> SVLEN=600",
    "10 A C SVLEN=600",
    "10 A C END=5",
    "10 A C END=10",
    "10 A C END=.",
    "10 A C CIEND=-5,500",
    "10 A C CIEND=-5,500;END=40",
    "10 A C BEND=70;END=40;END=60",
    "10 A C XSVLEN=9;END=12",
    "10 ACG <*> . GT:LEN 0/0:40 0/0:60",
    "10 ACG <NON_REF> END=30 LEN:GT 40:0/0 .:0/0",
    "10 ACG <NON_REF>,C . GT 0/0 0/0",
    "10 ACG <*> . LEN . 50",
    "10 ACG C . GT:LEN 0/0:40 0/0:60",
)


@pytest.mark.parametrize("extent", EXTENTS)
def test_lines_of_vcf_cover_what_tabix_says(extent: str, tmp_path: Path) -> None:
    position, reference, alternative, info, *samples = extent.split(" ")
    samples = samples or ["GT", "0/0", "0/0"]
    line = "\t".join(["one", position, "id", reference, alternative, "5", "PASS", info, *samples]) + "\n"
    text = make_vcf_text(count=0) + line.encode()
    made = index_vcf(make_vcf(tmp_path / "a.vcf.gz", text))
    walk = record_walker(FileFormat.VCF, names={3: "one"})
    ((contig, start, stop),) = rows(walk(line.encode(), True))
    assert contig == 3 and start == int(position) - 1
    with pysam.TabixFile(str(made.path)) as file:

        def found(at: int) -> bool:
            return bool(list(file.fetch("one", at, at + 1)))

        assert found(start) and found(stop - 1) and not found(stop)


def test_what_is_no_record_is_passed_over() -> None:
    walk = record_walker(FileFormat.VCF, names={7: "one"})
    lines = [
        b"#comment\n",
        b"\n",
        b"one\t5\t.\tA\tC\t.\t.\t.\r\n",
        b"two\t6\t.\tA\tC\t.\t.\t.\n",
        b"one\t9\t.\tAC\tC\t.\t.\t.",
    ]
    records = walk(b"".join(lines), True)
    assert rows(records) == [(7, 4, 5), (OTHER_CONTIG, 5, 6), (7, 8, 10)]
    uncompressed = b"".join(lines)
    assert [uncompressed[b:e] for b, e in zip(records.begins, records.ends, strict=True)] == lines[2:]
    assert len(walk(uncompressed, False)) == 2 and walk(uncompressed, False).walked == len(
        uncompressed
    ) - len(lines[4])


@given(st.data())
def test_any_part_of_a_file_gives_the_same_records(data: st.DataObject) -> None:
    """Records found piece by piece, each piece beginning with what the one before left over."""
    kind = data.draw(st.sampled_from(sorted(BODIES)))
    walk, uncompressed, whole = BODIES[kind]
    at, ends = 0, []
    cuts = sorted(data.draw(st.lists(st.integers(0, len(uncompressed)), max_size=12)))
    for cut in [*cuts, len(uncompressed)]:
        records = walk(uncompressed[at:cut], cut == len(uncompressed)) if cut > at else None
        if records is not None:
            ends += (records.ends + at).tolist()
            at += records.walked
    assert ends == whole.ends.tolist()


def _bodies() -> dict[str, tuple[RecordWalker, bytes, Records]]:
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        text = make_vcf_text(count=60)
        bodies = {
            FileFormat.BAM: body_of(make_bam(folder / "a.bam", count=60, unplaced=3)),
            FileFormat.BCF: body_of(make_bcf(folder / "a.bcf", text)),
            FileFormat.VCF: body_of(make_vcf(folder / "a.vcf.gz", text)),
        }
    found = {}
    for format, uncompressed in bodies.items():
        walk = record_walker(format, names={0: "one"})
        found[format.value] = walk, uncompressed, walk(uncompressed, True)
    return found


BODIES = _bodies()


@given(
    st.lists(st.tuples(st.integers(-1, 2), st.integers(-1, 50), st.integers(0, 9)), max_size=30), st.data()
)
def test_region_sets_agree_with_regions(spans: list[tuple[int, int, int]], data: st.DataObject) -> None:
    columns = np.array(spans, dtype=np.int64).reshape(-1, 3).T
    nothing = np.zeros(len(spans), dtype=np.int64)
    records = Records(nothing, nothing, columns[0], columns[1], columns[1] + columns[2], 0)
    regions = data.draw(
        st.lists(
            st.tuples(st.integers(0, 2), st.integers(0, 50), st.integers(0, 60)).map(lambda p: Region(*p))
        )
    )
    wanted = [*regions, UNPLACED] if data.draw(st.booleans()) else regions
    expected = [
        any(contig == r.contig and start < r.end and r.start < start + n for r in RegionSet(wanted).regions)
        for contig, start, n in spans
    ]
    assert RegionSet(wanted).overlapped_by(records).tolist() == expected


@pytest.mark.parametrize("kind", sorted(BODIES))
def test_damaged_records_are_refused(kind: str) -> None:
    """Any change of bytes gives records or a FormatError; a record cut short is an error at the very end."""
    walk, uncompressed, whole = BODIES[kind]
    rng = random.Random(kind)
    for _ in range(400):
        damaged = bytearray(uncompressed[: rng.randint(1, 6000)])
        for _ in range(rng.randint(1, 4)):
            damaged[rng.randrange(len(damaged))] = rng.randrange(256)
        try:
            walk(bytes(damaged), rng.random() < 0.5)
        except FormatError as error:
            assert error.offset is None or 0 <= error.offset <= len(damaged)
    if kind != FileFormat.VCF:
        with pytest.raises(FormatError, match="cut short"):
            walk(uncompressed[:-1], True)
    assert len(walk(uncompressed[:-1], False)) == len(whole) - 1
