"""Collections as files, compared with what samtools' own code makes of them."""

import random
from pathlib import Path
from typing import Any

import pysam
import pytest
from django.core.management import call_command
from django.test import Client

from catalogue.formats.collections import digest_text
from catalogue.models import Sequence, SequenceCollection
from tests.catalogue.made_collections import make_collection
from tests.catalogue.made_fasta import fasta_text, make_fasta, make_residues

pytestmark = pytest.mark.django_db

RECORDS = {
    **{f"short{number}": make_residues(number % 130 + 1, seed=number) for number in range(150)},
    "long": make_residues(1_300_000),
    **{f"tail{number}": make_residues(70, seed=1000 + number) for number in range(5)},
}
WHOLE = fasta_text(RECORDS)


@pytest.fixture
def path(tmp_path: Path) -> str:
    call_command("ingest_fasta", str(make_fasta(tmp_path / "in.fa", RECORDS)), collection="made")
    content = SequenceCollection.objects.get(name="made").content
    assert content is not None
    return f"/collections/{digest_text(bytes(content.digest))}"


def body(response: Any) -> bytes:
    return b"".join(response) if response.streaming else bytes(response.content)


def test_the_whole_fasta_file(client: Client, path: str) -> None:
    response = client.get(f"{path}.fa")
    assert (response.status_code, body(response)) == (200, WHOLE)
    assert response.headers["Content-Length"] == str(len(WHOLE))
    assert client.head(f"{path}.fa", headers={"Range": "bytes=0-1"}).status_code == 200
    head = client.head(f"{path}.fa")
    assert (head.status_code, head.content) == (200, b"")
    assert (head.headers["Content-Length"], head.headers["Accept-Ranges"]) == (str(len(WHOLE)), "bytes")
    same = client.get(f"{path}.fa", headers={"If-None-Match": head.headers["ETag"]})
    assert same.status_code == 304


def test_ranges_of_the_fasta_file(client: Client, path: str) -> None:
    rng = random.Random(8)
    ends = [(0, 1), (5, 5), (len(WHOLE) - 1, len(WHOLE) + 99), (9_000, 1_200_000), (0, len(WHOLE))]
    for _ in range(20):
        begin = rng.randrange(len(WHOLE))
        ends.append((begin, begin + rng.randint(0, 3000)))
    for first, last in ends:
        response = client.get(f"{path}.fa", headers={"Range": f"bytes={first}-{last}"})
        assert (response.status_code, body(response)) == (206, WHOLE[first : last + 1])
        told = f"bytes {first}-{min(last, len(WHOLE) - 1)}/{len(WHOLE)}"
        assert response.headers["Content-Range"] == told
    assert body(client.get(f"{path}.fa", headers={"Range": "bytes=-70"})) == WHOLE[-70:]
    beyond = client.get(f"{path}.fa", headers={"Range": f"bytes={len(WHOLE)}-"})
    assert (beyond.status_code, beyond.headers["Content-Range"]) == (416, f"bytes */{len(WHOLE)}")
    for ignored in ("bytes=9-2", "bytes=0-1,5-6", "lines=0-1"):
        assert client.get(f"{path}.fa", headers={"Range": ignored}).status_code == 200
    changed = {"Range": "bytes=0-1", "If-Range": '"other"'}
    assert client.get(f"{path}.fa", headers=changed).status_code == 200


def test_the_index_is_that_of_samtools(client: Client, path: str, tmp_path: Path) -> None:
    fasta = tmp_path / "out.fa"
    fasta.write_bytes(body(client.get(f"{path}.fa")))
    pysam.faidx(str(fasta))
    assert body(client.get(f"{path}.fa.fai")) == fasta.with_suffix(".fa.fai").read_bytes()


def test_the_dictionary_is_that_of_samtools(client: Client, path: str, tmp_path: Path) -> None:
    Sequence.objects.filter(length=70).update(circular=True)
    fasta = tmp_path / "out.fa"
    fasta.write_bytes(body(client.get(f"{path}.fa")))
    theirs = str(pysam.samtools.dict(str(fasta))).splitlines()[1:]
    header, *ours = body(client.get(f"{path}.dict")).decode().splitlines()
    assert header == "@HD\tVN:1.6\tSO:unsorted"
    assert [line.split("\t")[:4] for line in ours] == [line.split("\t")[:4] for line in theirs]
    assert {line.split("\t")[2] for line in ours if "TP:circular" in line} == {"LN:70"}


def test_chrom_sizes(client: Client, path: str) -> None:
    expected = "".join(f"{name}\t{len(residues)}\n" for name, residues in RECORDS.items())
    response = client.get(f"{path}.chrom.sizes")
    assert body(response).decode() == expected
    assert client.head(f"{path}.chrom.sizes").content == b""
    etag = {"If-None-Match": response.headers["ETag"]}
    assert client.get(f"{path}.chrom.sizes", headers=etag).status_code == 304


@pytest.mark.parametrize("suffix", [".fa", ".fa.fai", ".dict", ".chrom.sizes"])
def test_files_by_name(client: Client, path: str, suffix: str) -> None:
    response = client.get(f"/collections/made{suffix}")
    assert (response.status_code, response.headers["Location"]) == (307, f"http://testserver{path}{suffix}")


def test_what_cannot_be_a_file(client: Client) -> None:
    spaced = make_collection("spaced", {"a name": b"ACGT"}).content
    assert spaced is not None
    for suffix in (".fa", ".fa.fai", ".dict", ".chrom.sizes"):
        path = f"/collections/{digest_text(bytes(spaced.digest))}{suffix}"
        response = client.get(path)
        assert response.status_code == 404 and "a name" in response.json()["message"]
        assert client.get(f"/collections/{'A' * 32}{suffix}").status_code == 404
    unheld = make_collection("unheld", {"a": b"ACGTACGTTT"})
    Sequence.objects.filter(length=10).update(blob=None, offset=None)
    assert unheld.content is not None
    path = f"/collections/{digest_text(bytes(unheld.content.digest))}"
    assert client.get(f"{path}.fa").status_code == 404
    assert body(client.get(f"{path}.chrom.sizes")) == b"a\t10\n"
