"""Tables of sequence names: the project's own TSV, NCBI's assembly report, and UCSC's chromAlias in four forms.

Every row becomes one statement. A TSV row gives one name to the sequence of an identifier. A row of NCBI or UCSC lists
several names of one sequence; the names that are already registered identify the sequence.
"""

from collections.abc import Callable, Iterable, Iterator
from enum import Enum
from itertools import chain
from typing import Final, NamedTuple

from catalogue.formats import FormatError
from catalogue.formats.fasta_names import MAX_NAME, NameUnder, accession_authority, is_authority_name


class TableFormat(Enum):
    """The formats of tables."""

    TSV = "tsv"
    ASSEMBLY_REPORT = "assembly-report"
    CHROM_ALIAS = "chrom-alias"


class TableFault(FormatError):
    """An invalid row of a table; `line` counts from 1."""

    def __init__(self, reason: str, *, line: int) -> None:
        super().__init__(reason)
        self.args = (f"line {line}: {reason}",)
        self.line = line


class Statement(NamedTuple):
    """The statement of one row: a sequence has all the `names`.

    The sequence is that of `identifier`, or if that is empty, of any of the `names`. `length` is in residues, None
    where the row has none.
    """

    line: int
    identifier: str
    names: tuple[NameUnder, ...]
    length: int | None = None


class AliasTable(NamedTuple):
    """A recognised table; iterating `statements` may raise TableFault.

    `assembly` is the name of the assembly that the table describes, where it is given and can be a naming authority.
    Without one the names that the assembly itself gives are left out.
    """

    format: TableFormat
    assembly: str | None
    statements: Iterator[Statement]


class _Line(NamedTuple):
    number: int
    text: str


_TSV_HEADER = (
    {"sequence", "identifier", "id", "digest", "checksum", "md5", "sha512t24u", "ga4gh"},
    {"authority", "naming_authority", "namespace"},
    {"alias", "name"},
)
#: The naming authorities of the sources that UCSC names.
_UCSC_SOURCES: Final = {
    "genbank": "insdc",
    "insdc": "insdc",
    "refseq": "refseq",
    "ucsc": "ucsc",
    "ensembl": "ensembl",
}
_OF_THE_ASSEMBLY = "assembly"
_UCSC_COLUMNS = {*_UCSC_SOURCES, _OF_THE_ASSEMBLY, "ncbi"}
_NOTHING = {"", "na"}


def read_alias_table(
    chunks: Iterable[bytes], *, format: TableFormat | None = None, assembly: str | None = None
) -> AliasTable:
    """Recognise a table by its first lines, unless `format` is given.

    Raises TableFault for an invalid row, and FormatError for a file without rows.
    """
    lines = (line for line in _lines(chunks) if line.text.strip())
    comments: list[_Line] = []
    first = None
    for line in lines:
        if not line.text.startswith("#"):
            first = line
            break
        comments.append(line)
    if first is None:
        raise FormatError("the table has no rows")
    columns = [word.strip().lower() for word in comments[-1].text.lstrip("#").split("\t")] if comments else []
    recognised = format or _recognise(columns, first)
    read = _READERS[recognised]
    told = (found for line in comments if (found := _assembly_name(line.text)) and is_authority_name(found))
    named = assembly or next(told, None)
    rows = (line for line in chain([first], lines) if not line.text.startswith("#"))
    return AliasTable(recognised, named, read(rows, columns, named))


def _lines(chunks: Iterable[bytes]) -> Iterator[_Line]:
    number, rest = 1, b""
    for chunk in chunks:
        *complete, rest = (rest + chunk).split(b"\n")
        for line in complete:
            yield _Line(number, _text(line, number))
            number += 1
    if rest:
        yield _Line(number, _text(rest, number))


def _text(line: bytes, number: int) -> str:
    try:
        text = line.removesuffix(b"\r").decode()
    except UnicodeDecodeError:
        raise TableFault("this is not UTF-8 text", line=number) from None
    return text.removeprefix("\ufeff") if number == 1 else text


def _recognise(columns: list[str], first: _Line) -> TableFormat:
    if "sequence-name" in columns and "genbank-accn" in columns:
        return TableFormat.ASSEMBLY_REPORT
    if columns[:3] == ["alias", "chrom", "source"] or (
        len(columns) > 1 and _UCSC_COLUMNS.issuperset(columns[:1])
    ):
        return TableFormat.CHROM_ALIAS
    if len(columns) > 1 and columns[0] == "sequencename":
        return TableFormat.CHROM_ALIAS
    # UCSC's table without a header: name, chromosome, and sources of the name.
    fields = first.text.split("\t")
    if len(fields) == 3 and _UCSC_COLUMNS.issuperset(fields[2].split(",")) and fields[1] not in _UCSC_COLUMNS:
        return TableFormat.CHROM_ALIAS
    return TableFormat.TSV


def _assembly_name(comment: str) -> str | None:
    key, colon, value = comment.lstrip("# ").partition(":")
    return value.strip() or None if colon and key.strip().lower() == "assembly name" else None


