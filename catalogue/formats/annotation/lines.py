"""Reads GFF3 and GTF as a stream of lines in one form.

A line of GTF gets the attributes that the same line would have in GFF3: `ID` and `Parent` join exons to transcripts and
transcripts to genes. Attributes are kept as they are written, percent-encoded, so that commas still separate values;
`value` and `values` decode them.
"""

import re
from collections.abc import Iterable, Iterator, Mapping
from typing import Final, NamedTuple
from urllib.parse import unquote

from catalogue.formats import FormatError

#: Longer lines are rejected: no annotation needs them, and a damaged file could fill the memory.
MAX_LINE: Final = 1 << 20
_COLUMNS: Final = 9
_STRANDS: Final = {"+": 1, "-": -1, ".": 0, "?": 0}
_PHASES: Final = {"0": 0, "1": 1, "2": 2, ".": None}
_GTF_ATTRIBUTE = re.compile(r'\s*([^\s";=]+)\s+(?:"((?:[^"\\]|\\.)*)"|([^\s";]+))\s*(?:;|$)')
_TO_ENCODE = str.maketrans({"%": "%25", ",": "%2C"})


class GffFault(FormatError):
    """A fault of an annotation, with its source and line (from 1)."""

    def __init__(self, reason: str, *, source: str, line: int) -> None:
        super().__init__(reason)
        self.args = (f"{source}, line {line}: {reason}",)
        self.source = source
        self.line = line


class Line(NamedTuple):
    """One feature line: `start` and `end` are 0-based and half-open; `strand` is 1, -1, or 0 for none.

    `end` is not above `start` if the line says so, which only a circular sequence allows.
    """

    number: int
    seqid: str
    source: str
    kind: str
    start: int
    end: int
    strand: int
    phase: int | None
    attributes: Mapping[str, str]


class Directive(NamedTuple):
    """A line that begins with `#`, without that and surrounding white space."""

    number: int
    text: str


def read_lines(chunks: Iterable[bytes], *, source: str) -> Iterator[Line | Directive]:
    """Yield the feature lines and directives of uncompressed GFF3 or GTF; residues at its end are left out.

    The first feature line decides which of the two formats it is. Raises GffFault.
    """
    is_gtf: bool | None = None
    for number, text in _texts(chunks, source):
        if text.startswith("#"):
            if text.startswith("##FASTA"):
                return
            yield Directive(number, text.lstrip("#!").strip())
            continue
        if text.startswith(">"):
            return
        columns = text.split("\t")
        if len(columns) != _COLUMNS:
            reason = f"{len(columns)} columns separated by tabs; GFF3 and GTF have {_COLUMNS}"
            raise GffFault(reason, source=source, line=number)
        if is_gtf is None:
            is_gtf = _GTF_ATTRIBUTE.match(columns[8]) is not None
        try:
            yield _gtf_line(number, columns) if is_gtf else _gff3_line(number, columns)
        except ValueError as error:
            raise GffFault(str(error), source=source, line=number) from None


def value(attributes: Mapping[str, str], *names: str) -> str:
    """Return the first of these attributes that is not empty, decoded; "" if there is none."""
    for name in names:
        if raw := attributes.get(name):
            return _decoded(raw)
    return ""


def values(attributes: Mapping[str, str], *names: str) -> list[str]:
    """Return the values of these attributes, each of which may have several, decoded."""
    found = []
    for name in names:
        if raw := attributes.get(name):
            found += [_decoded(part) for part in map(str.strip, raw.split(",")) if part]
    return found


def _decoded(raw: str) -> str:
    # A character that the database cannot store is damage, not information.
    return unquote(raw).replace("\0", "").strip() if "%" in raw else raw


def _texts(chunks: Iterable[bytes], source: str) -> Iterator[tuple[int, str]]:
    """Yield number and text of each line that is not empty."""
    number, rest = 0, b""
    for chunk in chunks:
        *complete, rest = (rest + chunk).split(b"\n")
        for line in complete:
            number += 1
            if line := line.rstrip(b"\r"):
                yield number, _text(line, source, number)
        if len(rest) > MAX_LINE:
            raise GffFault(f"a line of more than {MAX_LINE:,} bytes", source=source, line=number + 1)
    if rest := rest.rstrip(b"\r"):
        yield number + 1, _text(rest, source, number + 1)


def _text(line: bytes, source: str, number: int) -> str:
    try:
        text = line.decode()
    except UnicodeDecodeError:
        raise GffFault("not text in UTF-8", source=source, line=number) from None
    if "\0" in text:
        raise GffFault("a NUL character", source=source, line=number)
    return text.removeprefix("\ufeff") if number == 1 else text


def _gff3_line(number: int, columns: list[str]) -> Line:
    seqid, source, kind, *_, raw = columns
    attributes = {}
    for part in raw.split(";"):
        name, equals, written = part.partition("=")
        if equals:
            attributes[name.strip()] = written.strip()
    return Line(number, _decoded(seqid), source, kind, *_location(columns), attributes)


def _gtf_line(number: int, columns: list[str]) -> Line:
    seqid, source, kind, *_, raw = columns
    attributes: dict[str, str] = {}
    for match in _gtf_attributes(raw):
        name = match[1]
        written = (match[2] if match[3] is None else match[3]).translate(_TO_ENCODE)
        if written:
            attributes[name] = f"{attributes[name]},{written}" if name in attributes else written
    # Ids of genes and transcripts are of one sequence: some programs repeat them for copies on others.
    gene = f"gene:{seqid}:{attributes['gene_id']}" if "gene_id" in attributes else ""
    transcript = attributes.get("transcript_id", "")
    if kind == "gene":
        if not gene:
            raise ValueError("a gene without gene_id")
        attributes["ID"] = gene
    elif transcript:
        own = f"transcript:{seqid}:{transcript}:{gene}"
        if kind == "transcript":
            attributes |= {"ID": own, "Parent": gene} if gene else {"ID": own}
        else:
            attributes |= {"Parent": own, "Grandparent": gene}
    elif gene:
        attributes["Parent"] = gene
    return Line(number, seqid, source, kind, *_location(columns), attributes)


def _gtf_attributes(raw: str) -> Iterator[re.Match[str]]:
    """Yield each attribute of the last column of a GTF line; what is none is skipped up to its semicolon."""
    at = 0
    while at < len(raw):
        if match := _GTF_ATTRIBUTE.match(raw, at):
            yield match
            at = match.end()
        else:
            at = raw.find(";", at) + 1 or len(raw)


def _location(columns: list[str]) -> tuple[int, int, int, int | None]:
    """Return start, end, strand and phase. Raises ValueError that says what is wrong."""
    _, _, kind, start, end, _, strand, phase, _ = columns
    try:
        first, last = int(start), int(end)
        if "_" in start or "_" in end:
            raise ValueError
    except ValueError:
        raise ValueError(f"the start {start!r} or the end {end!r} is not a number") from None
    if first < 1 or last < 1:
        raise ValueError(f"positions count from 1, and this line has {min(first, last)}")
    if not kind:
        raise ValueError("the third column, the type, is empty")
    if strand not in _STRANDS:
        raise ValueError(f"the strand {strand!r} is none of + - . ?")
    if phase not in _PHASES:
        raise ValueError(f"the phase {phase!r} is none of 0 1 2 .")
    return first - 1, last, _STRANDS[strand], _PHASES[phase]
