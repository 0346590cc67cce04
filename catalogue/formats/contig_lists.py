"""Reads contig lists from files of many formats, and compares them with collections."""

import io
from collections import defaultdict, deque
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Final, NamedTuple

from catalogue.formats import FormatError
from catalogue.formats.headers import HeaderContig, decode_text, parse_number
from catalogue.formats.registry import read_header
from catalogue.formats.sam import parse_sam_header
from catalogue.formats.vcf import parse_contig_lines

_BINARY: Final = (b"BAM\1", b"BCF\2", b"CRAM", b"\x1f\x8b")


def parse_contig_list(data: bytes) -> tuple[str, tuple[HeaderContig, ...]]:
    """Read a header of SAM, BAM, CRAM, VCF or BCF, a `.dict`, a `.fai` or chrom.sizes, recognised by content.

    Return the format and the contigs. For BAM, CRAM, VCF or BCF the beginning with the header is enough. Raises
    FormatError.
    """
    if data.startswith(_BINARY):
        source = io.BytesIO(data)

        def read_range(offset: int, length: int) -> bytes:
            source.seek(offset)
            return source.read(length)

        header = read_header(read_range)
        return header.format.value, header.contigs
    text = decode_text(data)
    if text.startswith("@"):
        return "SAM header", parse_sam_header(text).contigs
    if text.startswith("##"):
        return "VCF header", parse_contig_lines(text)
    contigs = tuple(_table_row(number, line) for number, line in enumerate(text.splitlines()) if line.strip())
    columns = len(text.partition("\n")[0].split())
    return ("fai" if columns >= 5 else "chrom.sizes"), contigs


def _table_row(number: int, line: str) -> HeaderContig:
    columns = line.split("\t") if "\t" in line else line.split()
    length = parse_number(columns[1].strip()) if len(columns) > 1 else None
    if length is None or not columns[0]:
        raise FormatError(
            f"line {number + 1} is none of a .fai or chrom.sizes, which begins with a name and a length, and the text "
            "begins as no header of SAM or VCF"
        )
    return HeaderContig(index=number, name=columns[0], length=length)


class ReferenceMember(NamedTuple):
    """One sequence of a collection: its name there, its length in residues, its md5 in hexadecimal digits."""

    name: str
    length: int
    md5: str


@dataclass(slots=True)
class ContigDifferences:
    """How a list of contigs differs from a collection.

    `same` counts those of the same name and length (and md5, where the list has one). `missing` are only in the
    collection, `extra` only in the list, `renamed` pairs of the name in the list and in the collection. `other_length`
    and `other_sequence` are names with another length or md5 there. `same_order` says whether shared contigs have the
    same order in both.
    """

    same: int = 0
    missing: list[str] = field(default_factory=list)
    extra: list[str] = field(default_factory=list)
    renamed: list[tuple[str, str]] = field(default_factory=list)
    other_length: list[str] = field(default_factory=list)
    other_sequence: list[str] = field(default_factory=list)
    same_order: bool = True

    @property
    def is_exact(self) -> bool:
        """Whether the list equals the collection, in the same order."""
        others = (self.missing, self.extra, self.renamed, self.other_length, self.other_sequence)
        return bool(self.same) and self.same_order and not any(others)

    @property
    def contains_all(self) -> bool:
        """Whether the collection has every contig of the list under the same name."""
        others = (self.extra, self.renamed, self.other_length, self.other_sequence)
        return bool(self.same) and not any(others)

    @property
    def similarity(self) -> float:
        """The fraction of sequences that are shared, from 0 to 1; a renamed one counts slightly less."""
        wrong = len(self.other_length) + len(self.other_sequence)
        everything = self.same + len(self.renamed) + len(self.missing) + len(self.extra) + wrong
        return (self.same + 0.99 * len(self.renamed)) / everything if everything else 0.0


def compare_contigs(contigs: Sequence[HeaderContig], members: Sequence[ReferenceMember]) -> ContigDifferences:
    """Compare a list of contigs with a collection, in time proportional to their size."""
    found = ContigDifferences()
    by_name = {member.name: number for number, member in enumerate(members)}
    unknown, order, named = [], [], set()
    for contig in contigs:
        number = by_name.get(contig.name)
        if number is None:
            unknown.append(contig)
            continue
        named.add(number)
        member = members[number]
        if contig.length not in {None, member.length}:
            found.other_length.append(contig.name)
        elif contig.md5 not in {None, member.md5}:
            found.other_sequence.append(contig.name)
        else:
            found.same += 1
            order.append((contig.index, number))
    rest = [number for number in range(len(members)) if number not in named]
    order += _pair_renamed(unknown, rest, members, found)
    numbers = [number for _, number in sorted(order)]
    found.same_order = numbers == sorted(numbers)
    return found


def _pair_renamed(
    contigs: Iterable[HeaderContig],
    rest: Iterable[int],
    members: Sequence[ReferenceMember],
    found: ContigDifferences,
) -> list[tuple[int, int]]:
    """Pair contigs with the first unused member of another name by md5, or by length where a contig has no md5."""
    by_content: defaultdict[str | int, deque[int]] = defaultdict(deque)
    for number in rest:
        by_content[members[number].md5].append(number)
        by_content[members[number].length].append(number)
    pairs, used = [], set()
    for contig in contigs:
        content = contig.md5 or contig.length
        queue = by_content[content] if content is not None else deque()
        while queue and queue[0] in used:
            queue.popleft()
        if not queue:
            found.extra.append(contig.name)
            continue
        number = queue.popleft()
        used.add(number)
        found.renamed.append((contig.name, members[number].name))
        pairs.append((contig.index, number))
    found.missing = [members[number].name for number in rest if number not in used]
    return pairs
