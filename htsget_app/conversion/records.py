"""Makes what an answer has that is not stored: the header in another format, and records rewritten.

The converter is given a whole file: a header, the wanted chunk of records, and the EOF marker. From what it writes the
header and the EOF marker are left out again, so that the bodies of several parts concatenate.
"""

import os
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Final

from django.conf import settings
from pysam.version import __samtools_version__

from catalogue import queries
from catalogue.formats import ReadRange
from catalogue.formats.bgzf import EOF_MARKER, deflate
from catalogue.formats.crai import container_ranges, containers_reaching_out
from catalogue.formats.cram import read_version
from catalogue.formats.headers import FileFormat, FileHeader
from catalogue.formats.intervals import ByteRange, Chunk, Region
from catalogue.formats.registry import SPECS
from catalogue.queries import PIECE, FileContig, StoredFile
from catalogue.queries.cache import Cache
from catalogue.queries.references import hold_references, reference_folder
from htsget_app.conversion.converter import convert, open_unnamed
from htsget_app.conversion.process import Job
from htsget_app.errors import ConversionFailed, ReferenceMissing
from htsget_app.params import Rewriting
from htsget_app.planning.cutter import Cutter
from htsget_app.planning.parts import Inline, PlannedFile
from htsget_app.planning.recipes import Derived

#: The version of CRAM that is written: read by every client that reads CRAM at all.
CRAM_VERSION: Final = "3.0"

#: What made the bytes of a derived part: another version of htslib may write the same records otherwise.
WRITTEN_BY: Final = f"htslib-{__samtools_version__}"

# Level 2 takes a third of the time of htslib's own for BAM, and makes files an eighth larger, which are read once.
_WRITE: Final = {
    FileFormat.BAM: ("-b", "--output-fmt-option", "level=2"),
    FileFormat.CRAM: (
        "-C",
        "--output-fmt-option",
        f"version={CRAM_VERSION}",
        "--output-fmt-option",
        "level=2",
    ),
    FileFormat.VCF: ("-Oz2",),
    FileFormat.BCF: ("-Ob2",),
}
#: A region that reaches to the end of a contig of unknown length ends here, for htslib keeps a table up to it.
_FAR: Final = 2**31 - 1
#: What a conversion may take: seconds, and of each process memory and output in bytes; more where it reads much.
_MAX_SECONDS: Final = 60
_MAX_ADDRESS_SPACE: Final = 2 << 30
_MAX_OUTPUT: Final = 1 << 30
_HEADERS: Final = Cache("headers", 32 << 20)


@dataclass(frozen=True, slots=True)
class Headers:
    """The header of one file as the converter is given it, and as it writes it: bytes that precede the records."""

    given: bytes
    written: bytes


def headers(file: PlannedFile, target: FileFormat) -> Headers:
    """Return the headers for a conversion; remembered for each state of a file. Raises ConversionFailed."""
    stored = file.stored
    key = (stored.pk, stored.etag, stored.ingested, target)
    known = _HEADERS.get(key)
    if isinstance(known, Headers):
        return known
    given = file.header
    if FileFormat.CRAM in {stored.format, target}:
        given = _with_references(file)
    elif stored.format is FileFormat.VCF:
        given = _with_contigs(file)
    made = Headers(given, _converted_header(given, stored.format, target))
    _HEADERS.put(key, made, len(made.given) + len(made.written))
    return made


def _converted_header(given: bytes, source: FileFormat, target: FileFormat) -> bytes:
    variants = target in (FileFormat.VCF, FileFormat.BCF)
    stage = (
        ("-h", "--no-version", *_WRITE[target], "-") if variants else ("-H", "--no-PG", *_WRITE[target], "-")
    )
    written = _run([given, eof_of(source, given)], _job(target, (stage,)))
    return written.removesuffix(eof_of(target, written))


