"""VCF 4 (VCFv4.3 §1): reads the header, which BCF has too, and locates records."""

import re
from collections import Counter
from collections.abc import Mapping, Sequence

import numpy as np

from catalogue.formats import FormatError, ReadRange
from catalogue.formats.bgzf import deflate
from catalogue.formats.headers import (
    MAX_CONTIGS,
    FileFormat,
    FileHeader,
    HeaderContig,
    HeaderReader,
    decode_text,
    parse_md5,
    parse_number,
)
from catalogue.formats.records import MAX_RECORD, OTHER_CONTIG, Records, RecordWalker
from catalogue.formats.spec import FileKind, FormatSpec, Locus, ReadLocus, Structure

_MAGIC = b"##fileformat=VCF"
_COLUMNS = ["#CHROM", "POS", "ID", "REF", "ALT", "QUAL", "FILTER", "INFO"]
_NOT_HEADER = re.compile(rb"\n[^#\r\n]")
# Matches only at the start of a word; otherwise a long word without "=" would take quadratic time.
_TAG = re.compile(r'(?<!\w)(\w+)=("(?:[^"\\]|\\.)*"|[^,>"]*)')


def read_vcf_header(read_range: ReadRange) -> FileHeader:
    """Read a VCF header: everything up to and including the `#CHROM` line.

    Raises `FormatError` when the header is corrupt, cut short or longer than `MAX_HEADER` bytes.
    """
    reader = HeaderReader(read_range)
    searched = 0
    while True:
        columns = reader.data.find(b"\n#CHROM\t", searched)
        if stray := _NOT_HEADER.search(reader.data, searched, columns if columns >= 0 else len(reader.data)):
            raise FormatError("VCF has a line before #CHROM that is no header", offset=stray.start())
        if columns >= 0:
            break
        searched = max(0, len(reader.data) - len(b"\n#CHROM\t"))
        if not reader.more():
            raise FormatError("VCF has no #CHROM line")
    searched = columns + 1
    while (end := reader.data.find(b"\n", searched)) < 0:
        searched = len(reader.data)
        if not reader.more():
            end = len(reader.data) - 1
            break
    text = decode_text(reader.take(end + 1))
    version = text.partition("\n")[0].strip().removeprefix("##fileformat=VCFv")
    return parse_vcf_header(FileFormat.VCF, text, version=version, reader=reader)


def parse_vcf_header(format: FileFormat, text: str, *, version: str, reader: HeaderReader) -> FileHeader:
    """Parse the header text of a VCF or BCF file that `reader` has read. Raises `FormatError`."""
    columns = next((line for line in text.split("\n") if line.startswith("#CHROM\t")), "").rstrip("\r")
    return FileHeader(
        format=format,
        version=version,
        text=text,
        contigs=parse_contig_lines(text, with_numbers=format is FileFormat.BCF),
        samples=_samples(columns.split("\t") if columns else []),
        sort_order=None,
        end=reader.virtual_offset(),
        packed=deflate(reader.taken()),
    )


def parse_contig_lines(text: str, *, with_numbers: bool = False) -> tuple[HeaderContig, ...]:
    """Parse the `##contig` lines of a header; of duplicate IDs the first counts. Raises `FormatError`.

    Only BCF records use contig numbers, `IDX`, which may leave gaps (VCFv4.3 §6.2.1).
    """
    contigs: dict[str, HeaderContig] = {}
    for line in text.split("\n"):
        if not line.startswith("##contig=<"):
            continue
        tags = _tags(line)
        if (name := tags.get("ID")) and name not in contigs:
            given = parse_number(tags.get("IDX", "")) if with_numbers else None
            contigs[name] = _contig(len(contigs) if given is None else given, name, tags)
            if len(contigs) > MAX_CONTIGS:
                raise FormatError(f"header has more than {MAX_CONTIGS} contigs")
    return tuple(contigs.values())


def _samples(columns: Sequence[str]) -> tuple[str, ...]:
    """Return the samples of a `#CHROM` line. Raises `FormatError` for a line that no reader accepts."""
    if not columns:
        raise FormatError("VCF header has no #CHROM line")
    if columns[:8] != _COLUMNS or columns[8:9] not in ([], ["FORMAT"]):
        raise FormatError(
            f"the #CHROM line has the columns {' '.join(columns[:9])[:200]}; "
            f"it must have {' '.join(_COLUMNS)}, and FORMAT before any samples, separated by tabs"
        )
    samples = tuple(columns[9:])
    if "" in samples:
        raise FormatError("the #CHROM line names a sample with no characters: it has a tab too many")
    if len(set(samples)) < len(samples):
        twice, _ = Counter(samples).most_common(1)[0]
        raise FormatError(f"the #CHROM line names the sample {twice[:100]} twice")
    return samples


def _tags(line: str) -> dict[str, str]:
    """Return the tags of a `##contig` line, each also under its lower-case spelling unless another tag has that.

    Of duplicate tags the first counts, as in htslib.
    """
    exact: dict[str, str] = {}
    for match in _TAG.finditer(line, len("##contig=<")):
        exact.setdefault(match[1], match[2].strip('"'))
    return {key.lower(): value for key, value in exact.items()} | exact


