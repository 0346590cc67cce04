"""Unusual but valid VCF and BCF headers, and invalid ones."""

import struct
from collections.abc import Callable
from pathlib import Path

import pysam
import pytest

from catalogue.formats import FormatError
from catalogue.formats.bgzf import deflate
from catalogue.formats.headers import FileHeader
from catalogue.formats.registry import read_header, sniff
from tests.made_bgzf import EOF_MARKER, bgzf_block, reader_of
from tests.made_variants import make_bcf, make_vcf_text

COLUMNS = "#CHROM\tPOS\tID\tREF\tALT\tQUAL\tFILTER\tINFO"


Make = Callable[..., bytes]


def vcf(columns: str, *lines: str) -> bytes:
    text = "\n".join(["##fileformat=VCFv4.3", *lines, columns, ""])
    return deflate(text.encode()) + EOF_MARKER


def bcf(columns: str, *lines: str) -> bytes:
    text = "\n".join(["##fileformat=VCFv4.3", *lines, columns, ""]).encode() + b"\0"
    return bgzf_block(b"BCF\2\2" + struct.pack("<I", len(text)) + text) + EOF_MARKER


def header_of(data: bytes) -> FileHeader:
    return read_header(reader_of(data))


@pytest.mark.parametrize("make", [vcf, bcf])
def test_a_further_key_in_lower_case_is_not_the_name(make: Make) -> None:
    header = header_of(make(COLUMNS, "##contig=<ID=one,id=two,length=9,IDX=0,idx=7>"))
    assert [(contig.index, contig.name, contig.length) for contig in header.contigs] == [(0, "one", 9)]


def test_a_bcf_that_htslib_wrote_with_such_a_key(tmp_path: Path) -> None:
    text = make_vcf_text(count=5).replace(b"##contig=<ID=one,", b"##contig=<ID=one,id=other,")
    path = make_bcf(tmp_path / "a.bcf", text)
    with pysam.VariantFile(str(path)) as file:
        expected = [(contig.id, contig.name) for contig in file.header.contigs.values()]
    header = header_of(path.read_bytes())
    assert b"id=other" in header.text.encode()
    assert [(contig.index, contig.name) for contig in header.contigs] == expected


def test_other_keys_count_however_they_are_spelled() -> None:
    line = "##contig=<ID=a,Length=5,MD5=" + "a" * 32 + ",Assembly=b37,url=ftp://x>"
    (contig,) = header_of(vcf(COLUMNS, line)).contigs
    assert (contig.length, contig.md5, contig.assembly) == (5, "a" * 32, "b37")


@pytest.mark.parametrize("make", [vcf, bcf])
@pytest.mark.parametrize(
    "columns",
    [
        "#CHROM\tPOS\tID\tREF\tALT",
        "#CHROM\tPOS\tID\tREF\tALT\tQUAL\tFILTER",
        f"{COLUMNS}\tanna",
        f"{COLUMNS}\t",
        f"{COLUMNS.replace('QUAL', 'Quality')}\tFORMAT\tanna",
        COLUMNS.replace("\tREF\tALT", "\tALT\tREF"),
        "#CHROM\t",
    ],
)
def test_a_wrong_line_of_columns_is_refused(make: Make, columns: str) -> None:
    with pytest.raises(FormatError, match="it must have #CHROM POS ID REF ALT QUAL FILTER INFO, and FORMAT"):
        header_of(make(columns))


@pytest.mark.parametrize("make", [vcf, bcf])
def test_wrong_samples_are_refused(make: Make) -> None:
    for samples, reason in (
        ("anna\tboris\tanna", "names the sample anna twice"),
        ("anna\t\tboris", "a sample with no characters"),
        ("anna\t", "a tab too many"),
    ):
        with pytest.raises(FormatError, match=reason):
            header_of(make(f"{COLUMNS}\tFORMAT\t{samples}"))


@pytest.mark.parametrize("make", [vcf, bcf])
def test_every_good_line_of_columns_is_read(make: Make) -> None:
    for further, samples in (("", ()), ("\tFORMAT", ()), ("\tFORMAT\ta\tb c", ("a", "b c")), ("\r", ())):
        assert header_of(make(COLUMNS + further)).samples == samples


def test_a_bcf_without_columns_is_refused() -> None:
    with pytest.raises(FormatError, match="no #CHROM line"):
        header_of(bcf("##no=columns"))


@pytest.mark.parametrize("cut", [19, 200, 5000])
def test_a_bgzip_file_that_is_cut_off_is_no_plain_gzip(cut: int) -> None:
    data = bgzf_block(make_vcf_text(count=300))[:cut]
    for read in (sniff, read_header):
        with pytest.raises(FormatError, match=f"the file is cut off at byte {cut:,}, inside the BGZF block"):
            read(reader_of(data))


def test_long_words_in_contig_lines_take_no_square_of_their_length() -> None:
    """Two million letters: an expression of quadratic cost would take hours."""
    word = "x" * 2_000_000
    (contig,) = header_of(vcf(COLUMNS, f"##contig=<{word},ID=one,{word},length=5>")).contigs
    assert (contig.name, contig.length) == ("one", 5)