def _with_references(file: PlannedFile) -> bytes:
    """Return the header with the md5 of every contig that the catalogue knows, and without UR.

    htslib then finds references by md5 alone, which are the catalogue's own, and never by a path or an address.
    """
    header = _parsed(file.stored.format, file.header)
    md5s = {name: md5.hex() for name, md5 in queries.contig_md5s(file.stored).items() if md5}
    text = "".join(f"{line}\n" for line in _sequence_lines(header, md5s)).encode()
    if file.stored.format is FileFormat.BAM:
        contigs = b"".join(_bam_contig(contig.name, contig.length or 0) for contig in header.contigs)
        return deflate(b"BAM\1" + _int32(len(text)) + text + _int32(len(header.contigs)) + contigs)
    version = read_version(file.header)
    stage = (
        "-H",
        "--no-PG",
        "-C",
        "--output-fmt-option",
        f"version={version.major}.{version.minor}",
        "-",
    )
    written = _run([text], _job(FileFormat.CRAM, (stage,)))
    return written.removesuffix(version.eof)


def _with_contigs(file: PlannedFile) -> bytes:
    """Return the header of a VCF with every contig declared that its index names, as BCF needs it."""
    header = _parsed(file.stored.format, file.header)
    declared = {contig.name for contig in header.contigs}
    missing = [name for name in queries.contig_md5s(file.stored) if name not in declared]
    if not missing:
        return file.header
    *lines, columns = header.text.rstrip("\n").split("\n")
    contigs = [f"##contig=<ID={name}>" for name in missing]
    return deflate("".join(f"{line}\n" for line in (*lines, *contigs, columns)).encode())


def _parsed(format: FileFormat, packed: bytes) -> FileHeader:
    return SPECS[format].read_header(lambda offset, length: packed[offset : offset + length])


def _sequence_lines(header: FileHeader, md5s: dict[str, str]) -> Iterator[str]:
    """Yield the lines of a SAM header; contigs that only the binary dictionary of a BAM names get a line, too."""
    named = set()
    for line in header.text.rstrip("\0\n").split("\n"):
        if line.startswith("@SQ\t"):
            tags = [tag for tag in line.split("\t") if not tag.startswith("UR:")]
            name = next((tag[3:] for tag in tags if tag.startswith("SN:")), "")
            named.add(name)
            if name in md5s and not any(tag.startswith("M5:") for tag in tags):
                tags.append(f"M5:{md5s[name]}")
            line = "\t".join(tags)
        if line:
            yield line
    for contig in header.contigs:
        if contig.name not in named:
            md5 = f"\tM5:{md5s[contig.name]}" if contig.name in md5s else ""
            yield f"@SQ\tSN:{contig.name}\tLN:{contig.length or 0}{md5}"


def _bam_contig(name: str, length: int) -> bytes:
    spelled = name.encode() + b"\0"
    return _int32(len(spelled)) + spelled + _int32(length)


def _int32(number: int) -> bytes:
    return number.to_bytes(4, "little")


def eof_of(format: FileFormat, header: bytes) -> bytes:
    """Return the EOF marker of a file that begins with `header`."""
    return read_version(header).eof if format is FileFormat.CRAM else EOF_MARKER


def small_body(file: PlannedFile, part: Derived, read_range: ReadRange) -> bytes:
    """Return the rewritten records of a part of few of them. Raises as `make_body`."""
    written = headers(file, part.rewriting.target)
    stored = stored_bytes(file, part.chunk, read_range)
    body = _run(_whole(file, written, stored), _part_job(file, part))
    begin, end = _body_range(body[: len(written.written)], body[-64:], len(body), written, part)
    return body[begin:end]


