"""Tables of names as archives publish them, and invalid rows."""

import pytest

from catalogue.formats import FormatError
from catalogue.formats.alias_tables import Statement, TableFault, TableFormat, read_alias_table
from tests.catalogue.made_tables import REPORT_COLUMNS


def read(text: str, **options: object) -> list[tuple[int, str, list[str], int | None]]:
    table = read_alias_table([text.encode()], **options)  # type: ignore[arg-type]
    return [plain(statement) for statement in table.statements]


def plain(statement: Statement) -> tuple[int, str, list[str], int | None]:
    return (
        statement.line,
        statement.identifier,
        [":".join(name) for name in statement.names],
        statement.length,
    )


def test_tsv_with_and_without_a_header_line() -> None:
    rows = "SQ.abc\tinsdc\tBK006935.2\nucsc:chr1\tlab\tfirst chromosome\n"
    expected = [["insdc:BK006935.2"], ["lab:first chromosome"]]
    for head in (
        "",
        "sequence\tauthority\talias\n",
        "# a comment\n\n",
        "#sequence\tauthority\talias\n",
        "\ufeff",
    ):
        found = read(head + rows)
        assert [names for _, _, names, _ in found] == expected
        assert [identifier for _, identifier, _, _ in found] == ["SQ.abc", "ucsc:chr1"]
        assert found[0][0] == head.count("\n") + 1
    assert read(rows.replace("\n", "\r\n")) == read(rows)
    assert read(rows.rstrip("\n")) == read(rows)


def test_lines_may_be_cut_by_chunks_anywhere() -> None:
    text = "a\tlab\tb\nc\tlab\té\n".encode()
    whole = list(read_alias_table([text]).statements)
    for at in range(len(text)):
        assert list(read_alias_table([text[:at], text[at:]]).statements) == whole


def test_assembly_report() -> None:
    text = (
        "\ufeff# Assembly name:  GRCh38.p14\n# Organism name:  Homo sapiens\n"
        + REPORT_COLUMNS
        + "1\tassembled-molecule\t1"
        "\tChromosome\tCM000663.2\t=\tNC_000001.11\tPrimary Assembly\t248956422\tchr1\n"
        "MT\tassembled-molecule\tMT\tMitochondrion\tJ01415.2\t=\tNC_012920.1\tnon-nuclear\t16569\tchrM\n"
        "HSCHR1_CTG1\tunlocalized-scaffold\t1\tChromosome\tKI270706.1\t=\tna\tPrimary Assembly\t175055\tna\n"
        "2\tassembled-molecule\t2\tChromosome\tna\t<>\tNC_005101.2\tPrimary Assembly\tna\tchr2\n"
        "3\tassembled-molecule\t3\tChromosome\tCM000001.1\t<>\tNC_005102.2\tPrimary Assembly\t9\tchr3\n"
    ).replace("\n", "\r\n")
    table = read_alias_table([text.encode()])
    assert (table.format, table.assembly) == (TableFormat.ASSEMBLY_REPORT, "GRCh38.p14")
    assert [plain(statement) for statement in table.statements] == [
        (4, "", ["insdc:CM000663.2", "refseq:NC_000001.11", "ucsc:chr1", "GRCh38.p14:1"], 248956422),
        (5, "", ["insdc:J01415.2", "refseq:NC_012920.1", "ucsc:chrM", "GRCh38.p14:MT"], 16569),
        (6, "", ["insdc:KI270706.1", "GRCh38.p14:HSCHR1_CTG1"], 175055),
        (7, "", ["refseq:NC_005101.2", "ucsc:chr2", "GRCh38.p14:2"], None),
        # Which of two different sequences is chr3?
        (8, "", [], 9),
    ]


def test_an_assembly_whose_name_is_no_word_keeps_its_own_names_out() -> None:
    row = "1\tassembled-molecule\t1\tChromosome\tCM000663.2\t=\tna\tPrimary Assembly\t9\tna\n"
    text = "# Assembly name:  Pan tro 3.0\n" + REPORT_COLUMNS + row
    assert read_alias_table([text.encode()]).assembly is None
    assert read(text) == [(3, "", ["insdc:CM000663.2"], 9)]
    assert read(text, assembly="panTro5") == [(3, "", ["insdc:CM000663.2", "panTro5:1"], 9)]