def _contig(index: int, name: str, tags: Mapping[str, str]) -> HeaderContig:
    return HeaderContig(
        index=index,
        name=name,
        length=parse_number(tags.get("length", "")),
        md5=parse_md5(tags.get("md5", "")),
        assembly=tags.get("assembly") or None,
    )


_END = re.compile(rb"(?:^|;)END=(\d{1,18})")
_SVLEN = re.compile(rb"(?:^|;)SVLEN=([^;]*)")
_LENGTH = re.compile(rb"[ \t]*([+-]?\d{1,18})")
_SPANNING_ALLELE = re.compile(rb"<(?:CNV|DEL|DUP|INV)(?::[^,]*)?>")
_MAX_DIGITS = 18
_BLOCK_ALLELES = (b"<*>", b"<NON_REF>")


def walk_vcf(data: bytes, last: bool, *, numbers: Mapping[bytes, int]) -> Records:
    """Find the records in uncompressed VCF bytes (VCFv4.3 §1.6). `numbers` gives the contigs of interest.

    A record covers REF, and extends to INFO's END, SVLEN (for symbolic deletions and similar) and FORMAT's LEN (for
    reference blocks): the rule of htslib since 1.21. Comments and empty lines are skipped.
    """
    newlines = np.flatnonzero(np.frombuffer(data, dtype=np.uint8) == ord("\n")).tolist()
    if last and len(data) > (newlines[-1] + 1 if newlines else 0):
        newlines.append(len(data))
    rows: list[tuple[int, int, int, int, int]] = []
    begin = 0
    for newline in newlines:
        if newline > begin and data[begin] != ord("#"):
            number = numbers.get(data[begin : data.find(b"\t", begin, newline)], OTHER_CONTIG)
            end = min(newline + 1, len(data))
            rows.append((begin, end, number, *_extent(data[begin:newline], begin)))
        begin = min(newline + 1, len(data))
    if len(data) - begin > MAX_RECORD:
        raise FormatError(f"line of more than {MAX_RECORD} bytes", offset=begin)
    table = np.array(rows, dtype=np.int64).reshape(-1, 5)
    begins, ends, contigs, starts, stops = (np.ascontiguousarray(column) for column in table.T)
    return Records(begins, ends, contigs, starts, stops, walked=begin)


def _extent(line: bytes, offset: int) -> tuple[int, int]:
    """Return the 0-based, half-open range of positions that a record covers."""
    fields = line.split(b"\t", 8)
    if len(fields) < 8 or not fields[1].isdigit() or len(fields[1]) > _MAX_DIGITS:
        raise FormatError("a line that is not a VCF record", offset=offset)
    reference, alleles, info = fields[3], fields[4], fields[7]
    start = max(0, int(fields[1]) - 1)
    stop = start + len(reference)
    if b"END=" in info and (end := _END.search(info)):
        stop = max(stop, int(end[1]))
    if b"<" in alleles:
        if b"SVLEN=" in info:
            stop = max(stop, start + _symbolic_length(alleles, info))
        if any(allele in _BLOCK_ALLELES for allele in alleles.split(b",")) and len(fields) == 9:
            stop = max(stop, start + _block_length(fields[8]))
    return start, stop


def _symbolic_length(alleles: bytes, info: bytes) -> int:
    lengths = found[1].rstrip(b"\r").split(b",") if (found := _SVLEN.search(info)) else []
    return max(
        (
            abs(_leading_number(length))
            for allele, length in zip(alleles.split(b","), lengths, strict=False)
            if _SPANNING_ALLELE.fullmatch(allele)
        ),
        default=0,
    )


def _block_length(format_and_samples: bytes) -> int:
    keys, *samples = format_and_samples.split(b"\t")
    names = keys.rstrip(b"\r").split(b":")
    if b"LEN" not in names:
        return 0
    place = names.index(b"LEN")
    values = (sample.split(b":") for sample in samples)
    return max((_leading_number(value[place]) for value in values if len(value) > place), default=0)


def _leading_number(text: bytes) -> int:
    return int(found[1]) if (found := _LENGTH.match(text)) else 0


def _walker(names: Mapping[int, str]) -> RecordWalker:
    numbers = {name.encode(): number for number, name in names.items()}
    return lambda data, last: walk_vcf(data, last, numbers=numbers)


def _locus_reader(header: FileHeader) -> ReadLocus:
    numbers = {contig.name.encode(): contig.index for contig in header.contigs}

    def read_locus(start: bytes) -> Locus | None:
        line, newline, _ = start.partition(b"\n")
        name, position, *others = [*line.split(b"\t", 8), b""]
        if name not in numbers or not position.isdigit() or (newline and len(others) < 7):
            return None
        return Locus(numbers[name], int(position) - 1)

    return read_locus


VCF = FormatSpec(
    format=FileFormat.VCF,
    kind=FileKind.VARIANTS,
    structure=Structure.BGZF,
    magics=(_MAGIC,),
    suffixes=(".vcf.gz", ".vcf.bgz", ".vcf", ".gvcf.gz", ".gvcf.bgz", ".gvcf"),
    index_suffixes=(".tbi", ".csi"),
    # CSI has no limit of contig length, unlike TBI.
    built_index_suffix=".csi",
    converts_to=(FileFormat.BCF,),
    read_header=read_vcf_header,
    record_walker=_walker,
    locus_reader=_locus_reader,
    records_name_contigs=True,
)
