"""Stored files known as the catalogue would know them, with what htslib says is in them."""

import os
import random
import tempfile
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import cache, cached_property
from pathlib import Path

import numpy as np
import pysam
import pytest
from numpy.typing import NDArray

from catalogue.formats.bgzf import EOF_MARKER, is_eof
from catalogue.formats.binning import BinningIndex
from catalogue.formats.headers import FileFormat, FileHeader, with_indexed_contigs
from catalogue.formats.index_files import read_index
from catalogue.formats.intervals import Region
from catalogue.formats.registry import read_header
from htsget_app.planning.parts import Inline, Limits, Part, PartClass, PlannedFile, Selection
from htsget_app.planning.plan import plan
from tests.htsget_app.made_planned import make_planned_file, packed_indexes
from tests.long_runs import every
from tests.made_bgzf import MadeFile, reader_of, uncompressed_of
from tests.made_files import KINDS
from tests.paths import OWN_HOME, SHARED_DATA

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
    def planned(self) -> PlannedFile:
        return make_planned_file(
            self.data,
            self.header,
            indexes=packed_indexes(self.header, self.index),
            has_eof=is_eof(self.data[-28:]),
            unplaced_begin=max(self.header.end, self.index.placed_end() or self.header.end),
        )

    @property
    def is_bam(self) -> bool:
        return self.planned.stored.format is FileFormat.BAM

    def read(self, path: Path) -> tuple[str, list[Record]]:
        """Header and records of a file, by htslib, from beginning to end."""
        if self.is_bam:
            with pysam.AlignmentFile(str(path), check_sq=False) as file:
                return str(file.header), [self._read(record) for record in file.fetch(until_eof=True)]
        with pysam.VariantFile(str(path)) as file:
            if self.planned.stored.format is FileFormat.BCF:
                return str(file.header), [("", 0, 0, str(record)) for record in file]
            count = sum(1 for _ in file)
        lines = uncompressed_of(path).decode().splitlines()
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
        if self.planned.stored.has_eof:
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
        if self.planned.stored.format is FileFormat.VCF:
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

    def join(self, blocks: Iterable[Part]) -> Path:
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


@cache
def served_file(name: str) -> Served | None:
    """The kind of made file, or the real one, of this name; None where it is not there. Read once a process."""
    folder = Path(tempfile.mkdtemp(dir=os.environ[OWN_HOME]))
    if name in KINDS:
        return Served(KINDS[name](folder), folder)
    path = REAL / name
    if not path.exists():
        return None
    index = next(each for each in path.parent.iterdir() if each.name.startswith(f"{path.name}."))
    return Served(MadeFile(path, index), folder)


def bytes_of(block: Part, data: bytes) -> bytes:
    return block.data if isinstance(block, Inline) else data[block.byte_range.begin : block.byte_range.end]


def is_subsequence(part: Sequence[str], whole: Sequence[str]) -> bool:
    """Whether the one is what is left of the other when some are taken away."""
    rest = iter(whole)
    return all(item in rest for item in part)


def check(served: Served, selection: Selection, truth: list[str], limits: Limits) -> list[Part]:
    """The ticket's records are the file's, in its order, none twice, and the wanted are all among them."""
    blocks = plan(served.planned, selection, read_range=reader_of(served.data), limits=limits)
    assert b"".join(bytes_of(block, served.data) for block in blocks).count(EOF_MARKER) == 1
    assert [block.part_class for block in blocks] == sorted(
        (block.part_class for block in blocks), reverse=True
    )
    header, records = served.read(served.join(blocks))
    texts = [text for *_, text in records]
    assert header == served.everything[0]
    body = [block for block in blocks if block.part_class is PartClass.BODY]
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


def some_files(step: int, first: int = 0) -> pytest.MarkDecorator:
    """Parametrize a test by every `step`-th kind of file from `first` on; `make test-long` has the others."""
    return pytest.mark.parametrize("served", every(step, [*KINDS, *REAL_FILES], first), indirect=True)


each_file = some_files(1)
