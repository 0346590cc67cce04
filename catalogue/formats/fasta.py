"""Reads FASTA as a stream: records with upper-case residues and no white space, in bounded memory.

Residues are the letters A to Z (refget 2.0.0, "Checksum calculation"); anything else is a fault, reported with its
location. Lines may end in CR LF, and blank lines are allowed anywhere. A line that begins with `;`, a comment in the
FASTA of 1985, is a fault: current tools do not write them, and skipping one could hide a damaged file.

`position` counts residues from 0; lines and columns count from 1, as editors do.
"""

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Final, NamedTuple

import numpy as np

from catalogue.formats import FormatError

#: Records of more bytes in the file than this are returned in pieces.
WHOLE_RECORD: Final = 1 << 20
#: Characters that `strip` removes: stop codons, gaps, and the position numbers that some programs print into lines.
STRIPPABLE: Final = b"*-.0123456789"

_WHITE = b" \t\r\n\v\f"
_LINE_END = ord("\n")
# Clears the bit that makes a letter lower-case; turns nothing else into a letter.
_TO_UPPER = np.uint8(0xDF)
_A, _Z = ord("A"), ord("Z")
_UPPER = bytes.maketrans(bytes(range(ord("a"), ord("z") + 1)), bytes(range(ord("A"), ord("Z") + 1)))
_NAME_END = re.compile(r"[\s\x01]")
_NO_RESIDUE = re.compile(rb"[^A-Za-z \t\r\n\v\f]")
_NO_RESIDUE_NOR_STRIPPABLE = re.compile(rb"[^A-Za-z \t\r\n\v\f*\-.0-9]")
# Enough bytes to recognise a file's format.
_TELLING = 32
_BYTE_ORDER_MARK = b"\xef\xbb\xbf"
# Other formats that are mistaken for FASTA, by their first bytes.
_LOOKS_LIKE = (
    (b"@", "FASTQ or SAM"),
    (b"BAM\1", "BAM"),
    (b"CRAM", "CRAM"),
    (b"##fileformat=VCF", "VCF"),
    (b"##gff", "GFF"),
    (b"LOCUS ", "GenBank"),
    (b"ID   ", "EMBL"),
    (b"<", "a web page or XML"),
    (b"\xff\xfe", "UTF-16 text"),
    (b"\xfe\xff", "UTF-16 text"),
)


class FastaFault(FormatError):
    """A fault of a FASTA file, with source, line (from 1) and record as far as known."""

    def __init__(self, reason: str, *, source: str, line: int | None = None, record: str = "") -> None:
        place = source
        if line is not None:
            place += f", line {line}"
        if record:
            place += f", record {record!r}"
        super().__init__(reason)
        self.args = (f"{place}: {reason}",)
        self.source = source
        self.line = line
        self.record = record


class Header(NamedTuple):
    """A header line: its first word, the text after it, and the line number."""

    name: str
    description: str
    line: int


class Record(NamedTuple):
    """A record with all its residues."""

    header: Header
    residues: bytes


@dataclass(frozen=True, slots=True)
class LongRecord:
    """A record whose residues come in pieces of at most about 2 MiB; consume them before taking the next record."""

    header: Header
    pieces: Iterator[bytes]


class _Place(NamedTuple):
    """A place inside a record: `along` bytes into line `line`, after `position` residues."""

    line: int
    along: int = 0
    position: int = 0

    def after(self, text: bytes, *, lines: int, residues: int) -> "_Place":
        """Return the place after a text that begins here and holds this many line ends and residues."""
        line_end = text.rfind(b"\n")
        along = self.along + len(text) if line_end < 0 else len(text) - line_end - 1
        return _Place(self.line + lines, along, self.position + residues)


