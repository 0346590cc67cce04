"""Tickets of files whose indexes have pages: the bytes are those of whole indexes, and little is read for them."""

import random
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import pysam
import pytest
from django.test import Client

from catalogue import queries
from catalogue.access import ANONYMOUS
from catalogue.errors import NotFound
from catalogue.formats import binning_pages, crai
from catalogue.formats.binning import ContigIndex
from catalogue.formats.headers import FileFormat
from catalogue.formats.index_pages import MAGIC
from catalogue.formats.intervals import NO_END, Region
from catalogue.models import Contig, DataFile
from catalogue.queries import StoredFile, contigs
from catalogue.queries.binary import binary_rows
from catalogue.queries.file_details import place_with_records
from tests.catalogue.formats.made_indexes import make_human_index
from tests.htsget_app.made_data import fetch, make_data_file
from tests.made_reads import index_bam, make_bam, make_long_reads
from tests.made_variants import index_vcf, make_structural_variants, make_vcf

pytestmark = pytest.mark.django_db

LENGTH = 60_000_000
CONTIGS = {"one": LENGTH, "two": LENGTH // 4}
#: What a ticket of a file that no worker has seen may read of its index.
MAX_READ = 64 * 1024


@pytest.fixture(scope="module")
def files(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """Reads and variants over contigs of many pages, in each structure of index."""
    folder = tmp_path_factory.mktemp("paged")
    bam = make_bam(folder / "long.bam", count=0, contigs=CONTIGS, extra=make_long_reads)
    cram = folder / "long.cram"
    small = ("no_ref=1", "seqs_per_slice=20", "slices_per_container=1")
    options = [word for option in small for word in ("--output-fmt-option", option)]
    pysam.view("-C", *options, "-o", str(cram), str(bam), catch_stdout=False)
    pysam.index(str(cram))
    vcf = make_vcf(folder / "long.vcf.gz", make_structural_variants(LENGTH))
    return {"BAM": index_bam(bam).path, "CRAM": cram, "VCF": index_vcf(vcf).path}


@contextmanager
def pages(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Let every index that is registered have pages."""
    with monkeypatch.context() as patch:
        patch.setattr(binning_pages, "MAX_WHOLE", 0)
        patch.setattr(crai, "MAX_WHOLE", 0)
        yield


@pytest.mark.parametrize("format", ["BAM", "CRAM", "VCF"])
def test_pages_change_no_byte_of_an_answer(
    format: str, files: dict[str, Path], client: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    make_data_file(files[format], "whole")
    with pages(monkeypatch):
        file = make_data_file(files[format], "paged")
    assert all(bytes(row.index).startswith(MAGIC) for row in file.contigs.exclude(index=b""))
    rng, kind = random.Random(format), "variants" if format == "VCF" else "reads"
    for at in range(40):
        starts = [rng.randrange(LENGTH) for _ in range(rng.choice((1, 3)))]
        regions = [
            {"referenceName": "one", "start": start, "end": start + rng.choice((100, 10**5, 2 * 10**7))}
            for start in starts
        ]
        if at % 10 == 0:
            regions = [{"referenceName": name} for name in CONTIGS]
        asked = {"format": format, "regions": regions}
        if at % 4 == 0:
            queries.forget_files()
        whole, paged = (fetch(client, f"/{kind}/{name}", body=asked) for name in ("whole", "paged"))
        assert whole.joined == paged.joined, regions
    if format != "VCF":
        # Rewritten answers are cut at places that the index tells.
        for query in ({"fields": "QNAME,POS"}, {"fields": "QNAME", "referenceName": "one", "start": 10**7}):
            whole, paged = (
                fetch(client, f"/{kind}/{name}", {"format": format, **query}) for name in ("whole", "paged")
            )
            assert whole.joined == paged.joined


@pytest.fixture(scope="module")
def human_index() -> ContigIndex:
    """An index of the size of human chromosome 1."""
    return make_human_index(np.random.default_rng(1))


@pytest.fixture
def human(files: dict[str, Path], human_index: ContigIndex) -> StoredFile:
    """A file of which one contig has that index."""
    file = make_data_file(files["BAM"], "human")
    Contig.objects.filter(file=file, name="one").update(index=binning_pages.pack_index(human_index))
    queries.forget_files()
    return queries.find_file(viewer=ANONYMOUS, kind="reads", htsget_id="human", format=FileFormat.BAM)


@pytest.fixture
def bytes_read(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """How many bytes of indexes each statement for contigs and pages read."""
    read: list[int] = []

    def counted(query: str, parameters: Any) -> list[tuple[Any, ...]]:
        rows = binary_rows(query, parameters)
        # The fifth column is the index of a contig, the third a piece of one.
        read.append(sum(len(row[4] if len(row) > 4 else row[2]) for row in rows))
        return rows

    monkeypatch.setattr(contigs, "binary_rows", counted)
    return read


def planned(file: StoredFile, *regions: tuple[int, int], by: str = "name", every: bool = False) -> None:
    """Look up what a ticket for regions of the contig takes."""
    if by == "md5":
        contig = queries.contig_by_md5(file, "0" * 32)
    else:
        contig = queries.contigs_by_name(file, ["one"])["one"]
    asked = [Region(contig.number, *region) for region in regions]
    with_pages = queries.with_pages(file, {contig.number: contig}, asked, every=every)
    index = binning_pages.unpack_index(with_pages[contig.number].index)
    assert any(index.query(*region) for region in regions)


@pytest.mark.parametrize("by", ["name", "md5"])
@pytest.mark.parametrize(
    "region", [(5 * 10**7, 5 * 10**7 + 100), (10**8 - 10, 10**8 + 10**6), (0, NO_END)], ids=str
)
def test_a_file_that_no_worker_has_seen_has_little_read_of_its_index(
    human: StoredFile, bytes_read: list[int], by: str, region: tuple[int, int]
) -> None:
    Contig.objects.filter(file_id=human.pk, name="one").update(md5=bytes(16))
    planned(human, region, by=by)
    assert len(bytes_read) == 2 and sum(bytes_read) < MAX_READ / 2
    planned(human, region, by=by)
    assert len(bytes_read) == 2, "a request whose pages are known reads nothing"
    planned(human, (2 * 10**7, 2 * 10**7 + 100), by=by)
    assert len(bytes_read) == 3 and bytes_read[-1] < 8_000, "of a known contig only pages are read"


def test_the_page_of_a_file_needs_little_of_its_index(human: StoredFile, bytes_read: list[int]) -> None:
    assert place_with_records(human) is not None
    assert sum(bytes_read) < MAX_READ / 2


def test_all_pages_of_a_region_are_read_where_the_answer_is_cut_by_them(
    human: StoredFile, bytes_read: list[int]
) -> None:
    planned(human, (10**8, 10**8 + 5 * 10**6), every=True)
    assert 4 * 3000 < bytes_read[-1] < MAX_READ


def test_indexes_from_before_there_were_pages_are_read_whole(
    human: StoredFile, human_index: ContigIndex, bytes_read: list[int]
) -> None:
    whole = human_index.pack()
    Contig.objects.filter(file_id=human.pk, name="one").update(index=whole)
    planned(human, (10**8, 10**8 + 100))
    assert bytes_read == [len(whole)]


def test_a_head_that_the_first_read_does_not_hold_is_read_with_the_pages(
    human: StoredFile, bytes_read: list[int], monkeypatch: pytest.MonkeyPatch
) -> None:
    cut = contigs._BY_NAME.replace("FOR 16384", "FOR 2000")
    monkeypatch.setattr(contigs, "_BY_NAME", cut)
    for _ in range(2):
        planned(human, (0, NO_END))
    assert len(bytes_read) == 2


def test_pages_of_a_removed_file_are_not_found(human: StoredFile) -> None:
    contig = queries.contigs_by_name(human, ["one"])["one"]
    DataFile.objects.all().delete()
    with pytest.raises(NotFound):
        queries.with_pages(human, {contig.number: contig}, [Region(contig.number, 0, 100)], every=False)
