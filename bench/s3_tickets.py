"""Compare tickets and refget slices from a folder and an object store with latency (`python -m bench.s3_tickets`).

The latencies are 0 and 20 ms. The reads are those of `bench.htsget_tickets`, which has more detailed local figures.
"edges anew" are tickets for positions that were not requested before, "hot" those for fifty positions, repeatedly.
"""

import argparse
import contextlib
import http.client
import os
import subprocess
import sys
import tempfile
import time
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from random import Random
from statistics import median, quantiles
from urllib.parse import urlsplit

from bench.htsget_made import make_bam
from bench.htsget_tickets import WIDTHS, path_of, regions, timed
from bench.refget_site import make_residues, own_site, press, serving

#: Names of storages, and the latency of their answers in seconds.
LATENCIES = {"far0": 0.0, "far20": 0.020}
LENGTH = 1_000_000


@contextlib.contextmanager
def stores(root: Path) -> Iterator[dict[str, str]]:
    """Run a store for each latency, all with the same buckets, and yield their URLs."""
    processes = [
        subprocess.Popen(
            [sys.executable, "-m", "bench.s3_store", str(root), "--latency", str(latency)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        for latency in LATENCIES.values()
    ]
    try:
        ports = [process.stdout.readline().strip() for process in processes if process.stdout]
        yield {name: f"http://127.0.0.1:{port}" for name, port in zip(LATENCIES, ports, strict=True)}
    finally:
        for process in processes:
            if process.stdin:
                process.stdin.close()
            process.wait(30)


def counts(store: str) -> tuple[int, int]:
    """Return the number of requests to a store, and the bytes that it sent."""
    with urllib.request.urlopen(f"{store}/counts") as answer:
        requests, sent = answer.read().split()
    return int(requests), int(sent)


def main() -> None:
    """Print the figures."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--requests", type=int, default=150)
    parser.add_argument("--seconds", type=int, default=4)
    options = parser.parse_args()
    bam = make_bam()
    with tempfile.TemporaryDirectory(dir=bam.parent) as folder:
        bucket = Path(folder) / "bucket"
        bucket.mkdir()
        for file in (bam, Path(f"{bam}.bai")):
            (bucket / file.name).hardlink_to(file)
        with stores(Path(folder)) as urls:
            described = {
                name: f"s3://bucket?endpoint_url={url}&region=eu-west-2" for name, url in urls.items()
            }
            os.environ |= {
                "AWS_ACCESS_KEY_ID": "bench",
                "AWS_SECRET_ACCESS_KEY": "bench",
                "THROTTLE_TICKETS_ADDRESS": "999999/second",
                "NO_PROXY": "127.0.0.1",
            }
            with own_site(described):
                register(bam, urls)
                names = hold(Path(folder) / "bucket")
                with serving("site") as site:
                    tickets(site, urls, requests=options.requests, seconds=options.seconds)
                    slices(site, names, seconds=options.seconds)


def register(bam: Path, urls: dict[str, str]) -> None:
    """Ingest the reads from each storage, and print what that read."""
    from django.conf import settings
    from django.core.management import call_command

    place = Path(settings.HTSGETSITE_HOME) / "files"
    place.mkdir(parents=True, exist_ok=True)
    for file in (bam, Path(f"{bam}.bai")):
        (place / file.name).hardlink_to(file)
    told = {"dataset": "bench", "public": True, "verbosity": 0}
    call_command("ingest_bam", str(place / bam.name), id="local", **told)
    size = bam.stat().st_size
    for name, url in urls.items():
        before, began = counts(url), time.perf_counter()
        call_command("ingest_bam", f"{name}:{bam.name}", id=name, **told)
        requests, sent = (after - earlier for after, earlier in zip(counts(url), before, strict=True))
        index = Path(f"{bam}.bai").stat().st_size
        print(
            f"ingest_bam of {size / 1e6:.0f} MB at {name}: {time.perf_counter() - began:.2f} s, {requests} requests,"
            f" {sent / 1e6:.2f} MB, of which {index / 1e6:.2f} MB are the index:"
            f" {(sent - index) / size:.2%} of the object"
        )


def tickets(site: str, urls: dict[str, str], *, requests: int, seconds: int) -> None:
    """Measure the latency of one client, and the tickets a second of 16 clients with one worker."""
    connection = http.client.HTTPConnection(urlsplit(site).netloc)
    print(
        "\ntickets on one worker              median      p99   reads  | 16 clients: requests/s   median      p99"
    )
    for label, width in WIDTHS.items():
        for name in ("local", *urls):
            path = f"/reads/{name}"
            for turn, places in (
                ("edges anew", regions(width, requests, seed=width)),
                ("hot", regions(width, 50, seed=width + 1)),
            ):
                if name == "local" and turn == "hot":
                    continue
                targets = [path_of("reads", place).replace("/reads/bench", path) for place in places]
                if turn == "hot":
                    for target in targets:
                        timed(connection, target)
                before = counts(urls[name])[0] if name in urls else 0
                seen = [timed(connection, target)[0] * 1000 for target in targets]
                reads = (counts(urls[name])[0] - before) / len(targets) if name in urls else 0.0
                line = (
                    f"  {label:6} {name:6} {turn:12} {median(seen):10.2f} ms"
                    f" {quantiles(seen, n=100)[98]:7.2f} ms {reads:5.1f}"
                )
                if turn == "edges anew" and name in urls:
                    more = regions(width, 4000, seed=width + 2)
                    targets = [path_of("reads", place).replace("/reads/bench", path) for place in more]
                load = press(site, targets, seconds=seconds)
                print(
                    f"{line}   | {load.rate:22.0f} {load.median:7.2f} ms {load.p99:6.2f} ms"
                    f"{f'   errors {load.errors}' if load.errors else ''}"
                )


def hold(bucket: Path) -> dict[str, str]:
    """Store a sequence in each storage; return their md5 by storage."""
    from bench.refget_site import hold as hold_locally
    from catalogue.formats.digests import sequence_digests
    from catalogue.models import ResidueBlob, Sequence

    held = {"local": hold_locally(make_residues(LENGTH, 1))}
    for seed, name in enumerate(LATENCIES, 2):
        residues = make_residues(LENGTH, seed)
        digests = sequence_digests(residues)
        (bucket / digests.md5_hex).write_bytes(residues)
        blob = ResidueBlob.objects.create(storage=name, key=digests.md5_hex, size=len(residues))
        Sequence.objects.create(
            md5=digests.md5, sha512t24u=digests.sha512t24u, length=len(residues), blob=blob, offset=0
        )
        held[name] = digests.md5_hex
    return held


def slices(site: str, names: dict[str, str], *, seconds: int) -> None:
    """Measure requests for 1,000 residues of a cached sequence."""
    chosen = Random(7)
    connection = http.client.HTTPConnection(urlsplit(site).netloc)
    print(
        "\nrefget, 1,000 residues, one worker    median      p99  | 16 clients: requests/s   median      p99"
    )
    for place, name in names.items():
        starts = [chosen.randrange(LENGTH - 1000) for _ in range(3000)]
        targets = [f"/sequence/{name}?start={start}&end={start + 1000}" for start in starts]
        seen = [timed(connection, target)[0] * 1000 for target in targets[:320]][20:]
        load = press(site, targets, seconds=seconds)
        print(
            f"  {place:6} {'':20} {median(seen):8.2f} ms {quantiles(seen, n=100)[98]:7.2f} ms  |"
            f" {load.rate:22.0f} {load.median:7.2f} ms {load.p99:6.2f} ms"
            f"{f'   errors {load.errors}' if load.errors else ''}"
        )


if __name__ == "__main__":
    main()
