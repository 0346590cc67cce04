"""Measure tickets beside those of any other htsget server on the same files (`python -m bench.htsget_beside URL…`).

The other servers serve the files of `bench.htsget_made`, which `--make` makes and names: `reads/deep` as BAM and CRAM,
and `variants/many` as VCF, or the ids that options give. All servers are measured in turns in one run: a ticket; a
ticket and its blocks, one after the other on kept connections; the bytes of both; and tickets a second with 16 clients.
"""

import argparse
import http.client
import json
import os
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from statistics import median
from urllib.parse import urlsplit

from bench.htsget_made import make_bam, make_cram, make_vcf
from bench.htsget_tickets import WIDTHS, Region, regions
from bench.refget_site import own_site, press, serving


@dataclass(frozen=True, slots=True)
class Asked:
    """A file of the measurement: its format, and where it is registered."""

    format: str
    kind: str
    id: str

    def path(self, region: Region) -> str:
        name, start, end = region
        query = f"format={self.format}&referenceName={name}&start={start}&end={end}"
        return f"/{self.kind}/{self.id}?{query}"


@dataclass(slots=True)
class Client:
    """A client of one server, which keeps its connections; and what it has seen of the present case."""

    url: str
    connections: dict[str, http.client.HTTPConnection] = field(default_factory=dict)
    tickets: list[float] = field(default_factory=list)
    wholes: list[float] = field(default_factory=list)
    sizes: list[float] = field(default_factory=list)
    rates: list[float] = field(default_factory=list)

    def get(self, url: str, headers: Mapping[str, str] | None = None) -> bytes:
        """Return the body of a URL. Raises SystemExit unless it is answered."""
        parts = urlsplit(url)
        connection = self.connections.setdefault(parts.netloc, http.client.HTTPConnection(parts.netloc))
        connection.request(
            "GET", f"{parts.path}?{parts.query}" if parts.query else parts.path, headers=headers or {}
        )
        response = connection.getresponse()
        body = response.read()
        if response.status not in (200, 206):
            raise SystemExit(f"{url} was answered with {response.status}: {body[:300]!r}")
        return body

    def fetch(self, path: str) -> None:
        """Get a ticket and its blocks, and note how long each took, in milliseconds, and the bytes."""
        began = time.perf_counter()
        ticket = self.get(self.url + path)
        self.tickets.append((time.perf_counter() - began) * 1000)
        size = len(ticket)
        for entry in json.loads(ticket)["htsget"]["urls"]:
            if not entry["url"].startswith("data:"):
                size += len(self.get(entry["url"], entry.get("headers")))
        self.wholes.append((time.perf_counter() - began) * 1000)
        self.sizes.append(size)

    def clear(self) -> None:
        """Forget what was seen."""
        for seen in (self.tickets, self.wholes, self.sizes, self.rates):
            seen.clear()


def main() -> None:
    """Print a line for each file and width."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("others", nargs="*", metavar="URL", help="another server, without a slash at the end")
    parser.add_argument("--make", action="store_true", help="only make the files, and print where they are")
    parser.add_argument("--reads-id", default="deep", help="id of the BAM and the CRAM at the other servers")
    parser.add_argument("--variants-id", default="many", help="id of the VCF at the other servers")
    parser.add_argument("--build-index", action="store_true", help="let this site build the index of the BAM")
    parser.add_argument("--formats", nargs="+", default=["BAM", "CRAM", "VCF"])
    parser.add_argument("--workers", type=int, default=2)
    parser.add_argument("--requests", type=int, default=60)
    parser.add_argument("--seconds", type=int, default=2)
    parser.add_argument("--rounds", type=int, default=3)
    options = parser.parse_args()
    files = {"BAM": make_bam(), "CRAM": make_cram(), "VCF": make_vcf()}
    if options.make:
        print(*files.values(), sep="\n")
        return
    # High rate limits, so that no request is refused; requests are still counted.
    os.environ["THROTTLE_TICKETS_ADDRESS"] = "999999/second"
    with own_site() as home:
        _register(home, files, leave_out=".bai" if options.build_index else "")
        with serving("site", workers=options.workers) as url:
            clients = [Client(each) for each in (url, *options.others)]
            print(f"{'':12} {'server':24} {'ticket':>10} {'and blocks':>10} {'bytes':>11} {'16 clients':>12}")
            for format in options.formats:
                _compare(clients, format, options)


def _register(home: Path, files: Mapping[str, Path], *, leave_out: str) -> None:
    """Link the files, but for those with one suffix, into the storage of the site, and ingest them, public."""
    from django.core.management import call_command

    folder = home / "files" / "bench"
    folder.mkdir(parents=True, exist_ok=True)
    for format, path in files.items():
        for each in path.parent.glob(f"{path.name}*"):
            if each.suffix != leave_out:
                (folder / each.name).hardlink_to(each)
        command, id = ("ingest_vcf", "many") if format == "VCF" else ("ingest_bam", "deep")
        call_command(command, str(folder / path.name), dataset="bench", public=True, id=id, verbosity=0)


def _compare(clients: Sequence[Client], format: str, options: argparse.Namespace) -> None:
    """Measure one file at all servers: ours, which is the first, and the others."""
    kind, id, other_id = (
        ("variants", "many", options.variants_id) if format == "VCF" else ("reads", "deep", options.reads_id)
    )
    asked = [Asked(format, kind, id if client is clients[0] else other_id) for client in clients]
    for label, width in WIDTHS.items():
        places = regions(width, options.requests + 5, seed=width)
        for place in places[:5]:
            for client, file in zip(clients, asked, strict=True):
                client.fetch(file.path(place))
        for client in clients:
            client.clear()
        for place in places[5:]:
            for client, file in zip(clients, asked, strict=True):
                client.fetch(file.path(place))
        for _ in range(options.rounds):
            for client, file in zip(clients, asked, strict=True):
                load = press(client.url, [file.path(place) for place in places], seconds=options.seconds)
                assert load.errors == 0, load
                client.rates.append(load.rate)
        _print(f"{format} {label}", clients)


def _print(label: str, clients: Sequence[Client]) -> None:
    """Print the medians of each server, and what ours are of another's."""
    seen = [[median(each) for each in (c.tickets, c.wholes, c.sizes, c.rates)] for c in clients]
    for number, (client, (ticket, whole, size, rate)) in enumerate(zip(clients, seen, strict=True)):
        print(
            f"{label:12} {'ours' if number == 0 else client.url:24} {ticket:7.2f} ms {whole:7.2f} ms"
            f" {size:11,.0f} {rate:10,.0f}/s"
        )
        if number:
            ratios = [ours / theirs for ours, theirs in zip(seen[0], seen[number], strict=True)]
            print(
                f"{'':12} {'  ours of it':24} {'':2}".rstrip(),
                *(f"{ratio:11.2f}" for ratio in ratios),
                flush=True,
            )


if __name__ == "__main__":
    main()