class DerivedBody:
    """The rewritten records of a part, in a file without a name that is gone with this object."""

    def __init__(self, descriptor: int, where: ByteRange) -> None:
        self._descriptor = descriptor
        self._where = where

    def __del__(self) -> None:
        os.close(self._descriptor)

    @property
    def length(self) -> int:
        """Bytes of the records."""
        return self._where.length

    def read(self, part: ByteRange) -> Iterator[bytes]:
        """Yield a range of the bytes, 0-based from the first record."""
        begin = self._where.begin
        for piece in ByteRange(begin + part.begin, begin + part.end).split(PIECE):
            yield os.pread(self._descriptor, piece.length, piece.begin)


def make_body(stored: StoredFile, span: ByteRange, recipe: bytes) -> DerivedBody:
    """Make the records of the derived part with this span and recipe, all of them.

    Raises ConversionFailed, TooManyConversions, NoRoom, ReferenceMissing, and what reading the stored file does.
    """
    part = Derived.made_by(recipe, span)
    numbers = {region.contig for region in part.regions or ()}
    contigs = queries.contigs_by_number(stored, numbers) if numbers else {}
    file = PlannedFile(stored, queries.header(stored), contigs)
    written = headers(file, part.rewriting.target)
    with queries.registered_bytes(stored) as read_range, open_unnamed(settings.HTSGETSITE_HOME) as descriptor:
        convert(
            _whole(file, written, stored_bytes(file, part.chunk, read_range)),
            _part_job(file, part),
            descriptor,
        )
        size = os.fstat(descriptor).st_size
        head = os.pread(descriptor, len(written.written), 0)
        tail = os.pread(descriptor, 64, max(0, size - 64))
        begin, end = _body_range(head, tail, size, written, part)
        return DerivedBody(os.dup(descriptor), ByteRange(begin, end))


def _body_range(head: bytes, tail: bytes, size: int, written: Headers, part: Derived) -> tuple[int, int]:
    """Return where the records lie in what was written, after a look at its header and EOF marker."""
    eof = eof_of(part.rewriting.target, written.written)
    if head != written.written or not tail.endswith(eof):
        raise ConversionFailed("what was written does not have the header and the EOF marker that it should")
    return len(written.written), size - len(eof)


def _whole(file: PlannedFile, written: Headers, stored: Iterable[bytes]) -> Iterator[bytes]:
    yield written.given
    yield from stored
    yield eof_of(file.stored.format, file.header)


def stored_bytes(file: PlannedFile, chunk: Chunk, read_range: ReadRange) -> Iterator[bytes]:
    """Yield the bytes of a chunk of the stored file, which begins and ends between records or containers."""
    for part in Cutter(read_range).cut(chunk):
        if isinstance(part, Inline):
            yield part.data
        else:
            yield from queries.stream_bytes(file.stored, part.byte_range)


def _part_job(file: PlannedFile, part: Derived) -> Job:
    rewriting = part.rewriting
    written = _WRITE[rewriting.target]
    if rewriting.target in (FileFormat.VCF, FileFormat.BCF):
        targets = () if part.regions is None else ("-T", "{bed}", "--targets-overlap", "1")
        stages: tuple[tuple[str, ...], ...] = (("--no-version", *written, *targets, "-"),)
    else:
        filters = ("--no-PG", *_filters(part))
        if rewriting.no_reference:
            written = (*written, "--output-fmt-option", "no_ref=1")
        stages = (
            ((*filters, *written, "-"),)
            if rewriting.fields is None
            else ((*filters, "-u", "-"), ("--no-PG", *written, "-"))
        )
    bed = _bed(file, part.regions or ())
    return _job(rewriting.target, stages, fields=rewriting.fields, bed=bed, stored=part.stored_bytes)


def _filters(part: Derived) -> Iterator[str]:
    """Yield the arguments of `samtools view` that choose records, and tags of them."""
    if part.unplaced:
        yield from ("-e", "refid==-1")
    elif part.regions is not None:
        yield from ("-L", "{bed}")
    rewriting = part.rewriting
    if rewriting.tags is not None:
        yield from ("--keep-tag", ",".join(rewriting.tags))
    elif rewriting.notags:
        yield from ("-x", ",".join(rewriting.notags))


