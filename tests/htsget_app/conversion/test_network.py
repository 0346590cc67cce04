"""References of CRAM come from the catalogue alone: on a live site whose network reaches nothing but loopback."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pysam
import pysam.samtools
import pytest
import requests

from tests.htsget_app.made_data import read_alignments
from tests.live import PATIENCE, Site, make_site, served
from tests.long_runs import every
from tests.made_crams import make_cram, make_reference, make_sam
from tests.own_network import in_own_network


@contextmanager
def reference_server(reference: Path) -> Iterator[tuple[str, list[str]]]:
    """A server that has the reference at every path, and the list of paths that were asked for."""
    asked: list[str] = []

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            asked.append(self.path)
            self.send_response(200)
            self.end_headers()
            self.wfile.write(reference.read_bytes())

        def log_message(self, *_: object) -> None:
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        try:
            yield f"http://127.0.0.1:{server.server_port}", asked
        finally:
            server.shutdown()
            thread.join()


@pytest.mark.parametrize("where", every(2, ["a server", "a file"]))
def test_cram_as_bam_by_held_references_only(tmp_path: Path, where: str) -> None:
    reference = make_reference(tmp_path)
    empty = make_site(tmp_path / "home")

    def work() -> None:
        with reference_server(reference) as (address, asked):
            uri = f"{address}/ur.fa" if where == "a server" else str(reference)
            made = make_cram_with_uri(tmp_path, reference, uri)
            # What htslib would look for, if it were left to itself.
            variables = {"REF_PATH": f"{address}/%s", "REF_CACHE": str(tmp_path / "cache" / "%s")}
            site = Site(empty.home, variables)
            site.manage("ingest_bam", made, "--dataset", "open", "--public", "--copy")
            with served(site) as answering:
                refused = requests.get(f"{answering.url}/reads/made?format=BAM", timeout=PATIENCE)
                assert refused.status_code == 400
                assert refused.json()["htsget"]["error"] == "UnsupportedFormat"
                assert "reference" in refused.json()["htsget"]["message"]
                site.manage("ingest_fasta", reference, "--authority", "made")
                got = read_alignments_of(f"{answering.url}/reads/made?format=BAM", tmp_path / "answer.bam")
            assert got == read_alignments(made, reference_filename=str(reference))
            assert asked == []

    in_own_network(work)


def make_cram_with_uri(folder: Path, reference: Path, uri: str) -> Path:
    """A CRAM file whose header says that its reference is at `uri`."""
    made = make_cram(folder, reference=reference, sam=make_sam()).path
    if uri != str(reference):
        header = folder / "header.sam"
        header.write_text(str(pysam.view("-H", str(made))).replace(f"UR:{reference}", f"UR:{uri}"))
        pysam.samtools.reheader("-P", "-i", str(header), str(made), catch_stdout=False)
        pysam.index(str(made))
    assert f"\tUR:{uri}\n" in pysam.view("-H", str(made))
    return made


def read_alignments_of(url: str, path: Path) -> list[str]:
    """The records that samtools, as pysam carries it, reads from a ticket."""
    path.write_bytes(b"")
    pysam.view("-b", "-o", str(path), url, catch_stdout=False)
    return read_alignments(path)
