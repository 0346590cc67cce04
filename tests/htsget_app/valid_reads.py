"""Checks of reads as Picard's ValidateSamFile makes them, on SAM lines and files, written independently of the site.

The names of problems are those of Picard that come nearest. `CAUSES` says which of them follow from the absence of what
a client did not ask for (docs/htsget.md, "Rewritten records"); all others are faults.
"""

import re
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

import pysam
import pysam.samtools
from pysam.utils import SamtoolsError

from catalogue.formats.bgzf import EOF_MARKER

#: Problem, and the fields one of which was not requested where it occurs. "tags" stands for a tag that was not.
CAUSES: Mapping[str, set[str]] = {
    # A mapped read whose CIGAR is not available is valid SAM (SAMv1 §1.4.6), which Picard does not accept.
    "INVALID_CIGAR": {"CIGAR"},
    # RNEXT and PNEXT, each without the other; or either of a read that FLAG no longer calls paired.
    "INVALID_MATE_REF_INDEX": {"FLAG", "RNEXT"},
    # CRAM gives no RNEXT of a read that is not called paired.
    "INVALID_ALIGNMENT_START": {"RNEXT", "PNEXT", "FLAG"},
    # A tag about the mate, of a read that FLAG no longer calls paired.
    "MATE_CIGAR_STRING_INVALID_PRESENCE": {"FLAG"},
    # What the mate says of the read, or the read of itself, is not there to be compared.
    "MISMATCH_MATE_REF_INDEX": {"RNEXT"},
    "MISMATCH_MATE_ALIGNMENT_START": {"PNEXT"},
    "MISMATCH_MATE_CIGAR_STRING": {"CIGAR"},
    # Tags that describe the alignment stay as they are if they were asked for.
    "INVALID_TAG_NM": {"CIGAR"},
    "INVALID_TAG_MD": {"CIGAR"},
    "EMPTY_READ": {"SEQ"},
    "QUALITY_NOT_STORED": {"QUAL", "SEQ"},
    "MISSING_TAG_NM": {"tags"},
    "RECORD_MISSING_READ_GROUP": {"tags"},
}

FIELDS = {"QNAME", "FLAG", "RNAME", "POS", "MAPQ", "CIGAR", "RNEXT", "PNEXT", "TLEN", "SEQ", "QUAL"}

_PAIRED, _PROPER, _UNMAPPED, _MATE_UNMAPPED, _REVERSE, _MATE_REVERSE, _FIRST, _SECOND = (
    1 << bit for bit in range(8)
)
_SECONDARY, _SUPPLEMENTARY = 0x100, 0x800
_CIGAR = re.compile(r"(\d+)([MIDNSHP=X])")
_MD = re.compile(r"(\d+)|\^([A-Z]+)|([A-Z])", re.IGNORECASE)


def record_problems(line: str, read_groups: Iterable[str] = ()) -> set[str]:
    """What is wrong with one read by itself."""
    name, flag_text, contig, position, quality, cigar, _, _, _, bases, qualities, *texts = line.split("\t")
    flag, tags = int(flag_text), {text[:2]: text[5:] for text in texts}
    found = set(_flag_problems(flag)) | set(_mate_problems(line))
    if len(tags) < len(texts):
        found.add("DUPLICATE_SAM_TAG")
    if not name or len(name) > 254:
        found.add("INVALID_READ_NAME")
    if flag & _UNMAPPED:
        # An unmapped read may have the position of its mate.
        found |= {"INVALID_MAPPING_QUALITY"} if quality != "0" else set()
        found |= {"INVALID_CIGAR"} if cigar != "*" else set()
    else:
        found |= {"INVALID_CIGAR"} if not _is_alignment(cigar) else set()
        found |= {"INVALID_FLAG_READ_UNMAPPED"} if contig == "*" or position == "0" else set()
    if cigar != "*" and bases != "*" and len(bases) != _length(cigar, "MIS=X"):
        found.add("MISMATCH_CIGAR_SEQ_LENGTH")
    if qualities != "*" and len(qualities) != len(bases.strip("*")):
        found.add("MISMATCH_READ_LENGTH_AND_QUALS_LENGTH")
    found |= {"EMPTY_READ"} if bases == "*" else set()
    found |= {"QUALITY_NOT_STORED"} if qualities == "*" else set()
    if "RG" not in tags:
        found.add("RECORD_MISSING_READ_GROUP")
    elif tags["RG"] not in read_groups:
        found.add("READ_GROUP_NOT_FOUND")
    return found | set(_edit_problems(flag, cigar, tags))