def _read_tsv(rows: Iterable[_Line], columns: list[str], assembly: str | None) -> Iterator[Statement]:
    for index, line in enumerate(rows):
        fields = [field.strip() for field in line.text.split("\t")]
        if len(fields) != 3:
            raise TableFault(
                f"expected 3 fields (sequence, authority, alias), found {len(fields)}", line=line.number
            )
        if index == 0 and all(
            field.lower() in words for field, words in zip(fields, _TSV_HEADER, strict=True)
        ):
            continue
        identifier, authority, name = fields
        if not identifier or not identifier.isprintable():
            raise TableFault(f"{identifier[:80]!r} identifies no sequence", line=line.number)
        if not is_authority_name(authority):
            raise TableFault(f"{authority!r} cannot be the name of a naming authority", line=line.number)
        yield Statement(line.number, identifier, (_name(authority, name, line.number),))


def _read_assembly_report(
    rows: Iterable[_Line], columns: list[str], assembly: str | None
) -> Iterator[Statement]:
    """Read rows by the names of their columns: NCBI has added columns over the years."""
    if "sequence-name" not in columns:
        raise FormatError("an assembly report names its columns in the last line of its comments")
    for line in rows:
        fields = line.text.split("\t")
        if len(fields) != len(columns):
            raise TableFault(f"expected {len(columns)} fields, found {len(fields)}", line=line.number)
        row = {column: field.strip() for column, field in zip(columns, fields, strict=True)}
        names = []
        genbank, refseq = row.get("genbank-accn", ""), row.get("refseq-accn", "")
        # Where the two accessions differ, it is unknown to which of them the other names belong.
        if row.get("relationship", "=") == "=" or genbank in _NOTHING or refseq in _NOTHING:
            names = [
                ("insdc", genbank),
                ("refseq", refseq),
                ("ucsc", row.get("ucsc-style-name", "")),
            ]
            if assembly is not None:
                names.append((assembly, row["sequence-name"]))
                if row.get("sequence-role") == "assembled-molecule":
                    names.append((assembly, row.get("assigned-molecule", "")))
        length = row.get("sequence-length", "")
        if length not in _NOTHING and not (length.isascii() and length.isdigit()):
            raise TableFault(f"the length {length!r} is no number", line=line.number)
        yield Statement(
            line.number,
            "",
            tuple(dict.fromkeys(_name(*name, line.number) for name in names if name[1] not in _NOTHING)),
            None if length in _NOTHING else int(length),
        )


def _read_chrom_alias(rows: Iterable[_Line], columns: list[str], assembly: str | None) -> Iterator[Statement]:
    if columns[:1] == ["sequencename"]:
        yield from _read_unsourced(rows)
    elif not columns or columns[:3] == ["alias", "chrom", "source"]:
        yield from _read_sourced(rows, assembly)
    else:
        for line in rows:
            fields = line.text.split("\t")
            if len(fields) > len(columns):
                raise TableFault(
                    f"expected at most {len(columns)} fields, found {len(fields)}", line=line.number
                )
            names = (
                _name(authority, field.strip(), line.number)
                for source, field in zip(columns, fields, strict=False)
                if field.strip() and (authority := _authority(source, assembly)) is not None
            )
            yield Statement(line.number, "", tuple(dict.fromkeys(names)))


def _read_unsourced(rows: Iterable[_Line]) -> Iterator[Statement]:
    """Read the UCSC name, and those other names that have the form of an accession: the table does not give sources."""
    for line in rows:
        ucsc, *others = (field.strip() for field in line.text.split("\t"))
        names = [_name("ucsc", ucsc, line.number)]
        names += [
            _name(authority, other, line.number)
            for other in others
            if (authority := accession_authority(other))
        ]
        yield Statement(line.number, "", tuple(dict.fromkeys(names)))


def _read_sourced(rows: Iterable[_Line], assembly: str | None) -> Iterator[Statement]:
    """Read rows of name, chromosome and sources; rows of one chromosome may be far apart and are joined in memory."""
    names: dict[str, dict[NameUnder, None]] = {}
    lines: dict[str, int] = {}
    for line in rows:
        fields = [field.strip() for field in line.text.split("\t")]
        if len(fields) != 3 or not fields[1]:
            raise TableFault("expected 3 fields (alias, chrom, source)", line=line.number)
        name, chromosome, sources = fields
        lines.setdefault(chromosome, line.number)
        group = names.setdefault(chromosome, {_name("ucsc", chromosome, line.number): None})
        for source in sources.split(","):
            if (authority := _authority(source.strip(), assembly)) is not None:
                group[_name(authority, name, line.number)] = None
    for chromosome, group in names.items():
        yield Statement(lines[chromosome], "", tuple(group))


def _authority(source: str, assembly: str | None) -> str | None:
    """Return the authority of a UCSC source; None for the assembly's own names when the assembly is unknown."""
    return assembly if source == _OF_THE_ASSEMBLY else _UCSC_SOURCES.get(source, source)


def _name(authority: str, name: str, line: int) -> NameUnder:
    if not is_authority_name(authority):
        raise TableFault(f"{authority!r} cannot be the name of a naming authority", line=line)
    if not 0 < len(name) <= MAX_NAME or not name.isprintable():
        raise TableFault(
            f"{name[:80]!r} is no name: expected 1 to {MAX_NAME} printable characters", line=line
        )
    return NameUnder(authority, name)


_READERS: Final[
    dict[TableFormat, Callable[[Iterable[_Line], list[str], str | None], Iterator[Statement]]]
] = {
    TableFormat.TSV: _read_tsv,
    TableFormat.ASSEMBLY_REPORT: _read_assembly_report,
    TableFormat.CHROM_ALIAS: _read_chrom_alias,
}
