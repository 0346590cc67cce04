"""Data files registered as a steward would register them, and clients' work on tickets: fetch, join, read."""

import base64
import json
import random
import shutil
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pysam
import requests
from django.test import Client

from catalogue.formats.digests import sequence_digests
from catalogue.formats.spec import FileKind
from catalogue.ingest.files.indexing import ReadJob
from catalogue.ingest.files.reader import read_file
from catalogue.ingest.files.rows import Register
from catalogue.models import DataFile, Dataset, SequenceCollection
from catalogue.storage import FILES, storage
from catalogue.storage.object_ref import ObjectRef
from tests.live import PATIENCE
from tests.made_crams import make_cram, make_reference, make_sam
from tests.paths import SHARED_DATA

SHARED = SHARED_DATA

_PRINTABLE = [chr(code) for code in range(33, 127)]

# A client of object stores: it knows no credentials, and keeps its connections.
_CLIENT = requests.Session()
_CLIENT.trust_env = False

#: The md5s of the sequences that the made BAM file names.
ONE = sequence_digests(b"ACGTTGCA" * 1250).md5_hex
TWO = sequence_digests(b"GGCC" * 500).md5_hex

INDEX_SUFFIXES = (".bai", ".csi", ".tbi", ".crai")


def make_dataset(
    slug: str = "open", *, visibility: str = "public", collection: SequenceCollection | None = None
) -> Dataset:
    """A dataset, made once."""
    dataset, _ = Dataset.objects.get_or_create(
        slug=slug, defaults={"visibility": visibility, "collection": collection}
    )
    return dataset


def make_data_file(
    path: Path, htsget_id: str, *, dataset: Dataset | None = None, indexed: bool = True
) -> DataFile:
    """Puts a file, with the indexes beside it, into the storage of files, and registers it there."""
    place = storage(FILES)
    folder = f"tests/{htsget_id}"
    for suffix in ("", *INDEX_SUFFIXES):
        beside = Path(f"{path}{suffix}")
        if beside.exists() and (indexed or not suffix):
            _store(beside, f"{folder}/{beside.name}")
    kind = FileKind.READS if path.suffix in (".bam", ".cram") else FileKind.VARIANTS
    local = place.local_path(folder) is not None
    reading = read_file(
        ReadJob(ObjectRef(FILES, f"{folder}/{path.name}"), kind, build_index=indexed and local)
    )
    Register(dataset or make_dataset()).add(reading, htsget_id=htsget_id, replace=True)
    return DataFile.objects.get(htsget_id=htsget_id, format=reading.header.format)


def _store(path: Path, key: str) -> None:
    """Puts a copy of a file into the storage of files; durability would cost these tests too much."""
    place = storage(FILES)
    kept = place.local_path(key) or place.staging() / f"{path.name}"
    kept.parent.mkdir(parents=True, exist_ok=True)
    shutil.copy2(path, kept)
    if place.local_path(key) is None:
        place.put(kept, key)


def stored_path(file: DataFile) -> Path:
    """Where the stored object lies."""
    path = storage(file.storage).local_path(file.key)
    assert path is not None
    return path


@dataclass(frozen=True, slots=True)
class Fetched:
    """A ticket whose blocks were fetched: its document, and their bytes in order."""

    document: dict[str, Any]
    blocks: list[bytes]

    @property
    def urls(self) -> list[dict[str, Any]]:
        urls: list[dict[str, Any]] = self.document["htsget"]["urls"]
        return urls

    @property
    def joined(self) -> bytes:
        return b"".join(self.blocks)


def fetch(
    client: Client,
    path: str,
    query: Mapping[str, Any] | None = None,
    *,
    body: object = None,
) -> Fetched:
    """The ticket for a GET with `query`, or a POST with `body`, and the bytes of all its blocks."""
    if body is None:
        response = client.get(path, query or {})
    else:
        response = client.post(path, json.dumps(body), content_type="application/json")
    assert response.status_code == 200, response.content
    document = json.loads(response.content)
    blocks = [fetch_block(client, url) for url in document["htsget"]["urls"]]
    return Fetched(document, blocks)


def fetch_block(client: Client, url: Mapping[str, Any]) -> bytes:
    """The bytes of one block of a ticket."""
    address = url["url"]
    if address.startswith("data:"):
        assert address.startswith("data:;base64,")
        return base64.b64decode(address.removeprefix("data:;base64,"), validate=True)
    if urlsplit(address).hostname != "testserver":
        stored = _CLIENT.get(address, headers=url["headers"], timeout=PATIENCE)
        assert stored.status_code == 206, stored.text
        assert sorted(url["headers"]) == ["If-Match", "Range"]
        return stored.content
    response = client.get(urlsplit(address).path, headers=url.get("headers", {}))
    assert response.status_code == 200
    content = response.getvalue()
    assert response.headers["Content-Length"] == str(len(content))
    return content