def _flag_problems(flag: int) -> Iterable[str]:
    if not flag & _PAIRED:
        named = {_PROPER: "PROPER_PAIR", _MATE_UNMAPPED: "MATE_UNMAPPED", _MATE_REVERSE: "MATE_NEG_STRAND"}
        named |= {_FIRST: "FIRST_OF_PAIR", _SECOND: "SECOND_OF_PAIR"}
        yield from (f"INVALID_FLAG_{name}" for bit, name in named.items() if flag & bit)
    elif not flag & (_FIRST | _SECOND):
        yield "PAIRED_READ_NOT_MARKED_AS_FIRST_OR_SECOND"
    if flag & _UNMAPPED and flag & _SECONDARY:
        yield "INVALID_FLAG_NOT_PRIM_ALIGNMENT"
    if flag & _UNMAPPED and flag & _SUPPLEMENTARY:
        yield "INVALID_FLAG_SUPPLEMENTARY_ALIGNMENT"


def _mate_problems(line: str) -> Iterable[str]:
    flag_text, mate_contig, mate_position = (line.split("\t")[column] for column in (1, 6, 7))
    is_paired, is_mate_mapped = int(flag_text) & _PAIRED, not int(flag_text) & _MATE_UNMAPPED
    if mate_contig != "*" if not is_paired else mate_contig == "*" and is_mate_mapped:
        yield "INVALID_MATE_REF_INDEX"
    if (mate_contig == "*") != (mate_position == "0"):
        yield "INVALID_ALIGNMENT_START"
    # samtools writes MC:Z:* of a mate that is not mapped.
    if "\tMC:Z:" in line and "\tMC:Z:*" not in line and not (is_paired and is_mate_mapped):
        yield "MATE_CIGAR_STRING_INVALID_PRESENCE"


def _edit_problems(flag: int, cigar: str, tags: Mapping[str, str]) -> Iterable[str]:
    """NM and MD against CIGAR, and each other."""
    if flag & _UNMAPPED:
        return
    if "NM" not in tags:
        yield "MISSING_TAG_NM"
    mismatches = None
    if "MD" in tags:
        parts = [(int(run or 0), deleted, base) for run, deleted, base in _MD.findall(tags["MD"])]
        mismatches = sum(bool(base) for *_, base in parts)
        aligned = sum(run + bool(base) for run, _, base in parts)
        deleted_bases = sum(len(deleted) for _, deleted, _ in parts)
        if (aligned, deleted_bases) != (_length(cigar, "M=X"), _length(cigar, "D")):
            yield "INVALID_TAG_MD"
    if "NM" in tags:
        edits = _length(cigar, "ID")
        if int(tags["NM"]) < edits if mismatches is None else int(tags["NM"]) != edits + mismatches:
            yield "INVALID_TAG_NM"


def _is_alignment(cigar: str) -> bool:
    parts = _CIGAR.findall(cigar)
    return "".join(map("".join, parts)) == cigar and any(kind in "MIDN=X" for _, kind in parts)


def _length(cigar: str, kinds: str) -> int:
    return sum(int(count) for count, kind in _CIGAR.findall(cigar) if kind in kinds)


def pair_problems(lines: Iterable[str]) -> set[str]:
    """Where two reads of a pair contradict each other: those pairs of which both are there, with their names."""
    ends: defaultdict[str, list[Sequence[str]]] = defaultdict(list)
    for line in lines:
        columns = line.split("\t")
        if (
            int(columns[1]) & _PAIRED
            and not int(columns[1]) & (_SECONDARY | _SUPPLEMENTARY)
            and columns[0] != "*"
        ):
            ends[columns[0]].append(columns)
    found = set()
    for pair in ends.values():
        if len(pair) == 2:
            found |= set(_contradictions(*pair)) | set(_contradictions(*reversed(pair)))
    return found


