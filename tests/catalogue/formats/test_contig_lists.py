"""Contig lists: parsing, and comparison with a collection."""

import random
from pathlib import Path

import pysam
import pytest

from catalogue.formats import FormatError
from catalogue.formats.contig_lists import (
    ContigDifferences,
    ReferenceMember,
    compare_contigs,
    parse_contig_list,
)
from catalogue.formats.headers import HeaderContig

MD5 = "0123456789abcdef0123456789abcdef"


@pytest.mark.parametrize(
    ("text", "kind"),
    [
        (f"@HD\tVN:1.6\n@SQ\tSN:a\tLN:5\tM5:{MD5}\n@SQ\tSN:b\tLN:7\n", "SAM header"),
        (
            f"##fileformat=VCFv4.3\n##contig=<ID=a,length=5,md5={MD5}>\n##contig=<ID=b,length=7>\n",
            "VCF header",
        ),
        ("a\t5\t3\t60\t61\nb\t7\t12\t60\t61\n", "fai"),
        ("a\t5\nb\t7\n", "chrom.sizes"),
        ("a 5\r\nb 7\r\n\r\n", "chrom.sizes"),
    ],
)
def test_lists_as_text(text: str, kind: str) -> None:
    said, contigs = parse_contig_list(text.encode())
    assert said == kind
    assert [(contig.name, contig.length) for contig in contigs] == [("a", 5), ("b", 7)]
    assert contigs[0].md5 in ({MD5} if "header" in kind else {None})


@pytest.mark.parametrize("format", ["BAM", "CRAM", "VCF", "BCF"])
def test_the_beginning_of_a_file(tmp_path: Path, format: str) -> None:
    path = tmp_path / "file"
    if format in {"BAM", "CRAM"}:
        header = {"HD": {"VN": "1.6"}, "SQ": [{"SN": "a", "LN": 5, "M5": MD5}, {"SN": "b", "LN": 7}]}
        with pysam.AlignmentFile(str(path), {"BAM": "wb", "CRAM": "wc"}[format], header=header):
            pass
    else:
        records = pysam.VariantHeader()
        records.contigs.add("a", length=5)
        records.contigs.add("b", length=7)
        with pysam.VariantFile(str(path), {"VCF": "wz", "BCF": "wb"}[format], header=records):
            pass
    said, contigs = parse_contig_list(path.read_bytes())
    assert said == format
    assert [(contig.name, contig.length) for contig in contigs] == [("a", 5), ("b", 7)]


@pytest.mark.parametrize(
    "data",
    [b"\xff\xfe", b"chr1", b"chr1\tlong", b"\t5", b">chr1\nACGT", b"BAM\1", b"\x1f\x8bxxxx", b"CRAM", b"{}"],
)
def test_what_lists_nothing(data: bytes) -> None:
    with pytest.raises(ValueError):
        parse_contig_list(data)
    assert issubclass(FormatError, ValueError)


MEMBERS = [ReferenceMember(f"chr{number}", number * 10, f"{number:032x}") for number in range(1, 6)]


def listed(*members: tuple[str, int | None, str | None]) -> list[HeaderContig]:
    return [HeaderContig(index, *member) for index, member in enumerate(members)]


def test_the_same_list() -> None:
    for md5 in (True, False):
        contigs = listed(*((row.name, row.length, row.md5 if md5 else None) for row in MEMBERS))
        assert compare_contigs(contigs, MEMBERS) == ContigDifferences(same=5)
        assert compare_contigs(contigs, MEMBERS).is_exact
        assert compare_contigs(contigs, MEMBERS).similarity == 1


def test_every_kind_of_difference() -> None:
    contigs = listed(
        ("chr2", 20, None), ("chr1", 10, None), ("3", 30, None), ("chr4", 41, None), ("decoy", 99, None)
    )
    found = compare_contigs(contigs, MEMBERS)
    assert found == ContigDifferences(
        same=2,
        missing=["chr5"],
        extra=["decoy"],
        renamed=[("3", "chr3")],
        other_length=["chr4"],
        same_order=False,
    )
    assert not found.is_exact and not found.contains_all
    found = compare_contigs(listed(("chr1", 10, MEMBERS[1].md5), ("x", 50, MEMBERS[2].md5)), MEMBERS)
    assert (found.other_sequence, found.renamed) == (["chr1"], [("x", "chr3")])
    found = compare_contigs(listed(("chr4", None, None), ("chr5", 50, None)), MEMBERS)
    assert found.contains_all and not found.is_exact
    assert found.missing == ["chr1", "chr2", "chr3"]


def test_nothing_is_told_twice() -> None:
    rng = random.Random(6)
    for _ in range(500):
        members = [
            ReferenceMember(f"c{number}", rng.randint(1, 4), f"{rng.randint(1, 6):032x}")
            for number in range(rng.randint(0, 8))
        ]
        names = rng.sample([f"c{number}" for number in range(8)] + list("xyz"), k=rng.randint(0, 8))
        contigs = listed(
            *((name, rng.choice([None, 1, 2, 3]), rng.choice([None, f"{1:032x}"])) for name in names)
        )
        found = compare_contigs(contigs, members)
        wrong = len(found.other_length) + len(found.other_sequence)
        assert found.same + wrong + len(found.renamed) + len(found.extra) == len(contigs)
        assert found.same + wrong + len(found.renamed) + len(found.missing) == len(members)
        assert len({theirs for _, theirs in found.renamed}) == len(found.renamed)
