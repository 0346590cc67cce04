"""Clients that people use, unmodified, against the live server."""

import http.client
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest
import requests

from catalogue.formats.digests import sequence_digests
from tests.conformance.conftest import GENOME, RunClient
from tests.live import PATIENCE, Site

ONE = GENOME["one"]
DIGESTS = sequence_digests(ONE.encode())
MD5 = DIGESTS.md5_hex


def test_the_first_python_client(refget_site: Site, run_client: RunClient) -> None:
    script = f"""
import json, refget
client = refget.RefGetClient("{refget_site.url}/sequence/")
print(json.dumps({{
    "part": client.refget("{MD5}", start=0, end=50),
    "empty": client.refget("{MD5}", start=7, end=7),
    "whole": client.refget("{MD5}"),
    "again": client.refget("{MD5}", start=10, end=20),
    "metadata": client.meta("{MD5}"),
    "service": client.service_info,
}}))
"""
    seen = json.loads(run_client("refget-0.1.0", "-c", script).stdout.splitlines()[-1])
    assert (seen["part"], seen["empty"]) == (ONE[:50], "")
    assert (seen["whole"], seen["again"]) == (ONE, ONE[10:20])
    assert seen["metadata"]["metadata"]["length"] == len(ONE)
    assert seen["service"]["refget"]["circular_supported"] is True


def test_the_present_python_client(refget_site: Site, run_client: RunClient) -> None:
    script = f"""
import json
from refget.clients import SequenceClient
client = SequenceClient(urls=["{refget_site.url}"], raise_errors=True)
try:
    client.get_sequence("0" * 32)
    missing = "found"
except ConnectionError as error:
    missing = str(error)
print(json.dumps({{
    "part": client.get_sequence("{DIGESTS.sq}", start=0, end=50),
    "tail": client.get_sequence("{MD5}", start=29990),
    "whole": client.get_sequence("ga4gh:{DIGESTS.sq}"),
    "metadata": client.get_metadata("{MD5}"),
    "service": client.service_info(),
    "said": repr(client),
    "missing": missing,
}}))
"""
    seen = json.loads(run_client("refget-0.12.0", "-c", script).stdout.splitlines()[-1])
    assert (seen["part"], seen["tail"], seen["whole"]) == (ONE[:50], ONE[-10:], ONE)
    assert seen["metadata"]["metadata"]["ga4gh"] == DIGESTS.sq
    assert seen["service"]["type"]["artifact"] == "refget"
    assert "404" in seen["missing"]
    assert seen["service"]["id"] in seen["said"]


class EnsemblHabit:
    """Requests as the documentation of Ensembl's refget service makes them: a start of 0 is left out."""

    def __init__(self, url: str) -> None:
        self.url = url

    def sequence(self, checksum: str, start: int | None = None, end: int | None = None) -> str:
        asked = {name: value for name, value in (("start", start), ("end", end)) if value}
        reply = requests.get(
            f"{self.url}/sequence/{checksum}",
            headers={"Accept": "text/plain"},
            params=asked,
            timeout=PATIENCE,
        )
        reply.raise_for_status()
        return reply.text

    def metadata(self, checksum: str) -> dict[str, Any]:
        reply = requests.get(
            f"{self.url}/sequence/{checksum}/metadata",
            headers={"Accept": "application/json"},
            timeout=PATIENCE,
        )
        reply.raise_for_status()
        return dict(reply.json())


def test_the_habits_of_ensembl(refget_site: Site) -> None:
    ensembl = EnsemblHabit(refget_site.url)
    assert ensembl.sequence(MD5) == ONE
    assert ensembl.sequence(MD5, 0, 100) == ONE[:100]
    assert ensembl.sequence(DIGESTS.trunc512, 100, 200) == ONE[100:200]
    described = ensembl.metadata(f"ga4gh:{DIGESTS.sq}")["metadata"]
    assert (described["md5"], described["trunc512"], described["length"]) == (MD5, DIGESTS.trunc512, len(ONE))
    assert {"alias": "one", "naming_authority": "local"} in described["aliases"]
    with pytest.raises(requests.HTTPError, match="404"):
        ensembl.sequence("0" * 32, 5, 5)
    # What that page advises to those whose client sends another Accept.
    advised = requests.get(
        f"{refget_site.url}/sequence/{MD5}?accept=text/plain",
        headers={"Accept": "text/html"},
        timeout=PATIENCE,
    )
    assert (advised.status_code, advised.text) == (200, ONE)


