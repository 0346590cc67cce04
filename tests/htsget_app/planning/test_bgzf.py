"""The joined bytes of tickets, read by htslib, against htslib's reading of the stored file.

Every file is known as the catalogue would know it: its header and packed index, read by `catalogue.formats`.
"""

import random
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import numpy as np
import pysam
import pytest
from numpy.typing import NDArray

from catalogue.formats import FormatError
from catalogue.formats.bgzf import EOF_MARKER, MAX_STORED, is_eof
from catalogue.formats.binning import BinningIndex
from catalogue.formats.headers import FileFormat, FileHeader, read_header, with_indexed_contigs
from catalogue.formats.index_files import read_index
from catalogue.formats.intervals import Region
from htsget_app.planning.parts import (
    Block,
    ContigLayout,
    FileLayout,
    Inline,
    Limits,
    PartClass,
    Selection,
    StoredRange,
)
from htsget_app.planning.plan import plan
from tests.made_files import KINDS, MadeFile, index_bam, make_bam, plain_of, reader_of, recut
from tests.paths import SHARED_DATA

REAL = SHARED_DATA
REAL_FILES = (
    "reads/htsnexus_test_NA12878.bam",
    "reads/A1-B000168-3_57_F-1-1_R2.mus.Aligned.out.sorted.bam",
    "variants/NA20787.vcf.gz",
    "variants/HG002_GIAB.filtered.vcf.gz",
    "variants/sample1-bcbio-cancer.vcf.gz",
    "variants/sample1-bcbio-cancer.bcf",
    "variants/spec-v4.3.vcf.gz",
    "variants/spec-v4.3.bcf",
)
REGIONS = 200
#: Limits that make the most of the small files here: as usual, all inline, nothing inline and little read.
SHAPES = (
    Limits(),
    Limits(inline=10**8),
    Limits(inline=0, scan=1, join_gap=0),
    Limits(inline=2000, scan=200_000),
)

# A record: contig, start, end (of reads alone: of variants htslib is to say what they overlap), all its text.
Record = tuple[str, int, int, str]


