"""The FASTA reader, compared with a simple one on random text cut at random offsets; every fault with its location."""

import gzip
import itertools
import re
from collections.abc import Iterator
from pathlib import Path

import pysam
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from catalogue.formats import FormatError
from catalogue.formats import fasta as fasta_module
from catalogue.formats.fasta import FastaFault, FastaReader, LongRecord

LETTERS = "ACGTNacgtnXxYz"


def read_all(chunks: list[bytes], *, strip: bool = False) -> list[tuple[str, str, int, bytes]]:
    """Every record as (name, description, line, residues)."""
    records = []
    for item in FastaReader(chunks, source="x.fa", strip=strip):
        if isinstance(item, LongRecord):
            records.append((*item.header, b"".join(item.pieces)))
        else:
            records += [(*record.header, record.residues) for record in item]
    return records


def read_plainly(text: str) -> list[tuple[str, str, int, bytes]]:
    """What a reader without any thought for speed makes of well-formed FASTA."""
    records: list[tuple[str, str, int, bytes]] = []
    for number, line in enumerate(text.split("\n"), start=1):
        if line.startswith(">"):
            name, *rest = line[1:].rstrip("\r").split(None, 1)
            records.append((name, rest[0].strip() if rest else "", number, b""))
        elif records:
            *header, residues = records[-1]
            more = re.sub(r"\s", "", line).upper().encode()
            records[-1] = (*header, residues + more)  # type: ignore[assignment]
    return records


def cut(data: bytes, places: list[int]) -> list[bytes]:
    bounds = [0, *sorted(place % (len(data) + 1) for place in places), len(data)]
    return [data[start:end] for start, end in itertools.pairwise(bounds)]


@st.composite
def fasta_texts(draw: st.DrawFn) -> str:
    """Well-formed FASTA with every liberty that the format takes."""
    newline = draw(st.sampled_from(["\n", "\r\n"]))
    lines = draw(st.lists(st.sampled_from(["", " "]), max_size=2))
    for number in range(draw(st.integers(1, 5))):
        description = draw(st.sampled_from(["", " what it is", "  a > b", "\tafter a tab", " é"]))
        lines.append(f">r{number}{description}")
        lines += draw(st.lists(st.just(""), max_size=1))
        lines.append(draw(st.text(LETTERS, min_size=1, max_size=8)))
        lines += draw(st.lists(st.text(LETTERS + " \t", max_size=12), max_size=5))
    return newline.join(lines) + draw(st.sampled_from(["", newline, newline * 3]))


@given(text=fasta_texts(), places=st.lists(st.integers(0, 200), max_size=12), long=st.integers(1, 60))
@settings(max_examples=400)
def test_reads_what_a_plain_reader_reads_wherever_chunks_end(text: str, places: list[int], long: int) -> None:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(fasta_module, "WHOLE_RECORD", long + 30)
        assert read_all(cut(text.encode(), places)) == read_plainly(text)


@given(
    text=fasta_texts(),
    bad=st.sampled_from("*-.5>@;_é"),
    where=st.integers(0, 500),
    places=st.lists(st.integers(0, 200), max_size=8),
    long=st.integers(1, 60),
)
@settings(max_examples=400)
def test_names_the_place_of_the_first_character_that_is_no_residue(
    text: str, bad: str, where: int, places: list[int], long: int
) -> None:
    lines = text.split("\n")
    inside = [n for n, line in enumerate(lines) if line.strip() and n and not line.startswith(">")]
    number = inside[where % len(inside)]
    # Not at the start of a line, where a ">" would begin a record.
    column = 1 + where % len(lines[number].rstrip("\r") or "x")
    lines[number] = lines[number][:column] + bad + lines[number][column:]
    before = read_plainly("\n".join(lines[:number]) + "\n" + lines[number][:column])
    with pytest.MonkeyPatch.context() as patch, pytest.raises(FastaFault) as caught:
        patch.setattr(fasta_module, "WHOLE_RECORD", long + 30)
        read_all(cut("\n".join(lines).encode(), places))
    assert caught.value.line == number + 1
    assert caught.value.record == before[-1][0]
    assert f"at column {len(lines[number][:column].encode()) + 1} " in str(caught.value)
    assert f"position {len(before[-1][3])})" in str(caught.value)
    assert ("--strip" in str(caught.value)) == (bad in "*-.5")


@given(text=fasta_texts(), every=st.integers(2, 7), long=st.integers(1, 60))
def test_strip_removes_and_counts(text: str, every: int, long: int) -> None:
    clean = read_plainly(text)
    inserted = 0
    lines = []
    for line in text.split("\n"):
        if not line.startswith(">") and line.strip():
            parts = [line[at : at + every] for at in range(0, len(line), every)]
            line = "*".join(parts)
            inserted += len(parts) - 1
        lines.append(line)
    reader = FastaReader(["\n".join(lines).encode()], source="x", strip=True)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(fasta_module, "WHOLE_RECORD", long + 30)
        residues = [
            record
            for item in reader
            for record in (
                [b"".join(item.pieces)] if isinstance(item, LongRecord) else [r.residues for r in item]
            )
        ]
    assert residues == [record[3] for record in clean]
    assert reader.stripped == inserted


