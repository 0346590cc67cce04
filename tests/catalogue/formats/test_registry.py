"""Served formats, recognised by content, and errors for other files."""

import gzip
import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from catalogue.formats import FormatError
from catalogue.formats.headers import FileFormat
from catalogue.formats.registry import SPECS, formats_of, read_header, record_walker, sniff, strip_suffix
from catalogue.formats.spec import FileKind, Structure
from tests.made_bgzf import EOF_MARKER, bgzf_block, reader_of
from tests.made_variants import make_vcf_text

VCF = make_vcf_text(count=2)


@pytest.mark.parametrize(
    ("data", "reason"),
    [
        (b"", "not a BAM, CRAM, VCF or BCF"),
        (b"#!/bin/sh", "not a BAM, CRAM, VCF or BCF"),
        (VCF, "VCF text, not compressed; compress it with bgzip"),
        (gzip.compress(VCF, mtime=0), "VCF text compressed with gzip; compress it with bgzip"),
        (gzip.compress(b"BAM\1" + bytes(50), mtime=0), "BAM stream compressed with gzip"),
        (gzip.compress(b"anything else", mtime=0), "gzip, but not in BGZF blocks"),
        (b"@HD\tVN:1.6\n", "SAM text, not compressed"),
        (b"@SQ\tSN:1\n", "SAM text"),
        (bgzf_block(b"@HD\tVN:1.6\n"), "SAM text"),
        (b">chr1\nACGT\n", "FASTA"),
        (bgzf_block(b">chr1\nACGT\n"), "FASTA"),
        (b"BAM\1" + bytes(20), "BAM stream, not compressed"),
        (b"BCF\2\2" + bytes(20), "BCF stream, not compressed"),
        (bgzf_block(b"BCF\4" + bytes(20)), "BCF 1"),
        (bgzf_block(b"BCF\2\7" + bytes(20)), "unknown minor version"),
        (b"BAI\1" + bytes(20), "BAI index"),
        (bgzf_block(b"CSI\1" + bytes(20)), "CSI index"),
        (bgzf_block(b"TBI\1" + bytes(20)), "TBI index"),
        (b"crypt4gh" + bytes(20), "Crypt4GH"),
        (b"PK\3\4" + bytes(20), "zip"),
        (bgzf_block(b"some text"), "BGZF, but neither"),
        (EOF_MARKER, "BGZF, but neither"),
        (bgzf_block(VCF)[:50], "cut off at byte 50, inside the BGZF block that begins at byte 0"),
    ],
)
def test_what_is_not_served_is_told_by_name(data: bytes, reason: str) -> None:
    with pytest.raises(FormatError, match=reason):
        sniff(reader_of(data))
    with pytest.raises(FormatError):
        read_header(reader_of(data))


def test_formats_are_told_by_content() -> None:
    assert sniff(reader_of(b"CRAM\3\1" + bytes(20))) is FileFormat.CRAM
    assert (
        sniff(reader_of(bgzf_block(b"", level=0) + bgzf_block(b"BA") + bgzf_block(b"M\1"))) is FileFormat.BAM
    )


def test_every_format_has_its_entry() -> None:
    assert set(SPECS) == set(FileFormat)
    for format, spec in SPECS.items():
        assert spec.format is format
        assert spec.built_index_suffix in spec.index_suffixes
        assert format not in spec.converts_to
        assert {SPECS[other].kind for other in spec.converts_to} == {spec.kind}
        # What is cut into blocks is read record by record, and its index is proved by its records.
        assert (
            (spec.structure is Structure.BGZF)
            == (spec.record_walker is not None)
            == (spec.locus_reader is not None)
        )
    magics = [magic for spec in SPECS.values() for magic in spec.magics]
    assert not any(one.startswith(other) for one in magics for other in magics if one is not other)
    with pytest.raises(ValueError, match="records of CRAM are not read here"):
        record_walker(FileFormat.CRAM, {})


def test_the_first_format_of_a_kind_is_the_default() -> None:
    assert formats_of(FileKind.READS) == formats_of("reads") == (FileFormat.BAM, FileFormat.CRAM)
    assert formats_of(FileKind.VARIANTS) == (FileFormat.VCF, FileFormat.BCF)
    assert formats_of("other") == ()


@pytest.mark.parametrize(
    ("name", "stem", "format"),
    [
        ("a.bam", "a", FileFormat.BAM),
        ("run/A.CRAM", "run/A", FileFormat.CRAM),
        ("a.b.vcf.gz", "a.b", FileFormat.VCF),
        ("a.g.VCF.bgz", "a.g", FileFormat.VCF),
        ("a.gvcf", "a", FileFormat.VCF),
        ("a.bcf.gz", "a", FileFormat.BCF),
        ("a.bam.gz", "a.bam.gz", None),
        ("a.vcf.gz.tbi", "a.vcf.gz.tbi", None),
        ("bam", "bam", None),
        (".bam", "", FileFormat.BAM),
    ],
)
def test_suffixes_name_a_format(name: str, stem: str, format: FileFormat | None) -> None:
    left, spec = strip_suffix(name)
    assert (left, spec and spec.format) == (stem, format)


_SUFFIX = re.compile(r"\.(?:bam|cram|(?:g?vcf|bcf)(?:\.b?gz)?)$", re.IGNORECASE)


@given(
    st.lists(st.sampled_from(["a", ".", "bam", "g", "VCF", "bcf", ".gz", ".bgz", "/", "cram"]), max_size=8)
)
def test_suffixes_are_those_of_one_expression(parts: list[str]) -> None:
    name = "".join(parts)
    assert strip_suffix(name)[0] == _SUFFIX.sub("", name)