def _contradictions(read: Sequence[str], mate: Sequence[str]) -> Iterable[str]:
    """What the read says wrongly of its mate."""
    said, true = int(read[1]), int(mate[1])
    if bool(said & _MATE_UNMAPPED) != bool(true & _UNMAPPED):
        yield "MISMATCH_FLAG_MATE_UNMAPPED"
    if bool(said & _MATE_REVERSE) != bool(true & _REVERSE):
        yield "MISMATCH_FLAG_MATE_NEG_STRAND"
    if said & true & (_FIRST | _SECOND):
        yield "MATES_ARE_SAME_END"
    if (read[2] if read[6] == "=" else read[6]) != mate[2]:
        yield "MISMATCH_MATE_REF_INDEX"
    if read[7] != mate[3]:
        yield "MISMATCH_MATE_ALIGNMENT_START"
    cigar = next((tag[5:] for tag in read[11:] if tag.startswith("MC:")), None)
    if cigar is not None and cigar != mate[5]:
        yield "MISMATCH_MATE_CIGAR_STRING"


def file_problems(path: Path, reference: Path | None = None) -> list[str]:
    """What is wrong with a BAM or CRAM file as a whole, or with its order, positions and bins."""
    problems = []
    try:
        pysam.samtools.quickcheck("-v", str(path))
    except SamtoolsError as error:
        problems.append(f"quickcheck: {error}")
    fasta = str(reference) if reference else None
    with pysam.AlignmentFile(str(path), check_sq=False, reference_filename=fasta) as file:
        header, is_bam = file.header, file.is_bam
        reads = list(file.fetch(until_eof=True))
    text = header.to_dict()
    names = [line["SN"] for line in text.get("SQ", [])]
    groups = [line["ID"] for line in text.get("RG", [])]
    if len({*names}) < len(names) or len({*groups}) < len(groups):
        problems.append("DUPLICATE_HEADER_RECORD")
    if text.get("HD", {}).get("SO") == "coordinate":
        places = [(read.reference_id % 2**31, read.reference_start) for read in reads]
        problems += ["RECORD_OUT_OF_ORDER"] if places != sorted(places) else []
    for read in reads:
        if read.reference_id >= 0 and read.reference_start >= header.lengths[read.reference_id]:
            problems.append("ALIGNMENT_START_BEYOND_REFERENCE")
        if is_bam and read.reference_start < 2**29 and read.bin != _bin(read):
            problems.append("INVALID_INDEXING_BIN")
    if is_bam and path.read_bytes().count(EOF_MARKER) != 1:
        problems.append("BAM_FILE_MISSING_TERMINATOR_BLOCK")
    return sorted({*problems})


def check_rewritten(
    path: Path,
    lines: Sequence[str],
    originals: Sequence[str],
    *,
    fields: Iterable[str] | None,
    tags_dropped: bool,
    reference: Path | None = None,
) -> None:
    """Assert that the file has no problem, and its reads none but what follows from what was not asked for.

    `lines` are its reads, `originals` the stored ones that they were made of; `fields` of None are all.
    """
    assert file_problems(path, reference) == []
    with pysam.AlignmentFile(str(path), check_sq=False) as file:
        groups = {line["ID"] for line in file.header.to_dict().get("RG", [])}
    absent = (FIELDS - set(FIELDS if fields is None else fields)) | ({"tags"} if tags_dropped else set())
    expected = {problem for problem, causes in CAUSES.items() if causes & absent}
    for line, original in zip(lines, originals, strict=True):
        new = record_problems(line, groups) - record_problems(original, groups)
        assert new <= expected, (new, line, original)
    assert pair_problems(lines) - pair_problems(originals) <= expected


def _bin(read: pysam.AlignedSegment) -> int:
    """The bin of BAI (SAMv1 §5.3) of the read's position."""
    start = read.reference_start
    end = start + max(1, 0 if read.is_unmapped else read.reference_length or 0)
    # As samtools has it, an unplaced read covers the base before the first.
    for shift, offset in ((14, 4681), (17, 585), (20, 73), (23, 9), (26, 1)):
        if start >> shift == end - 1 >> shift:
            return offset + (start >> shift)
    return 0
