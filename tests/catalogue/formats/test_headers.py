"""Headers, compared with htslib, and errors for files that are not served."""

import gzip
import random
import struct
from pathlib import Path

import pysam
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from catalogue.formats import FormatError
from catalogue.formats.headers import FileFormat, FileHeader, with_indexed_contigs
from catalogue.formats.intervals import VirtualOffset
from catalogue.formats.registry import read_header
from tests.made_bgzf import CONTIGS, EOF_MARKER, bgzf_block, cut_anywhere, reader_of, uncompressed_of
from tests.made_files import KINDS
from tests.made_reads import make_bam
from tests.made_variants import make_bcf, make_vcf, make_vcf_text


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("headers")


COLUMNS = b"#CHROM\tPOS\tID\tREF\tALT\tQUAL\tFILTER\tINFO"


def header_of(path: Path) -> FileHeader:
    return read_header(reader_of(path.read_bytes()))


@pytest.mark.parametrize("kind", sorted(KINDS))
def test_header_ends_where_the_first_record_begins(kind: str, folder: Path) -> None:
    path = KINDS[kind](folder).path
    data = path.read_bytes()
    header = read_header(reader_of(data))
    kept = gzip.decompress(header.packed)
    assert uncompressed_of(path).startswith(kept)
    # From where the header is said to end, htslib reads on to the same bytes.
    with pysam.BGZFile(str(path), "r", None) as file:
        file.seek(int(header.end))
        assert kept + file.read() == uncompressed_of(path)
    assert header.end.coffset <= len(data)


def test_bam_header(folder: Path) -> None:
    header = header_of(make_bam(folder / "a.bam", count=5))
    assert (header.format, header.version, header.sort_order) == (FileFormat.BAM, "1.6", "coordinate")
    assert [(c.index, c.name, c.length) for c in header.contigs] == [
        (number, name, length) for number, (name, length) in enumerate(CONTIGS.items())
    ]
    assert [contig.md5 for contig in header.contigs] == [f"{number:032x}" for number in range(4)]
    assert header.contigs[0].aliases == ("chrone", "one.1")
    assert header.samples == ("sample", "other")
    with pysam.AlignmentFile(str(folder / "a.bam")) as file:
        assert header.text == str(file.header)


def test_binary_dictionary_of_bam_counts(folder: Path) -> None:
    """Text that disagrees with it describes what it can, and no more."""
    text = b"@HD\tVN:1.5\n@SQ\tSN:b\tLN:1\tM5:" + b"A" * 32 + b"\n@SQ\tSN:gone\tLN:5\n\0\0"
    uncompressed = b"BAM\1" + struct.pack("<i", len(text)) + text + struct.pack("<i", 2)
    for name, length in ((b"a", 10), (b"b", 20)):
        uncompressed += struct.pack("<i", len(name) + 1) + name + b"\0" + struct.pack("<i", length)
    header = read_header(reader_of(bgzf_block(uncompressed) + EOF_MARKER))
    assert [(c.index, c.name, c.length, c.md5) for c in header.contigs] == [
        (0, "a", 10, None),
        (1, "b", 20, "a" * 32),
    ]
    assert gzip.decompress(header.packed) == uncompressed
    assert header.sort_order is None
    assert header.end == VirtualOffset.at(len(bgzf_block(uncompressed)))


def test_vcf_header(folder: Path) -> None:
    text = make_vcf_text(count=50)
    header = header_of(make_vcf(folder / "a.vcf.gz", text))
    assert (header.format, header.version) == (FileFormat.VCF, "4.3")
    assert [(c.index, c.name, c.length, c.md5) for c in header.contigs] == [
        (number, name, length, f"{length:032x}") for number, (name, length) in enumerate(CONTIGS.items())
    ]
    assert header.samples == ("s0", "s1")
    assert text.startswith(header.text.encode())
    assert text[len(header.text)] != ord("#")
    assert header.end == VirtualOffset.at(0, len(header.text))


def test_vcf_contig_lines_of_all_kinds() -> None:
    text = (
        b"##fileformat=VCFv4.2\n"
        b'##contig=<ID=1,assembly="b,37",length=7,URL=ftp://x/y,md5=0123456789ABCDEF0123456789abcdef>\n'
        b'##contig=<length=9,ID="2">\n##contig=<ID=1,length=99>\n##contig=<length=9>\n##contig=<ID=3,length=many>\n'
        b"##contig=<ID=4,IDX=77>\n##contigs=<ID=5>\n#CHROM\tPOS\tID\tREF\tALT\tQUAL\tFILTER\tINFO"
    )
    header = read_header(reader_of(bgzf_block(text) + EOF_MARKER))
    assert [(c.index, c.name, c.length, c.assembly) for c in header.contigs] == [
        (0, "1", 7, "b,37"),
        (1, "2", 9, None),
        (2, "3", None, None),
        (3, "4", None, None),
    ]
    assert header.contigs[0].md5 == "0123456789abcdef" * 2
    assert header.samples == ()
    assert gzip.decompress(header.packed) == text