@dataclass
class Served:
    """A stored file as the catalogue would know it, and what htslib says is in it."""

    made: MadeFile
    folder: Path

    @cached_property
    def data(self) -> bytes:
        return self.made.path.read_bytes()

    @cached_property
    def header(self) -> FileHeader:
        return with_indexed_contigs(read_header(reader_of(self.data)), self.index.names)

    @cached_property
    def index(self) -> BinningIndex:
        assert self.made.index is not None
        return read_index(self.made.index.read_bytes())

    @cached_property
    def stored(self) -> FileLayout:
        names = self.index.names or tuple(contig.name for contig in self.header.contigs)
        if self.header.format is FileFormat.BCF:
            by_number = dict(enumerate(self.index.contigs))
            shares = {contig.name: by_number.get(contig.index) for contig in self.header.contigs}
        else:
            shares = dict(zip(names, self.index.contigs, strict=False))
        placed_end = self.index.placed_end()
        return FileLayout(
            format=self.header.format,
            size=len(self.data),
            header=self.header.packed,
            header_end=self.header.end,
            has_eof=is_eof(self.data[-28:]),
            contigs={
                contig.index: ContigLayout(
                    contig.name, share.pack() if (share := shares.get(contig.name)) else b""
                )
                for contig in self.header.contigs
            },
            unplaced_begin=max(self.header.end, placed_end or self.header.end),
        )

    @property
    def is_bam(self) -> bool:
        return self.stored.format is FileFormat.BAM

    def read(self, path: Path) -> tuple[str, list[Record]]:
        """Header and records of a file, by htslib, from beginning to end."""
        if self.is_bam:
            with pysam.AlignmentFile(str(path), check_sq=False) as file:
                return str(file.header), [self._read(record) for record in file.fetch(until_eof=True)]
        with pysam.VariantFile(str(path)) as file:
            if self.stored.format is FileFormat.BCF:
                return str(file.header), [("", 0, 0, str(record)) for record in file]
            count = sum(1 for _ in file)
        lines = plain_of(path).decode().splitlines()
        records = [("", 0, 0, line) for line in lines if not line.startswith("#")]
        assert len(records) == count
        return "\n".join(line for line in lines if line.startswith("#")), records

    @staticmethod
    def _read(record: pysam.AlignedSegment) -> Record:
        length = 0 if record.is_unmapped else (record.reference_length or 0)
        start = record.reference_start
        return record.reference_name or "*", start, start + max(1, length), record.to_string()

    @cached_property
    def everything(self) -> tuple[str, list[Record]]:
        if self.stored.has_eof:
            return self.read(self.made.path)
        complete = self.folder / f"complete{''.join(self.made.path.suffixes)}"
        complete.write_bytes(self.data + EOF_MARKER)
        return self.read(complete)

    def truth(self, regions: Sequence[Region]) -> list[str]:
        """The text of the records that htslib finds in the regions, each once and in file order."""
        names = {contig.index: contig.name for contig in self.header.contigs}
        if self.is_bam:
            texts, places = self.everything[1], self._places
            hit = np.zeros(len(texts), dtype=np.bool_)
            for region in regions:
                here = places[:, 0] == region.contig
                hit |= here & (places[:, 1] < region.end) & (places[:, 2] > region.start)
            return [texts[at][3] for at in np.flatnonzero(hit)]
        found: Counter[str] = Counter()
        for region in regions:
            found |= Counter(self._fetch(names[region.contig], region.start, region.end))
        assert all(found[text] == self._counts[text] for text in found)
        return [text for *_, text in self.everything[1] if text in found]

    @cached_property
    def _counts(self) -> Counter[str]:
        return Counter(text for *_, text in self.everything[1])

    @cached_property
    def _places(self) -> NDArray[np.int64]:
        """Contig number, start and end of every read."""
        numbers = {contig.name: contig.index for contig in self.header.contigs}
        rows = [(numbers.get(contig, -1), start, end) for contig, start, end, _ in self.everything[1]]
        return np.array(rows, dtype=np.int64).reshape(-1, 3)

    def _fetch(self, name: str, start: int, end: int) -> list[str]:
        if start >= end:
            return []
        if self.stored.format is FileFormat.VCF:
            return list(self._lines.fetch(name, start, end)) if name in self._lines.contigs else []
        return [str(record) for record in self._variants.fetch(name, start, end)]

    @cached_property
    def _lines(self) -> pysam.TabixFile:
        return pysam.TabixFile(str(self.made.path), index=str(self.made.index))

    @cached_property
    def _variants(self) -> pysam.VariantFile:
        return pysam.VariantFile(str(self.made.path), index_filename=str(self.made.index))

    def close(self) -> None:
        for name in ("_lines", "_variants"):
            if name in self.__dict__:
                self.__dict__[name].close()

    def join(self, blocks: Iterable[Block]) -> Path:
        """The file that a client would have."""
        path = self.folder / f"joined{''.join(self.made.path.suffixes)}"
        path.write_bytes(b"".join(bytes_of(block, self.data) for block in blocks))
        return path

    def random_region(self, rng: random.Random) -> Region:
        contig = rng.choice(self.header.contigs)
        length = contig.length or 200_000
        if rng.random() < 0.7:
            length = min(length, 100_000)
        start = rng.randrange(length)
        width = rng.choice((1, 1, 100, 100, 3000, 20_000, 300_000, length))
        return Region(contig.index, start, start + width)


def bytes_of(block: Block, data: bytes) -> bytes:
    return block.data if isinstance(block, Inline) else data[block.where.begin : block.where.end]


def is_subsequence(part: Sequence[str], whole: Sequence[str]) -> bool:
    """Whether the one is what is left of the other when some are taken away."""
    rest = iter(whole)
    return all(item in rest for item in part)


def check(served: Served, selection: Selection, truth: list[str], limits: Limits) -> list[Block]:
    """The ticket's records are the file's, in its order, none twice, and the wanted are all among them."""
    blocks = plan(served.stored, selection, read_range=reader_of(served.data), limits=limits)
    assert b"".join(bytes_of(block, served.data) for block in blocks).count(EOF_MARKER) == 1
    assert [block.kind for block in blocks] == sorted((block.kind for block in blocks), reverse=True)
    header, records = served.read(served.join(blocks))
    texts = [text for *_, text in records]
    assert header == served.everything[0]
    body = [block for block in blocks if block.kind is PartClass.BODY]
    if all(isinstance(block, Inline) for block in body):
        assert texts == truth
    else:
        whole = [text for *_, text in served.everything[1]]
        assert is_subsequence(texts, whole)
        assert is_subsequence(truth, texts)
        wanted = set(truth)
        if len(body) <= 4 and truth and limits == Limits():
            assert texts[0] in wanted and texts[-1] in wanted
    return blocks


