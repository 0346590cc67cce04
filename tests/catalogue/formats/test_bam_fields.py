"""Blanked fields of BAM records, cut anywhere, against the rules on the SAM lines that htslib prints."""

import random
from collections.abc import Iterator
from pathlib import Path

import pysam
import pytest
from hypothesis import given
from hypothesis import strategies as st

from catalogue.formats import FormatError
from catalogue.formats.bam_fields import FIELDS, blank_fields, tag_ranges
from catalogue.formats.bgzf import EOF_MARKER, deflate
from tests.htsget_app.made_rewritten import Wish
from tests.made_bgzf import uncompressed_of
from tests.made_files import KINDS


def parts_of(path: Path) -> tuple[bytes, bytes]:
    """The header and the records of a BAM file, uncompressed."""
    data = uncompressed_of(path)
    at = 8 + int.from_bytes(data[4:8], "little")
    contigs = int.from_bytes(data[at : at + 4], "little")
    at += 4
    for _ in range(contigs):
        at += 8 + int.from_bytes(data[at : at + 4], "little")
    return data[:at], data[at:]


def cut(data: bytes, rng: random.Random) -> Iterator[bytes]:
    at = 0
    while at < len(data):
        size = rng.choice((1, 7, 100, 5_000, 200_000))
        yield data[at : at + size]
        at += size


def lines_of(path: Path) -> list[pysam.AlignedSegment]:
    with pysam.AlignmentFile(str(path), check_sq=False) as file:
        return list(file.fetch(until_eof=True))


@pytest.mark.parametrize("kind", ["bam by htslib", "bam with giant reads", "bam all unplaced"])
def test_every_field_for_itself_and_many_together(tmp_path: Path, kind: str) -> None:
    made = KINDS[kind](tmp_path)
    header, records = parts_of(made.path)
    stored = lines_of(made.path)
    rng = random.Random(kind)
    wishes = [FIELDS, (), *((field,) for field in FIELDS), *(set(FIELDS) - {field} for field in FIELDS)]
    for keep in (*wishes, *(rng.sample(FIELDS, rng.randint(2, 9)) for _ in range(10))):
        blanked = b"".join(blank_fields(cut(records, rng), keep))
        path = tmp_path / "blanked.bam"
        path.write_bytes(deflate(header + blanked) + EOF_MARKER)
        got = lines_of(path)
        wish = Wish(fields=tuple(keep))
        assert [read.to_string() for read in got] == [wish.applied(read.to_string()) for read in stored]
        if "CIGAR" not in keep:
            bins = {(read.reference_start, read.bin) for read in got}
            assert all(bin == (4680 if start < 0 else 4681 + (start >> 14)) for start, bin in bins)


@pytest.mark.parametrize("keep", [("CIGAR",), ("SEQ",), ("QNAME",), ("CIGAR", "SEQ", "QUAL")])
def test_cigars_of_over_65535_operations(tmp_path: Path, keep: tuple[str, ...]) -> None:
    header = pysam.AlignmentHeader.from_dict({"SQ": [{"SN": "1", "LN": 10_000_000}]})
    path = tmp_path / "long.bam"
    with pysam.AlignmentFile(str(path), "wb", header=header) as file:
        for number, operations in enumerate((70_000, 3, 65_535, 65_536)):
            read = pysam.AlignedSegment(header)
            read.query_name, read.reference_id, read.reference_start = f"r{number}", 0, number
            read.cigartuples = [(0, 1), (1, 1)] * (operations // 2) + [(0, 1)] * (operations % 2)
            read.query_sequence = "A" * (operations // 2 * 2 + operations % 2)
            read.set_tag("XX", number)
            file.write(read)
    stored = [read.to_string() for read in lines_of(path)]
    head, records = parts_of(path)
    path.write_bytes(deflate(head + b"".join(blank_fields([records], keep))) + EOF_MARKER)
    assert [read.to_string() for read in lines_of(path)] == [
        Wish(fields=keep).applied(line) for line in stored
    ]


def test_records_that_are_cut_short_or_damaged(tmp_path: Path) -> None:
    _, records = parts_of(KINDS["bam by htslib"](tmp_path).path)
    with pytest.raises(FormatError, match="cut short"):
        list(blank_fields([records[:-1]], ()))
    rng = random.Random(1)
    for _ in range(300):
        damaged = bytearray(records[:20_000])
        for _ in range(rng.randint(1, 5)):
            damaged[rng.randrange(len(damaged))] = rng.randrange(256)
        try:
            list(blank_fields([bytes(damaged)], rng.sample(FIELDS, 5)))
        except FormatError:
            continue


@given(st.binary(max_size=60))
def test_tags_of_any_bytes(tags: bytes) -> None:
    try:
        ranges = list(tag_ranges(tags))
    except FormatError:
        return
    assert [begin for begin, _ in ranges] == [0, *(end for _, end in ranges[:-1])] if ranges else tags == b""
    assert not ranges or ranges[-1][1] == len(tags)