def _bed(file: PlannedFile, regions: Sequence[Region]) -> str:
    lines = []
    for region in regions:
        contig = file.contigs[region.contig]
        # VCF has one position after the last base of a contig, for its telomere.
        end = min(region.end, _FAR if contig.length is None else contig.length + 1)
        lines.append(f"{contig.name}\t{region.start}\t{max(end, region.start)}\n")
    return "".join(lines)


def _job(
    target: FileFormat,
    stages: tuple[tuple[str, ...], ...],
    *,
    fields: tuple[str, ...] | None = None,
    bed: str = "",
    stored: int = 0,
) -> Job:
    program = "samtools" if target in (FileFormat.BAM, FileFormat.CRAM) else "bcftools"
    return Job(
        program=program,
        stages=stages,
        fields=fields,
        bed=bed,
        references=str(reference_folder()),
        seconds=_MAX_SECONDS + (stored >> 20),
        memory=_MAX_ADDRESS_SPACE,
        output=_MAX_OUTPUT + 64 * stored,
    )


def _run(source: Iterable[bytes], job: Job) -> bytes:
    """Return the whole output of a job that writes little."""
    target = os.memfd_create("derived")
    try:
        convert(source, job, target)
        return os.pread(target, os.fstat(target).st_size, 0)
    finally:
        os.close(target)


def with_references(file: PlannedFile, rewriting: Rewriting, parts: Sequence[Derived]) -> Rewriting:
    """Make sure that the references are at hand by which the records of the parts are decoded and encoded.

    A CRAM file may hold its reference, or need none: where one is missing, the first container of its contig is tried,
    and what is written needs none either; so says the rewriting that is returned. Raises ReferenceMissing, which names
    the contigs.
    """
    if FileFormat.CRAM not in {file.stored.format, rewriting.target}:
        return rewriting
    is_cram = file.stored.format is FileFormat.CRAM
    missing = hold_references(_contigs_in(file, parts) if is_cram else _contigs_wanted(file, parts))
    if not missing:
        return rewriting
    if is_cram:
        missing = [contig for contig in missing if not _decodes(file, contig)]
    if missing:
        names = ", ".join(contig.name for contig in missing[:5])
        raise ReferenceMissing(
            f"the reference sequences of {len(missing)} contigs are not held here, {names} among them; "
            "without them the file can only be had as it is stored"
        )
    return replace(rewriting, no_reference=rewriting.target is FileFormat.CRAM)


def _contigs_wanted(file: PlannedFile, parts: Iterable[Derived]) -> list[FileContig]:
    numbers: set[int] = set()
    for part in parts:
        if part.regions is not None:
            numbers |= {region.contig for region in part.regions}
        elif not part.unplaced:
            return [contig for contig in file.contigs.values() if contig.index]
    return [file.contigs[number] for number in sorted(numbers)]


def _contigs_in(file: PlannedFile, parts: Iterable[Derived]) -> list[FileContig]:
    """Return the contigs that have reads in the containers of the parts."""
    containers = [ByteRange(part.chunk.begin.coffset, part.chunk.end.coffset) for part in parts]
    return [
        contig
        for contig in queries.contigs_with_records(file.stored)
        if containers_reaching_out(contig.index, containers=containers, within=())
    ]


def _decodes(file: PlannedFile, contig: FileContig) -> bool:
    """Return whether the first container with reads of the contig decodes with the references that are at hand."""
    written = headers(file, FileFormat.BAM)
    begin, end = (int(each[0]) for each in container_ranges(contig.index))
    stored = queries.stream_bytes(file.stored, ByteRange(begin, end))
    try:
        _run(_whole(file, written, stored), _job(FileFormat.BAM, (("--no-PG", "-u", "-"),)))
    except ConversionFailed:
        return False
    return True