def test_reads_what_pysam_reads(tmp_path: Path) -> None:
    text = "".join(
        f">seq{n} number {n}\n" + "\n".join("ACGTN"[n % 5] * 60 for _ in range(n * 40)) + "\nTT\n"
        for n in range(1, 30)
    )
    path = tmp_path / "several.fa"
    path.write_text(text)
    ours = [
        (name, residues.decode()) for name, _, _, residues in read_all(cut(text.encode(), [70_000, 70_001]))
    ]
    with pysam.FastxFile(str(path)) as file:
        assert ours == [(entry.name, entry.sequence) for entry in file]


@pytest.mark.parametrize(
    ("data", "line", "record", "words"),
    [
        (b"", None, "", "holds no record"),
        (b"\n \n", None, "", "holds no record"),
        (b"\n\nACGT\n", 3, "", "does not begin with '>'"),
        (b"@read1\nACGT\n+\nIIII\n", 1, "", "looks like FASTQ"),
        (b"BAM\1\0\0\0", 1, "", "looks like BAM"),
        (b"<!DOCTYPE html>", 1, "", "web page"),
        (b"\x00\x01\x02", 1, "", "no FASTA"),
        (b"; comment\n>a\nAC\n", 1, "", "no FASTA"),
        (b">a\n>b\nAC\n", 1, "a", "the record is empty"),
        (b">b\nAC\n>a", 3, "a", "the record is empty"),
        (b">b\nAC\n\n>a\n\n \n>c\nAC", 4, "a", "the record is empty"),
        (b">\nAC\n", 1, "", "without a name"),
        (b">a\nAC\n> b\nAC\n", 3, "", "without a name"),
        (b">a\nAC\n>b\rACGT\r>c\rACGT", 3, "", "classic Mac OS"),
        (b">a\nAC\n;comment\nGT\n", 3, "a", "';' at column 1 is no residue (position 2)"),
        (b">a\nAC\nG\x00T\n", 3, "a", "'\\x00' at column 2"),
        (b">a\nAC\nG\xe9T\n", 3, "a", "byte 0xe9 at column 2"),
        (b">a\xff\nAC\n", 1, "", "not text"),
        (b">a\x7fb\nAC\n", 1, "", "not text"),
    ],
)
def test_faults(data: bytes, line: int | None, record: str, words: str) -> None:
    with pytest.raises(FastaFault, match=re.escape(words)) as caught:
        read_all([data])
    assert (caught.value.source, caught.value.line, caught.value.record) == ("x.fa", line, record)
    assert str(caught.value).startswith("x.fa" if line is None else f"x.fa, line {line}")


def test_a_record_of_nothing_but_stripped_characters_is_empty() -> None:
    with pytest.raises(FastaFault, match="empty"):
        read_all([b">a\n***\n"], strip=True)


@pytest.mark.parametrize("head", [b">a x\n", b">a x\n" + b"ACGT\n" * 10])
@pytest.mark.parametrize("long", [5, 1 << 20])
def test_a_fault_of_the_chunks_is_told_with_its_place(
    head: bytes, long: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    def chunks() -> Iterator[bytes]:
        yield head
        yield b"AC\nA"
        raise FormatError("cut short")

    monkeypatch.setattr(fasta_module, "WHOLE_RECORD", long)
    with pytest.raises(FastaFault, match="cut short") as caught:
        read_all(chunks())  # type: ignore[arg-type]
    assert caught.value.line == head.count(b"\n") + 2
    assert caught.value.record == "a"


def test_a_header_line_has_a_bound(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(fasta_module, "WHOLE_RECORD", 64)
    with pytest.raises(FastaFault, match="header line of more than"):
        read_all([b">" + b"A" * 100])


def test_a_byte_order_mark_is_passed_over() -> None:
    assert read_all([b"\xef\xbb\xbf>a\nAC\n"]) == [("a", "", 1, b"AC")]


def test_titles_joined_by_control_a() -> None:
    assert read_all([b">A.1 one\x01B.1 two\nAC\n"]) == [("A.1", "one\x01B.1 two", 1, b"AC")]
    assert read_all([b">A.1\x01B.1 two\nAC\n"]) == [("A.1", "\x01B.1 two", 1, b"AC")]


def test_a_long_record_left_half_read_is_passed_over(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(fasta_module, "WHOLE_RECORD", 8)
    chunks = [b">a\nACGT", b"ACGTA", b"CGT\nACG", b"T\n>b\nTTT\n"]
    names = []
    for item in FastaReader(chunks, source="x"):
        if isinstance(item, LongRecord):
            next(item.pieces)
            names.append(item.header.name)
        else:
            names += [record.header.name for record in item]
    assert names == ["a", "b"]


def test_compressed_text_reads_the_same(tmp_path: Path) -> None:
    from catalogue.formats.gunzip import WatchedInput, decompressed_chunks

    text = (">a\n" + "ACGTTTGACA" * 30_000 + "\n>b\nAC\n").encode()
    path = tmp_path / "x"
    for data in (text, gzip.compress(text), gzip.compress(text[:70_000]) + gzip.compress(text[70_000:])):
        path.write_bytes(data)
        with path.open("rb", buffering=0) as file:
            watched = WatchedInput(file)
            assert read_all(list(decompressed_chunks(watched))) == read_all([text])
            assert watched.count == len(data)