class FastaReader:
    """Iterates over the records of uncompressed FASTA: lists of short records, and each long record alone.

    `source` names the input in faults. With `strip`, characters of `STRIPPABLE` are removed and counted in `stripped`.
    Raises `FastaFault`, also in place of a `FormatError` from the chunks. Keeps at most about two chunks or
    `WHOLE_RECORD` bytes in memory, whichever is more.
    """

    def __init__(self, chunks: Iterable[bytes], *, source: str, strip: bool = False) -> None:
        self.source = source
        self.stripped = 0
        self._chunks = iter(chunks)
        self._strip = strip
        # Begins with a ">" once the first was found; `_line` is the number of that line.
        self._buffer = b""
        self._line = 1
        self._ended = False

    def __iter__(self) -> Iterator[list[Record] | LongRecord]:
        self._find_first_record()
        while self._buffer:
            cut = self._buffer.rfind(b"\n>")
            if cut >= 0:
                complete, self._buffer = self._buffer[:cut], self._buffer[cut + 1 :]
                yield self._records(complete)
            elif self._ended:
                complete, self._buffer = self._buffer, b""
                yield self._records(complete)
            elif len(self._buffer) > WHOLE_RECORD:
                header, begun = self._begin_long()
                pieces = self._pieces(header, begun)
                yield LongRecord(header, pieces)
                for _ in pieces:
                    pass
            else:
                self._read_on()

    def _next_chunk(self) -> bytes:
        """Return the next bytes; b"" only at the end."""
        for chunk in self._chunks:
            if chunk:
                return chunk
        self._ended = True
        return b""

    def _read_on(self) -> None:
        try:
            self._buffer += self._next_chunk()
        except FormatError as error:
            begun = self._buffer[self._buffer.rfind(b"\n>") + 1 :]
            record = begun[1:].split(b"\n", 1)[0].split(b" ", 1)[0].decode(errors="replace").strip()
            line = self._line + self._buffer.count(b"\n")
            raise FastaFault(error.reason, source=self.source, line=line, record=record) from None

    def _find_first_record(self) -> None:
        while len(self._buffer) < _TELLING and not self._ended:
            self._read_on()
        text = self._buffer.removeprefix(_BYTE_ORDER_MARK)
        while not (begun := text.lstrip(_WHITE)) and not self._ended:
            self._line += text.count(b"\n")
            self._buffer = b""
            self._read_on()
            text = self._buffer
        if not begun:
            raise FastaFault("holds no record", source=self.source)
        self._line += text.count(b"\n", 0, len(text) - len(begun))
        if not begun.startswith(b">"):
            alike = next(
                (f"; it looks like {what}" for magic, what in _LOOKS_LIKE if begun.startswith(magic)), ""
            )
            reason = f"this is no FASTA: it does not begin with '>'{alike}"
            raise FastaFault(reason, source=self.source, line=self._line)
        self._buffer = begun

    def _records(self, text: bytes) -> list[Record]:
        """Parse a text that begins with ">" and ends at the end of a record."""
        records = []
        for part in text[1:].split(b"\n>"):
            title, newline, body = part.partition(b"\n")
            header = self._header(title)
            residues = body.translate(_UPPER, _WHITE)
            if not residues.isalpha():
                residues = self._not_all_letters(residues, header, body, _Place(line=self._line + 1))
                if not residues:
                    raise self._empty(header)
            records.append(Record(header, residues))
            self._line += body.count(b"\n") + 2 if newline else 1
        return records

    def _begin_long(self) -> tuple[Header, bytes]:
        title, newline, body = self._buffer.partition(b"\n")
        if not newline:
            reason = f"a header line of more than {WHOLE_RECORD} bytes"
            raise FastaFault(reason, source=self.source, line=self._line)
        self._buffer = b""
        header = self._header(title[1:])
        self._line += 1
        return header, body

    def _pieces(self, header: Header, begun: bytes) -> Iterator[bytes]:
        """Yield the residues of a long record; leave the bytes after it in the buffer."""
        # A ">" is a header only after a line end, so each text begins with the line end before it, if there is one.
        text, place = b"\n" + begun, _Place(line=self._line - 1)
        while True:
            # Inside a record ">" is either a fault or the next header, so search for that first: it is cheap.
            mark = text.find(b">")
            while mark == 0 or (mark > 0 and text[mark - 1] != _LINE_END):
                mark = text.find(b">", mark + 1)
            if mark > 0:
                text, self._buffer = text[:mark], text[mark:]
            joined = text.replace(b"\n", b"")
            piece = self._clean(joined, header, text, place)
            if piece:
                yield piece
            kept = b"\n" if text.endswith(b"\n") and not self._buffer else b""
            lines = len(text) - len(joined) - len(kept)
            place = place.after(text.removesuffix(kept), lines=lines, residues=len(piece))
            if self._buffer or self._ended:
                break
            try:
                text = kept + self._next_chunk()
            except FormatError as error:
                line = place.line + len(kept)
                raise FastaFault(error.reason, source=self.source, line=line, record=header.name) from None
        self._line = place.line
        if not place.position:
            raise self._empty(header)

    def _clean(self, joined: bytes, header: Header, text: bytes, place: _Place) -> bytes:
        """Return the residues of a text without its line ends, the only white space that most files have."""
        # numpy is ten times faster here than methods of bytes, and releases the interpreter lock.
        letters = np.frombuffer(joined, dtype=np.uint8) & _TO_UPPER
        if not letters.size:
            return b""
        if letters.min() >= _A and letters.max() <= _Z:
            return letters.tobytes()
        residues = joined.translate(_UPPER, _WHITE)
        if not residues or residues.isalpha():
            return residues
        return self._not_all_letters(residues, header, text, place)

    def _not_all_letters(self, residues: bytes, header: Header, body: bytes, place: _Place) -> bytes:
        """Return the residues without strippable characters; raise `FastaFault` at the first other character.

        `body` is the text that the residues come from, and `place` its begin.
        """
        pattern = _NO_RESIDUE_NOR_STRIPPABLE if self._strip else _NO_RESIDUE
        if bad := pattern.search(body):
            passed = body[: bad.start()]
            deleted = _WHITE + (STRIPPABLE if self._strip else b"")
            residues_passed = len(passed.translate(None, deleted))
            place = place.after(passed, lines=passed.count(b"\n"), residues=residues_passed)
            hint = "; --strip removes it" if bad[0] in STRIPPABLE and not self._strip else ""
            shown = repr(bad[0].decode("ascii")) if bad[0].isascii() else f"byte 0x{bad[0].hex()}"
            raise FastaFault(
                f"{shown} at column {place.along + 1} is no residue (position {place.position}){hint}",
                source=self.source,
                line=place.line,
                record=header.name,
            )
        kept = residues.translate(None, STRIPPABLE)
        self.stripped += len(residues) - len(kept)
        return kept

    def _header(self, title: bytes) -> Header:
        """Parse the header line `_line`, given without its ">"."""
        text = title.decode(errors="replace")
        if text.endswith("\r"):
            text = text[:-1]
        if "\r" in text:
            reason = "a carriage return inside the header line; are these line ends of classic Mac OS?"
            raise FastaFault(reason, source=self.source, line=self._line)
        # NCBI joins the titles of merged records by a Control-A, which may directly follow the name.
        name = _NAME_END.split(text, maxsplit=1)[0]
        if not name:
            raise FastaFault("a record without a name", source=self.source, line=self._line)
        if not name.isprintable() or "\ufffd" in name:
            reason = f"the name {name!r} holds characters that are not text"
            raise FastaFault(reason, source=self.source, line=self._line)
        return Header(name, text[len(name) :].strip(" \t"), self._line)

    def _empty(self, header: Header) -> FastaFault:
        return FastaFault("the record is empty", source=self.source, line=header.line, record=header.name)