def read_alignments(path: Path, **options: Any) -> list[str]:
    """The records of a BAM or CRAM file as SAM lines, in order."""
    with pysam.AlignmentFile(str(path), check_sq=False, **options) as file:
        return [record.to_string() for record in file.fetch(until_eof=True)]


def read_cram(path: Path, reference: Path) -> list[tuple[str, int, int, str]]:
    """Contig, start, end and all of each read."""
    with pysam.AlignmentFile(str(path), reference_filename=str(reference)) as file:
        return [
            (
                read.reference_name or "*",
                read.reference_start,
                read.reference_start + max(1, 0 if read.is_unmapped else read.reference_length or 0),
                read.to_string(),
            )
            for read in file.fetch(until_eof=True)
        ]


def read_variants(path: Path) -> list[str]:
    """The records of a VCF or BCF file as VCF lines, in order."""
    with pysam.VariantFile(str(path)) as file:
        return [str(record) for record in file]


def write_bam(
    path: Path,
    *,
    contigs: Iterable[tuple[str, int, str | None]],
    reads: Iterable[tuple[int, int, int]],
    unplaced: int = 0,
    payload: int = 100,
) -> Path:
    """A sorted, indexed BAM file: `contigs` are names, lengths and md5s, `reads` contig, start and span in bases."""
    rng = random.Random(0)
    lines = [{"SN": name, "LN": length, **({"M5": md5} if md5 else {})} for name, length, md5 in contigs]
    header = pysam.AlignmentHeader.from_dict(
        {"HD": {"VN": "1.6", "SO": "coordinate"}, "SQ": lines, "RG": [{"ID": "a", "SM": "sample"}]}
    )
    with pysam.AlignmentFile(str(path), "wb", header=header) as file:
        for serial, (contig, start, span) in enumerate(sorted(reads)):
            read = pysam.AlignedSegment(header)
            read.query_name = f"r{serial}"
            read.reference_id, read.reference_start = contig, start
            read.query_sequence = "ACGT" * (span // 4) + "A" * (span % 4)
            read.cigarstring = f"{span}M"
            read.mapping_quality = 60
            # Text that does not compress, so that a file of few reads has many blocks.
            read.set_tag("ZZ", "".join(rng.choices(_PRINTABLE, k=payload)))
            file.write(read)
        for serial in range(unplaced):
            read = pysam.AlignedSegment(header)
            read.query_name = f"u{serial}"
            read.flag = 4
            read.query_sequence = "ACGT"
            file.write(read)
    pysam.index(str(path))
    return path


def write_cram(folder: Path) -> Path:
    """An indexed CRAM file of reads of a random reference."""
    return make_cram(folder, reference=make_reference(folder), sam=make_sam()).path


def write_vcf(
    path: Path, *, contigs: Sequence[tuple[str, int | None]], records: Iterable[tuple[int, int]]
) -> Path:
    """A sorted VCF file with its .tbi: `contigs` are names and lengths, `records` contig and position of one base."""
    header = pysam.VariantHeader()
    for name, length in contigs:
        header.contigs.add(name, length=length)
    header.add_sample("anna")
    header.formats.add("GT", 1, "String", "Genotype")
    with pysam.VariantFile(str(path), "wz", header=header) as file:
        for serial, (contig, start) in enumerate(sorted(records)):
            file.write(
                file.new_record(
                    contig=contigs[contig][0],
                    start=start,
                    stop=start + 1,
                    alleles=("A", "C"),
                    id=f"v{serial}",
                )
            )
    pysam.tabix_index(str(path), preset="vcf", force=True)
    return path


def refused(response: Any) -> tuple[int, str]:
    """Status and error of a response that must have an htsget error body, and nothing else."""
    document = json.loads(response.content)
    assert list(document) == ["htsget"] and sorted(document["htsget"]) == ["error", "message"]
    assert response.headers["Content-Type"] == "application/json"
    assert response.headers["Cache-Control"] == "no-store"
    assert document["htsget"]["message"]
    return response.status_code, document["htsget"]["error"]


def regions(*regions: dict[str, Any]) -> dict[str, Any]:
    return {"regions": list(regions)}