def test_contigs_that_only_the_index_names_come_last(folder: Path) -> None:
    header = header_of(make_vcf(folder / "a.vcf.gz", make_vcf_text(count=5)))
    more = with_indexed_contigs(header, ("last", "new", "one", "newer"))
    assert [(c.index, c.name) for c in more.contigs] == [*enumerate([*CONTIGS, "new", "newer"])]
    assert more.contigs[:4] == header.contigs and more.contigs[5].length is None


def test_bcf_header_and_its_numbers(folder: Path) -> None:
    path = make_bcf(folder / "a.bcf", make_vcf_text(count=20))
    header = header_of(path)
    assert (header.format, header.version) == (FileFormat.BCF, "2.2")
    with pysam.VariantFile(str(path)) as file:
        assert [(c.index, c.name) for c in header.contigs] == [
            (c.id, c.name) for c in file.header.contigs.values()
        ]
        assert header.samples == tuple(file.header.samples)
    text = b"##fileformat=VCFv4.2\n##contig=<ID=b,IDX=5>\n##contig=<ID=a,IDX=2>\n" + COLUMNS + b"\n\0"
    uncompressed = b"BCF\2\2" + struct.pack("<I", len(text)) + text
    assert [(c.index, c.name) for c in read_header(reader_of(bgzf_block(uncompressed))).contigs] == [
        (5, "b"),
        (2, "a"),
    ]


@given(st.integers(0, 2**32), st.integers(1, 4000), st.integers(0, 300))
@settings(max_examples=25, deadline=None)
def test_headers_cut_anywhere_are_the_same(seed: int, size: int, comments: int) -> None:
    text = make_vcf_text(count=3, comments=comments)
    cut = cut_anywhere(text, random.Random(seed), sizes=(1, size), empty=0.1)
    whole = read_header(reader_of(bgzf_block(text[:60_000]) + bgzf_block(text[60_000:])))
    header = read_header(reader_of(cut))
    assert (header.text, header.contigs) == (whole.text, whole.contigs)
    assert gzip.decompress(header.packed) == gzip.decompress(whole.packed) == header.text.encode()


def test_long_headers_with_many_contigs(folder: Path) -> None:
    contigs = {f"scaffold_{number}_of_the_assembly": number + 1 for number in range(60_000)}
    path = make_bam(folder / "long.bam", count=0, contigs=contigs, unplaced=1)
    header = header_of(path)
    assert len(header.contigs) == 60_000 and header.contigs[-1].length == 60_000
    assert len(gzip.decompress(header.packed)) > 5_000_000
    with pysam.BGZFile(str(path), "r", None) as file:
        file.seek(int(header.end))
        assert gzip.decompress(header.packed) + file.read() == uncompressed_of(path)


@pytest.mark.parametrize(
    ("uncompressed", "reason"),
    [
        (b"BAM\1" + struct.pack("<i", -5), "claims"),
        (b"BAM\1" + struct.pack("<i", 2**31 - 1) + bytes(99), "claims"),
        (b"BAM\1" + struct.pack("<i", 1000) + bytes(99), "cut short"),
        (b"BAM\1" + struct.pack("<ii", 0, -1), "claims -1 contigs"),
        (b"BAM\1" + struct.pack("<ii", 0, 2**31 - 1), "contigs"),
        (b"BAM\1" + struct.pack("<iii", 0, 5, 2) + b"a\0" + struct.pack("<i", 9), "cut short"),
        (b"BAM\1" + struct.pack("<iii", 0, 1, 1) + b"\0" + struct.pack("<i", 9), "no name"),
        (b"BAM\1" + struct.pack("<iii", 0, 1, 2) + b"a\0" + struct.pack("<i", -9), "BAM allows"),
        (b"BCF\2\2" + struct.pack("<I", 9) + b"##no vcf\0", "no VCF header"),
        (b"##fileformat=VCFv4.3\nchr1\t5\n#CHROM\tPOS\n", "no header"),
        (b"##fileformat=VCFv4.3\n##more\n", "no #CHROM line"),
    ],
)
def test_broken_headers_are_refused(uncompressed: bytes, reason: str) -> None:
    with pytest.raises(FormatError, match=reason):
        read_header(reader_of(bgzf_block(uncompressed) + EOF_MARKER))


def test_endless_headers_are_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("catalogue.formats.headers.MAX_HEADER", 200_000)
    comment = bgzf_block(b"##comment\n" * 6000)
    with pytest.raises(FormatError, match="longer than"):
        read_header(reader_of(bgzf_block(b"##fileformat=VCFv4.3\n") + comment * 20))
