"""VCF 4 (VCFv4.3 §1): reads the header, which BCF has too, and locates records."""

import re
from collections import Counter
from collections.abc import Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

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
from catalogue.formats.records import MAX_RECORD, OTHER_CONTIG, Numbers, Records, RecordWalker, refuse
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


_SVLEN = re.compile(rb"(?:^|;)SVLEN=([^;]*)")
_LENGTH = re.compile(rb"[ \t]*([+-]?\d{1,18})")
_SPANNING_ALLELE = re.compile(rb"<(?:CNV|DEL|DUP|INV)(?::[^,]*)?>")
_MAX_DIGITS = 18
_BLOCK_ALLELES = (b"<*>", b"<NON_REF>")
#: So many contigs of interest are compared with all lines at once; with more, each line is looked up.
_FEW_CONTIGS = 8

Bytes = NDArray[np.uint8]


def walk_vcf(data: bytes, last: bool, *, numbers: Mapping[bytes, int]) -> Records:
    """Find the records in uncompressed VCF bytes (VCFv4.3 §1.6). `numbers` gives the contigs of interest.

    A record covers REF, and extends to INFO's END, SVLEN (for symbolic deletions and similar) and FORMAT's LEN (for
    reference blocks): the rule of htslib since 1.21. Comments and empty lines are skipped.
    """
    # The padding lets numbers be read up to the end of the bytes.
    text = np.frombuffer(data + bytes(1 + _MAX_DIGITS), dtype=np.uint8)
    newlines = np.flatnonzero(text == ord("\n"))
    walked = int(newlines[-1]) + 1 if len(newlines) else 0
    if last and len(data) > walked:
        newlines, walked = np.append(newlines, len(data)), len(data)
    if len(data) - walked > MAX_RECORD:
        raise FormatError(f"line of more than {MAX_RECORD} bytes", offset=walked)
    begins = np.append(0, newlines + 1)[:-1]
    is_record = (newlines > begins) & (text[begins] != ord("#"))
    begins, newlines = begins[is_record], newlines[is_record]
    if not len(begins):
        return Records(begins, begins, begins, begins, begins, walked)
    tabs = _first_tabs(text, begins, newlines)
    starts, digits = _numbers_at(text, tabs[0] + 1)
    wrong = (tabs[6] == newlines) | (digits == 0) | (digits != tabs[1] - tabs[0] - 1)
    refuse(wrong, begins, "a line that is not a VCF record")
    starts = np.maximum(0, starts - 1)
    stops = starts + (tabs[3] - tabs[2] - 1)
    _extend_to_end(text, tabs, stops)
    for line in _symbolic_lines(text, tabs, newlines).tolist():
        length = _symbolic_extent(data[begins[line] : newlines[line]])
        stops[line] = max(stops[line], starts[line] + length)
    contigs = _contig_numbers(data, begins, tabs[0], numbers)
    return Records(begins, np.minimum(newlines + 1, len(data)), contigs, starts, stops, walked=walked)


def _first_tabs(text: Bytes, begins: Numbers, newlines: Numbers) -> Numbers:
    """Return for each of the first eight tabs of lines where it is in each line; at the line's end if there is none."""
    tabs = np.append(np.flatnonzero(text == ord("\t")), [len(text)] * 8)
    first = tabs.searchsorted(begins)
    found: Numbers = np.minimum(tabs[first + np.arange(8)[:, None]], newlines)
    return found


def _numbers_at(text: Bytes, places: Numbers) -> tuple[Numbers, Numbers]:
    """Return the number that begins at each place, up to `_MAX_DIGITS` digits of it, and how many digits it has."""
    values, sizes = np.zeros(len(places), dtype=np.int64), np.zeros(len(places), dtype=np.int64)
    goes_on = np.ones(len(places), dtype=np.bool_)
    for at in range(_MAX_DIGITS):
        digits = text[places + at] - ord("0")
        goes_on &= digits < 10
        if not goes_on.any():
            break
        values = np.where(goes_on, values * 10 + digits, values)
        sizes += goes_on
    return values, sizes


def _places(text: Bytes, word: bytes) -> Numbers:
    """Return where a word is in the text, which is longer."""
    count = len(text) - len(word) + 1
    found = np.ones(count, dtype=np.bool_)
    for at, byte in enumerate(word):
        found &= text[at : at + count] == byte
    return np.flatnonzero(found)


def _extend_to_end(text: Bytes, tabs: Numbers, stops: Numbers) -> None:
    """Extend records to the END of their INFO column: the first in the line that has digits."""
    places = _places(text, b"END=")
    line, places = _lines_of(places, tabs[6], tabs[7])
    is_key = (places == tabs[6][line] + 1) | (text[places - 1] == ord(";"))
    ends, sizes = _numbers_at(text, places + len(b"END="))
    counts = is_key & (sizes > 0)
    lines, first = np.unique(line[counts], return_index=True)
    stops[lines] = np.maximum(stops[lines], ends[counts][first])


def _symbolic_lines(text: Bytes, tabs: Numbers, newlines: Numbers) -> Numbers:
    """Return the lines with a symbolic allele and anything that may be its length, SVLEN or LEN."""
    symbolic, _ = _lines_of(np.flatnonzero(text == ord("<")), tabs[3], tabs[4])
    if not len(symbolic):
        return symbolic
    lengths, _ = _lines_of(_places(text, b"LEN"), tabs[6], newlines)
    return np.intersect1d(symbolic, lengths)


def _lines_of(places: Numbers, begins: Numbers, ends: Numbers) -> tuple[Numbers, Numbers]:
    """Return the lines that have a place between `begins` and `ends`, and that place."""
    lines = begins.searchsorted(places) - 1
    inside = (lines >= 0) & (places < ends[lines])
    return lines[inside], places[inside]


def _contig_numbers(data: bytes, begins: Numbers, ends: Numbers, numbers: Mapping[bytes, int]) -> Numbers:
    """Return the numbers of the contigs whose names are at `begins` to `ends`."""
    if len(numbers) > _FEW_CONTIGS:
        names = (data[begin:end] for begin, end in zip(begins.tolist(), ends.tolist(), strict=True))
        return np.fromiter((numbers.get(name, OTHER_CONTIG) for name in names), np.int64, len(begins))
    text = np.frombuffer(data, dtype=np.uint8)
    contigs = np.full(len(begins), OTHER_CONTIG, dtype=np.int64)
    for name, number in numbers.items():
        lines = np.flatnonzero(ends - begins == len(name))
        for at, byte in enumerate(name):
            lines = lines[text[begins[lines] + at] == byte]
        contigs[lines] = number
    return contigs


def _symbolic_extent(line: bytes) -> int:
    """Return how many positions a record with a symbolic allele covers by SVLEN and LEN; 0 without them."""
    fields = line.split(b"\t", 8)
    alleles, info = fields[4], fields[7]
    length = _symbolic_length(alleles, info)
    if any(allele in _BLOCK_ALLELES for allele in alleles.split(b",")) and len(fields) == 9:
        length = max(length, _block_length(fields[8]))
    return length


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
    built_index_options=("-c",),
    converts_to=(FileFormat.BCF,),
    read_header=read_vcf_header,
    record_walker=_walker,
    locus_reader=_locus_reader,
    records_name_contigs=True,
)