@pytest.mark.parametrize("head", ["", "#alias\tchrom\tsource\n", "# alias\tchrom\tsource\n"])
def test_chrom_alias_with_sources(head: str) -> None:
    text = head + "1\tchr1\tassembly,ensembl\nCM000663.2\tchr1\tgenbank\nNC_000002.12\tchr2\trefseq\n"
    first = head.count("\n") + 1
    expected = [
        (first, "", ["ucsc:chr1", "hg:1", "ensembl:1", "insdc:CM000663.2"], None),
        (first + 2, "", ["ucsc:chr2", "refseq:NC_000002.12"], None),
    ]
    assert read(text, assembly="hg") == expected
    assert read(text)[0][2] == ["ucsc:chr1", "ensembl:1", "insdc:CM000663.2"]


def test_chrom_alias_with_columns() -> None:
    text = (
        "# ucsc\tassembly\tgenbank\tncbi\trefseq\n"
        "chr1\t1\tCM000663.2\t1\tNC_000001.11\n"
        "chr10_NT_187579v1_alt\tHSCHR10_1_CTG3\tKI270824.1\t\tNT_187579.1\n"
        "chrUn\n"
    )
    assert read(text, assembly="hg38") == [
        (2, "", ["ucsc:chr1", "hg38:1", "insdc:CM000663.2", "ncbi:1", "refseq:NC_000001.11"], None),
        (
            3,
            "",
            ["ucsc:chr10_NT_187579v1_alt", "hg38:HSCHR10_1_CTG3", "insdc:KI270824.1", "refseq:NT_187579.1"],
            None,
        ),
        (4, "", ["ucsc:chrUn"], None),
    ]
    assert [names for _, _, names, _ in read(text.replace("# ucsc\tassembly", "# refseq\tucsc"))][2] == [
        "refseq:chrUn"
    ]


def test_chrom_alias_without_sources_takes_what_the_form_tells() -> None:
    text = "# sequenceName\talias names\tUCSC database: mm10\nchr1\tNC_000067.6\tCM000994.2\t1\n"
    assert read(text) == [(2, "", ["ucsc:chr1", "refseq:NC_000067.6", "insdc:CM000994.2"], None)]


def test_the_format_can_be_said() -> None:
    # Three columns that could be either.
    assert read("a\tchr1\tucsc\n")[0][1] == ""
    assert read("a\tchr1\tucsc\n", format=TableFormat.TSV) == [(1, "a", ["chr1:ucsc"], None)]


@pytest.mark.parametrize(
    ("text", "line", "words"),
    [
        ("a\tlab\tb\n\n# more\nc\tlab\n", 4, "expected 3 fields"),
        ("a\tlab\tb\tc\n", 1, "expected 3 fields"),
        ("a\tl:b\tb\n", 1, "naming authority"),
        ("a\tlab\t\n", 1, "is no name"),
        (f"a\tlab\t{'x' * 256}\n", 1, "is no name"),
        ("a\tlab\tx\x00y\n", 1, "is no name"),
        ("\tlab\tx\n", 1, "identifies no sequence"),
        ("\x00\tlab\tx\n", 1, "identifies no sequence"),
        (REPORT_COLUMNS + "1\tassembled-molecule\n", 2, "expected 10 fields"),
        (REPORT_COLUMNS + "1\tx\t1\tc\tna\t=\tna\tP\tlong\tna\n", 2, "'long' is no number"),
        ("# ucsc\tgenbank\na\tb\tc\n", 2, "expected at most 2 fields"),
        ("#alias\tchrom\tsource\n1\tchr1\n", 2, "expected 3 fields"),
    ],
)
def test_faults(text: str, line: int, words: str) -> None:
    with pytest.raises(TableFault, match=words) as caught:
        read(text)
    assert caught.value.line == line
    assert str(caught.value).startswith(f"line {line}: ")


def test_no_table() -> None:
    for text in ("", "\n", "# only\n# comments\n"):
        with pytest.raises(FormatError, match="no rows"):
            read(text)
    with pytest.raises(TableFault, match="UTF-8"):
        list(read_alias_table([b"a\tlab\t\xff\n"]).statements)
    with pytest.raises(FormatError, match="names its columns"):
        read("1\t2\t3\n", format=TableFormat.ASSEMBLY_REPORT)