def raw(site: Site, target: str, headers: Mapping[str, str], method: str = "GET") -> http.client.HTTPResponse:
    """One request as it stands, without what a client library adds; the body is read."""
    place = urlsplit(site.url)
    connection = http.client.HTTPConnection(str(place.hostname), place.port, timeout=PATIENCE)
    connection.putrequest(method, target, skip_accept_encoding=True)
    for name, value in headers.items():
        connection.putheader(name, value)
    connection.endheaders()
    reply = connection.getresponse()
    reply.content = reply.read()  # type: ignore[attr-defined]
    connection.close()
    return reply


BROWSERS = [
    "text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8",
    "text/html,application/xhtml+xml,application/xml;q=0.9,image/avif,image/webp,image/apng,*/*;q=0.8,"
    "application/signed-exchange;v=b3;q=0.7",
    "text/html, image/gif, */*;q=0.2",
    "text/html, image/gif, image/jpeg, *; q=.2, */*; q=.2",
]


@pytest.mark.parametrize("accept", BROWSERS)
def test_browsers_and_java_get_residues(refget_site: Site, accept: str) -> None:
    asked = {"Accept": accept, "Accept-Encoding": "gzip, deflate, br, zstd"}
    reply = raw(refget_site, f"/sequence/{MD5}?start=5&end=25", asked)
    assert (reply.status, reply.content) == (200, ONE[5:25].encode())  # type: ignore[attr-defined]
    assert str(reply.headers["Content-Type"]).startswith("text/vnd.ga4gh.refget.v2.0.0+plain")
    assert reply.headers["Content-Encoding"] is None
    described = raw(refget_site, f"/sequence/{MD5}/metadata", asked)
    assert json.loads(described.content)["metadata"]["md5"] == MD5  # type: ignore[attr-defined]


@pytest.mark.parametrize(
    "target",
    [
        f"/sequence/{MD5}/",
        f"/sequence/MD5:{MD5.upper()}",
        f"/sequence/md5%3A{MD5}",
        f"/sequence/ga4gh%3a{DIGESTS.sq}",
        "/sequence/local:one",
        "/sequence/local%3Aone",
        "/sequence/%6Fne",
        f"/md5/{MD5}",
    ],
)
def test_percent_encoding_and_slashes_on_the_wire(refget_site: Site, target: str) -> None:
    for _ in range(2):
        reply = raw(refget_site, target, {})
        assert (reply.status, reply.content) == (200, ONE.encode())  # type: ignore[attr-defined]


@pytest.mark.parametrize(
    "target", ["/sequence/%00", "/sequence/%ff", "/sequence/a%0Ab", "/sequence/..%2f..%2fetc"]
)
def test_strange_names_on_the_wire(refget_site: Site, target: str) -> None:
    assert raw(refget_site, target, {}).status == 404


def test_head_and_conditions_on_the_wire(refget_site: Site) -> None:
    for target in (f"/sequence/{MD5}", "/sequence/local:one"):
        head = raw(refget_site, target, {}, "HEAD")
        assert (head.status, head.headers["Content-Length"], head.content) == (200, "30000", b"")  # type: ignore[attr-defined]
        same = raw(refget_site, target, {"If-None-Match": str(head.headers["ETag"])})
        assert (same.status, same.content) == (304, b"")  # type: ignore[attr-defined]


def test_a_body_that_falls_short_breaks_the_connection(refget_site: Site, tmp_path: Path) -> None:
    residues = "ACGT" * 10_000_000
    long = tmp_path / "long.fa"
    long.write_text(f">long\n{residues}\n")
    refget_site.manage("ingest_fasta", long, "--authority", "local")
    md5 = sequence_digests(residues.encode()).md5_hex
    blob = refget_site.home / "sequences" / md5[:2] / md5[2:4] / md5[4:]
    assert blob.stat().st_size == len(residues)
    with requests.get(f"{refget_site.url}/sequence/{md5}", stream=True, timeout=PATIENCE) as reply:
        assert reply.status_code == 200
        assert reply.headers["Content-Length"] == str(len(residues))
        first = reply.raw.read(1000)
        with blob.open("r+b") as file:
            file.truncate(len(residues) // 2)
        with pytest.raises(requests.exceptions.ChunkedEncodingError):
            for _ in reply.iter_content(1 << 20):
                pass
    assert first == residues[:1000].encode()
    # From now on the fault shows before the answer begins.
    assert requests.get(f"{refget_site.url}/sequence/{md5}", timeout=PATIENCE).status_code == 500
    assert requests.get(f"{refget_site.url}/sequence/{md5}?start=0&end=4", timeout=PATIENCE).text == "ACGT"
