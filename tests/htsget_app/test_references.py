"""Which file, format and reference a request means, by every name; and for whom."""

import gzip
import json
from pathlib import Path

import pysam
import pysam.bcftools
import pytest
from django.test import Client

from catalogue.formats.bgzf import EOF_MARKER
from catalogue.models import Alias, Contig, DataFile, Dataset, NamingAuthority, Sequence
from catalogue.queries import forget_files
from tests.htsget_app.made_data import (
    ONE,
    TWO,
    fetch,
    make_data_file,
    make_dataset,
    refused,
    regions,
    write_cram,
)
from tests.made_variants import make_vcf, make_vcf_header

pytestmark = pytest.mark.django_db


def test_several_formats_under_one_id(client: Client, reads: DataFile, bam: Path, tmp_path: Path) -> None:
    make_data_file(write_cram(tmp_path), "made")
    assert json.loads(client.get("/reads/made").content)["htsget"]["format"] == "BAM"
    assert json.loads(client.get("/reads/made?format=cram").content)["htsget"]["format"] == "CRAM"
    DataFile.objects.filter(format="BAM").delete()
    # BAM is then made of the CRAM, for which its reference has to be held.
    assert refused(client.get("/reads/made")) == (400, "UnsupportedFormat")
    assert client.get("/reads/made?class=header").json()["htsget"]["format"] == "BAM"
    assert client.get("/reads/made?format=CRAM").status_code == 200


def test_ids_with_slashes(client: Client, bam: Path) -> None:
    make_data_file(bam, "platinum/NA12878/run 1")
    for path in ("/reads/platinum/NA12878/run 1", "/reads/platinum%2FNA12878%2Frun%201"):
        assert client.get(path).status_code == 200


def test_a_file_without_an_index(client: Client, bam: Path) -> None:
    make_data_file(bam, "whole", indexed=False)
    assert fetch(client, "/reads/whole").joined.endswith(EOF_MARKER)
    assert client.get("/reads/whole?class=header").status_code == 200
    for query in ("referenceName=1", "referenceName=*", f"referenceMD5={ONE}"):
        assert refused(client.get(f"/reads/whole?{query}")) == (400, "InvalidInput")


def test_variants(client: Client, variants: DataFile) -> None:
    assert json.loads(client.get("/variants/made").content)["htsget"]["format"] == "VCF"
    assert refused(client.get("/variants/made?referenceName=*")) == (404, "NotFound")
    assert refused(client.get("/variants/made?format=BAM")) == (400, "UnsupportedFormat")
    assert client.get("/variants/made?referenceName=1&start=10001").status_code == 400
    # A contig of unknown length has no end that a start could be beyond.
    assert client.get("/variants/made?referenceName=2&start=4000000000").status_code == 200


def name_sequence(md5: str, *names: str) -> None:
    authority = NamingAuthority.objects.get(name="ucsc")
    sequence = Sequence.objects.get(md5=bytes.fromhex(md5))
    for name in names:
        Alias.objects.create(authority=authority, name=name, sequence=sequence)


def test_references_by_other_names(client: Client, reads: DataFile, tmp_path: Path) -> None:
    name_sequence(ONE, "chr1", "common")
    name_sequence(TWO, "1", "common")
    by_name = fetch(client, "/reads/made", {"referenceName": "1", "start": 40, "end": 90}).joined
    for name in ("chr1", ONE, f"md5:{ONE}"):
        assert fetch(client, "/reads/made", {"referenceName": name, "start": 40, "end": 90}).joined == by_name
    body = regions(
        {"referenceName": "chr1", "start": 40, "end": 90}, {"referenceName": "1", "start": 60, "end": 70}
    )
    assert fetch(client, "/reads/made", body=body).joined == by_name
    both: dict[str, str | int] = {"referenceName": "chr1", "referenceMD5": ONE, "start": 40, "end": 90}
    assert fetch(client, "/reads/made", both).joined == by_name
    assert refused(client.get("/reads/made", {**both, "referenceMD5": TWO})) == (400, "InvalidInput")
    # The file's own name goes first, and a name of two of its contigs means neither.
    assert fetch(client, "/reads/made", {"referenceName": "1", "start": 40, "end": 90}).joined == by_name
    assert refused(client.get("/reads/made?referenceName=common")) == (400, "InvalidInput")
    assert refused(client.get("/reads/made?referenceName=chr2")) == (404, "NotFound")


