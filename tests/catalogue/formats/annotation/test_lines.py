"""Lines of GFF3 and GTF, and what is wrong with others."""

import random

import pytest

from catalogue.formats.annotation.lines import MAX_LINE, Directive, GffFault, Line, read_lines, value, values


def read(text: str | bytes, *, size: int = 1 << 16) -> list[Line | Directive]:
    data = text.encode() if isinstance(text, str) else text
    return list(read_lines((data[at : at + size] for at in range(0, len(data), size)), source="made.gff3"))


def gff3(**columns: str) -> str:
    given = {
        "seqid": "1", "source": "x", "kind": "exon", "start": "1", "end": "9", "score": ".", "strand": "+",
        "phase": ".", "attributes": "Parent=t",
    } | columns  # fmt: skip
    return "\t".join(given.values()) + "\n"


def test_a_line_of_gff3() -> None:
    text = gff3(
        seqid="chr%201",
        kind="CDS",
        start="11",
        end="20",
        strand="-",
        phase="2",
        attributes="ID=a%3Bb; Note=x=y;",
    )
    (line,) = read(text)
    assert isinstance(line, Line)
    assert line[:8] == (1, "chr 1", "x", "CDS", 10, 20, -1, 2)
    assert value(line.attributes, "none", "ID") == "a;b"
    assert line.attributes["Note"] == "x=y"


def test_values_are_split_before_they_are_decoded() -> None:
    (line,) = read(gff3(attributes="Dbxref=GO:1,A%2CB:2, ,C:3;Parent=p"))
    assert isinstance(line, Line)
    assert values(line.attributes, "Dbxref", "Parent", "none") == ["GO:1", "A,B:2", "C:3", "p"]


def test_a_line_of_gtf_has_the_attributes_of_gff3() -> None:
    text = gff3(
        attributes='gene_id "G"; transcript_id "T"; tag "a,b"; tag "c"; level 2; note "x; \\"y\\" 5%";'
    )
    (line,) = read(text)
    assert isinstance(line, Line)
    assert values(line.attributes, "tag") == ["a,b", "c"]
    assert value(line.attributes, "level") == "2"
    assert value(line.attributes, "note") == 'x; \\"y\\" 5%'
    assert value(line.attributes, "Parent").startswith("transcript:1:T")


def test_comments_blank_lines_and_residues_are_no_features() -> None:
    text = (
        "##gff-version 3\r\n\n#!genome-build X\r\n"
        + gff3().replace("\n", "\r\n")
        + "###\n##FASTA\n>1\nACGT\n"
    )
    found = read(text)
    assert [one.text for one in found if isinstance(one, Directive)] == [
        "gff-version 3",
        "genome-build X",
        "",
    ]
    assert [one.number for one in found if isinstance(one, Line)] == [4]
    assert len(read(gff3() + ">1\nACGT\n")) == 1


@pytest.mark.parametrize("size", [1, 2, 7, 50])
def test_chunks_end_anywhere(size: int) -> None:
    text = "\ufeff##gff-version 3\n" + gff3() + gff3(kind="gène")[:-1]
    assert read(text, size=size) == read(text)
    assert len(read(text)) == 3


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("1 x exon 1 9 . + . Parent=t\n", "1 columns separated by tabs"),
        (gff3(start="0"), "positions count from 1, and this line has 0"),
        (gff3(start="-3"), "positions count from 1, and this line has -3"),
        (gff3(end="9.5"), "the end '9.5' is not a number"),
        (gff3(start="1_0", end="1_5"), "the start '1_0' or the end '1_5' is not a number"),
        (gff3(source="x\0"), "a NUL character"),
        (gff3(strand="1"), "the strand '1' is none of"),
        (gff3(phase="3"), "the phase '3' is none of"),
        (gff3(kind=""), "the third column, the type, is empty"),
        (gff3(seqid="\xff").encode("latin-1"), "not text in UTF-8"),
        (b"x" * (MAX_LINE + 1), "a line of more than 1,048,576 bytes"),
    ],
)
def test_a_fault_names_file_and_line(text: str | bytes, said: str) -> None:
    data = text.encode() if isinstance(text, str) else text
    with pytest.raises(GffFault) as caught:
        read(gff3().encode() + data)
    assert str(caught.value).startswith("made.gff3, line 2: ")
    assert said in str(caught.value)


def test_damaged_text_is_a_fault_or_lines_and_never_another_error() -> None:
    rng = random.Random(1)
    text = bytearray(
        ("##gff-version 3\n" + gff3() * 3 + gff3(attributes='gene_id "G"; transcript_id "T"')).encode()
    )
    for _ in range(3000):
        damaged = bytearray(text)
        for _ in range(rng.randint(1, 4)):
            damaged[rng.randrange(len(damaged))] = rng.randrange(256)
        try:
            read(bytes(damaged))
        except GffFault:
            continue