@pytest.fixture(scope="module")
def served(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    """The file that the test's parameter names: a kind of made file, or a real one."""
    name: str = request.param
    folder = tmp_path_factory.mktemp("served")
    if name in KINDS:
        made = KINDS[name](folder)
    else:
        path = REAL / name
        if not path.exists():
            pytest.skip("../shared/data is not there")
        made = MadeFile(path, next(p for p in path.parent.iterdir() if p.name.startswith(f"{path.name}.")))
    served = Served(made, folder)
    yield served
    served.close()


each_file = pytest.mark.parametrize("served", [*KINDS, *REAL_FILES], indirect=True)


@each_file
def test_random_regions(served: Served) -> None:
    rng = random.Random(str(served.made))
    for number in range(REGIONS):
        region = served.random_region(rng)
        check(served, Selection((region,)), served.truth([region]), SHAPES[number % len(SHAPES)])


@each_file
def test_several_regions(served: Served) -> None:
    rng = random.Random(str(served.made) + "several")
    for number in range(25):
        regions = tuple(served.random_region(rng) for _ in range(rng.randint(2, 12)))
        limits = SHAPES[number % len(SHAPES)]
        check(served, Selection(regions), served.truth(regions), limits)


@each_file
def test_whole_file_header_and_nothing(served: Served) -> None:
    everything = [text for *_, text in served.everything[1]]
    for limits in SHAPES:
        check(served, Selection(whole=True), everything, limits)
        check(served, Selection(), [], limits)
        check(served, Selection((Region(0, 5, 5),)), [], limits)
    unplaced = [text for contig, *_, text in served.everything[1] if contig == "*"]
    if served.is_bam:
        for limits in SHAPES:
            check(served, Selection(unplaced=True), unplaced, limits)


# ---- what it costs


@dataclass
class Counted:
    """A stored file that counts what is read of it."""

    data: bytes
    reads: int = 0
    length: int = 0

    def read_range(self, offset: int, length: int) -> bytes:
        assert offset + length <= len(self.data) + 2 * MAX_STORED
        self.reads += 1
        self.length += length
        return self.data[offset : offset + length]


@pytest.fixture(scope="module")
def deep(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    """Some 4 MB of reads as of a genome, thirty deep in its first 100 kb."""
    folder = tmp_path_factory.mktemp("deep")
    contigs = {"one": 400_000, "empty": 1000}
    served = Served(
        index_bam(make_bam(folder / "deep.bam", count=36_000, contigs=contigs, simple=True)), folder
    )
    yield served
    served.close()


def test_random_regions_of_a_deep_file(deep: Served) -> None:
    """Where a window of the index holds many blocks, and an answer a few of them."""
    rng = random.Random(9)
    for number in range(120):
        start = rng.randrange(100_000)
        region = Region(0, start, start + rng.choice((1, 30, 500, 2000)))
        limits = (Limits(inline=0), Limits(inline=0, scan=1), Limits(inline=3000), Limits())[number % 4]
        check(deep, Selection((region,)), deep.truth([region]), limits)


def test_small_answers_across_windows_are_exact_throughout(deep: Served, tmp_path: Path) -> None:
    """With nothing meant to be inline, answers of two cut blocks are inline all the same."""
    cut = Served(
        index_bam(recut(deep.made.path, tmp_path / "cut.bam", seed=8, sizes=(9000, 20_000))), tmp_path
    )
    rng = random.Random(1)
    for _ in range(60):
        window = rng.randint(1, 6) * 2**14
        region = Region(0, window - rng.randint(1, 3), window + rng.randint(1, 40))
        check(cut, Selection((region,)), cut.truth([region]), Limits(inline=0))


def test_a_region_costs_two_reads_at_most(deep: Served) -> None:
    rng = random.Random(3)
    for width in (1, 100, 5000, 50_000, 200_000, 400_000):
        for _ in range(12):
            start = rng.randrange(max(1, 100_000 - width // 2))
            file = Counted(deep.data)
            plan(deep.stored, Selection((Region(0, start, start + width),)), read_range=file.read_range)
            assert file.reads <= 2 and file.length <= 2 * (Limits().scan + 2 * MAX_STORED)


def test_no_read_for_whole_files_headers_and_empty_answers(deep: Served) -> None:
    assert deep.header.end.uoffset == 0
    for selection in (
        Selection(),
        Selection(whole=True),
        Selection((Region(1, 0, 1000),)),
        Selection((Region(0, 7, 7),)),
    ):
        file = Counted(deep.data)
        plan(deep.stored, selection, read_range=file.read_range)
        assert file.reads == 0


def test_little_is_fetched_beside_what_is_wanted(deep: Served) -> None:
    """Regions of ten kilobases and more: at most a tenth more than the wanted records make by themselves."""
    rng = random.Random(4)
    for width in (10_000, 40_000):
        for _ in range(8):
            start = rng.randrange(80_000 - width)
            region = Region(0, start, start + width)
            blocks = plan(deep.stored, Selection((region,)), read_range=reader_of(deep.data))
            path = deep.join(block for block in blocks if block.kind is PartClass.BODY)
            plain, wanted = len(plain_of(path)), sum(len(text) for text in deep.truth([region]))
            records = [text for *_, text in deep.everything[1]]
            assert plain / wanted < 1.1 * len(plain_of(deep.made.path)) / sum(map(len, records))


def test_long_blocks_are_split(deep: Served) -> None:
    limits = Limits(max_part_bytes=100_000)
    for selection in (Selection(whole=True), Selection((Region(0, 20_000, 90_000),))):
        usual = plan(deep.stored, selection, read_range=reader_of(deep.data))
        split = plan(deep.stored, selection, read_range=reader_of(deep.data), limits=limits)
        assert max(block.where.length for block in split if isinstance(block, StoredRange)) == 100_000
        assert len(split) > len(usual)
        joined = [b"".join(bytes_of(block, deep.data) for block in blocks) for blocks in (usual, split)]
        assert joined[0] == joined[1]


def test_long_headers_are_not_sent_inline(tmp_path: Path) -> None:
    for kind in ("bam with long header", "bam with long header cut"):
        folder = tmp_path / kind
        folder.mkdir()
        served = Served(KINDS[kind](folder), folder)
        first, *_ = plan(served.stored, Selection(), read_range=reader_of(served.data))
        assert isinstance(first, StoredRange) and first.kind is PartClass.HEADER and first.where.begin == 0


def test_a_header_is_the_same_in_every_ticket(deep: Served) -> None:
    """Clients may keep it, so that its blocks must hold nothing else."""
    tickets = [
        plan(deep.stored, selection, read_range=reader_of(deep.data))
        for selection in (Selection(), Selection(whole=True), Selection((Region(0, 5, 5000),)))
    ]
    headers = [[block for block in blocks if block.kind is PartClass.HEADER] for blocks in tickets]
    assert headers[0] == headers[1] == headers[2] == [Inline(deep.header.packed, PartClass.HEADER)]


def test_many_regions_make_few_ranges_and_spare_what_lies_between(deep: Served) -> None:
    regions = tuple(Region(0, start, start + 10) for start in range(0, 400_000, 20_000))
    blocks = check(deep, Selection(regions), deep.truth(regions), Limits())
    assert sum(len(bytes_of(block, deep.data)) for block in blocks) < len(deep.data) / 10
    few = check(deep, Selection(regions), deep.truth(regions), Limits(inline=0, join_gap=0, max_ranges=3))
    body = [block for block in few if block.kind is PartClass.BODY]
    assert 1 <= sum(isinstance(block, StoredRange) for block in body) <= 3


def test_a_file_that_changed_is_noticed(deep: Served) -> None:
    """A file shorter than it was, and one whose blocks lie elsewhere."""
    region = Selection((Region(0, 50_000, 50_100),))
    for data in (deep.data[: len(deep.data) // 4], deep.data[1:], b"x" * len(deep.data)):
        with pytest.raises(FormatError):
            plan(deep.stored, region, read_range=reader_of(data))