def test_an_md5_of_two_contigs(client: Client, reads: DataFile) -> None:
    Contig.objects.filter(file=reads, name="none").update(md5=bytes.fromhex(ONE))
    forget_files()
    assert refused(client.get(f"/reads/made?referenceMD5={ONE}")) == (400, "InvalidInput")
    assert client.get(f"/reads/made?referenceMD5={ONE}&referenceName=none").status_code == 200


@pytest.mark.parametrize("visibility", ["registered", "controlled"])
def test_datasets_that_are_not_public(client: Client, bam: Path, visibility: str) -> None:
    """Whatever is asked, nothing is told but that credentials are needed; also after a cache was filled."""
    dataset = make_dataset("closed", visibility="public")
    make_data_file(bam, "closed", dataset=dataset)
    url = fetch(client, "/reads/closed").urls[-1]["url"]
    assert client.get("/reads/closed?referenceName=1").status_code == 200
    Dataset.objects.filter(pk=dataset.pk).update(visibility=visibility)
    attempts = [
        client.get("/reads/closed"),
        client.get("/reads/closed?class=header"),
        client.get("/reads/closed?referenceName=1"),
        client.get("/reads/closed?referenceName=unknown"),
        client.get("/reads/closed?format=CRAM"),
        client.post("/reads/closed", "{}", content_type="application/json"),
    ]
    for response in attempts:
        assert refused(response) == (401, "InvalidAuthentication")
        assert response.headers["WWW-Authenticate"] == "Bearer"
    # A URL that anybody was given is not one that credentials could open again.
    for old in (client.get(url), client.get(url, headers={"Range": "bytes=0-1"}), client.head(url)):
        assert old.status_code == 403
    bad = client.get("/reads/closed", headers={"Authorization": "Bearer abc"})
    assert refused(bad) == (401, "InvalidAuthentication")
    assert bad.headers["WWW-Authenticate"] == 'Bearer error="invalid_token"'
    assert client.head("/reads/closed").status_code == 401


def test_credentials_where_none_are_needed(client: Client, reads: DataFile) -> None:
    assert client.get("/reads/made", headers={"Authorization": "Bearer abc"}).status_code == 200


def test_a_closed_format_beside_an_open_one(client: Client, bam: Path, tmp_path: Path) -> None:
    make_data_file(bam, "both")
    make_data_file(write_cram(tmp_path), "both", dataset=make_dataset("closed", visibility="controlled"))
    assert client.get("/reads/both").status_code == 200
    # What is open is converted as if the closed one were not there; the reference of its contigs is not held.
    assert refused(client.get("/reads/both?format=CRAM")) == (400, "UnsupportedFormat")


@pytest.mark.parametrize("query", ["referenceName=long", "referenceName=long&start=4294967294"])
def test_a_request_without_an_end_goes_beyond_32_bits(client: Client, tmp_path: Path, query: str) -> None:
    """An explicit end cannot name such a position; without one nothing is lost (htsget 1.3, "end")."""
    positions = (100, 2**32 - 1, 2**32, 5_000_000_000, 8_999_999_999)
    lines = (f"long\t{position}\t.\tA\tC\t9\tPASS\t.\tGT\t0/1\t0/0\n" for position in positions)
    path = make_vcf(
        tmp_path / "long.vcf.gz", (make_vcf_header({"long": 9_000_000_000}) + "".join(lines)).encode()
    )
    pysam.bcftools.index("-f", "-c", str(path))
    make_data_file(path, "long")
    text = gzip.decompress(fetch(client, f"/variants/long?{query}").joined).decode()
    found = [int(line.split("\t")[1]) for line in text.splitlines() if not line.startswith("#")]
    assert found == [position for position in positions if "start" not in query or position > 2**32 - 2]
