"""Measure htsget tickets for a 30-fold BAM and a VCF (`python -m bench.htsget_tickets`).

It measures latency and requests a second of tickets for 100 b, 10 kb and 1 Mb; the bytes that a client fetches,
compared with a file of the wanted records only; `samtools view` of a ticket and of the local file; and the first
request of a worker.
"""

import argparse
import base64
import http.client
import json
import os
import random
import shutil
import subprocess
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from statistics import median, quantiles
from urllib.parse import urlsplit

import pysam

from bench.htsget_made import CONTIGS, make_bam, make_vcf
from bench.refget_site import own_site, press, serving

WIDTHS = {"100 b": 100, "10 kb": 10_000, "1 Mb": 1_000_000}

Region = tuple[str, int, int]


def main() -> None:
    """Print a table for each measurement."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--requests", type=int, default=400)
    parser.add_argument("--seconds", type=int, default=4)
    parser.add_argument("--cold", type=int, default=5)
    options = parser.parse_args()
    bam, vcf = make_bam(), make_vcf()
    # High rate limits, so that no request is refused; requests are still counted.
    os.environ["THROTTLE_TICKETS_ADDRESS"] = "999999/second"
    with own_site() as home:
        register(home, bam, vcf)
        cold(options.cold)
        with serving("site") as url:
            for kind in ("reads", "variants"):
                latencies(url, kind, requests=options.requests, seconds=options.seconds)
            bytes_fetched(url, bam, vcf)
            end_to_end(url, bam)


def register(home: Path, bam: Path, vcf: Path) -> None:
    """Link the files into the storage of the site and ingest them, public."""
    from django.core.management import call_command

    for command, path, index in (("ingest_bam", bam, ".bai"), ("ingest_vcf", vcf, ".tbi")):
        folder = home / "files" / "bench"
        folder.mkdir(parents=True, exist_ok=True)
        for each in (path, Path(f"{path}{index}")):
            (folder / each.name).hardlink_to(each)
        began = time.perf_counter()
        call_command(command, str(folder / path.name), dataset="bench", public=True, id="bench", verbosity=0)
        size = path.stat().st_size / 1e6
        print(f"{command} of {size:.0f} MB with its index: {time.perf_counter() - began:.2f} s")


def regions(width: int, count: int, *, seed: int) -> list[Region]:
    """Return random regions of the contigs."""
    rng = random.Random(seed)
    found = []
    for _ in range(count):
        name = rng.choice(list(CONTIGS))
        start = rng.randrange(CONTIGS[name] - width)
        found.append((name, start, start + width))
    return found


def path_of(kind: str, region: Region) -> str:
    name, start, end = region
    return f"/{kind}/bench?referenceName={name}&start={start}&end={end}"


def timed(connection: http.client.HTTPConnection, path: str) -> tuple[float, bytes]:
    """Return the seconds from the request to the last byte, and the body."""
    began = time.perf_counter()
    connection.request("GET", path)
    response = connection.getresponse()
    body = response.read()
    seconds = time.perf_counter() - began
    assert response.status == 200, body
    return seconds, body


def latencies(url: str, kind: str, *, requests: int, seconds: int) -> None:
    """Measure one client, then 16 at once."""
    print(
        f"\n{kind}: tickets on one worker        median      p99   |  16 clients: requests/s   median      p99"
    )
    connection = http.client.HTTPConnection(urlsplit(url).netloc)
    for label, width in WIDTHS.items():
        places = regions(width, requests + 20, seed=width)
        seen = [timed(connection, path_of(kind, place))[0] * 1000 for place in places][20:]
        load = press(url, [path_of(kind, place) for place in places], seconds=seconds)
        assert load.errors == 0, load
        print(
            f"  {label:6} {'':22} {median(seen):7.2f} ms {quantiles(seen, n=100)[98]:6.2f} ms"
            f"  | {load.rate:22.0f} {load.median:7.2f} ms {load.p99:6.2f} ms"
        )


def bytes_fetched(url: str, bam: Path, vcf: Path) -> None:
    """Compare the bytes fetched with those of a file that htslib writes of the header and the wanted records."""
    print("\nbytes fetched (tickets as they are, and slices), against a file of the wanted records alone")
    connection = http.client.HTTPConnection(urlsplit(url).netloc)
    with tempfile.TemporaryDirectory() as folder:
        for kind, write in (
            ("reads", write_reads(bam, Path(folder))),
            ("variants", write_variants(vcf, Path(folder))),
        ):
            for label, width in WIDTHS.items():
                fetched, joined, needed = [], [], []
                for place in regions(width, 5 if width > 10**5 else 30, seed=width + 1):
                    _, ticket = timed(connection, path_of(kind, place))
                    blocks = [
                        fetch(connection, entry["url"]) for entry in json.loads(ticket)["htsget"]["urls"]
                    ]
                    fetched.append(len(ticket) + sum(size for size, remote in blocks if remote))
                    joined.append(sum(size for size, _ in blocks))
                    needed.append(write(place))
                print(
                    f"  {kind:8} {label:6} fetched {median(fetched):10.0f}  joined {median(joined):10.0f}"
                    f"  needed {median(needed):10.0f}   fetched/needed {sum(fetched) / sum(needed):5.2f}"
                    f"   joined/needed {sum(joined) / sum(needed):5.2f}"
                )


def fetch(connection: http.client.HTTPConnection, url: str) -> tuple[int, bool]:
    """Return the bytes of one part, and whether they took a request of their own."""
    if url.startswith("data:"):
        return len(base64.b64decode(url.partition(",")[2])), False
    return len(timed(connection, urlsplit(url).path)[1]), True


def write_reads(bam: Path, folder: Path) -> Callable[[Region], int]:
    """Return a function that writes the reads of a region with htslib and returns the size in bytes."""

    def size(region: Region) -> int:
        target = folder / "needed.bam"
        pysam.view(
            "-b",
            "--no-PG",
            "-o",
            str(target),
            str(bam),
            f"{region[0]}:{region[1] + 1}-{region[2]}",
            catch_stdout=False,
        )
        return target.stat().st_size

    return size


def write_variants(vcf: Path, folder: Path) -> Callable[[Region], int]:
    """Return a function that writes the variants of a region with htslib and returns the size in bytes."""

    def size(region: Region) -> int:
        target = folder / "needed.vcf.gz"
        with (
            pysam.VariantFile(str(vcf)) as file,
            pysam.VariantFile(str(target), "wz", header=file.header) as out,
        ):
            for record in file.fetch(*region):
                out.write(record)
        return target.stat().st_size

    return size


def end_to_end(url: str, bam: Path) -> None:
    """Measure `samtools view` of a ticket and of the local file, in turn; the output is discarded."""
    if shutil.which("samtools") is None:
        print("samtools is not installed: no end-to-end times")
        return
    print("\nsamtools view, seconds           ticket    local    ratio")
    for label, width in WIDTHS.items():
        remote, local = [], []
        for name, start, end in regions(width, 11, seed=width + 2):
            remote.append(
                run("samtools", "view", "-o", "/dev/null", f"{url}{path_of('reads', (name, start, end))}")
            )
            local.append(run("samtools", "view", "-o", "/dev/null", str(bam), f"{name}:{start + 1}-{end}"))
        print(
            f"  {label:6} {'':20} {median(remote):9.3f} {median(local):8.3f} {median(remote) / median(local):8.2f}"
        )


def run(*command: str) -> float:
    began = time.perf_counter()
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL)
    return time.perf_counter() - began


def cold(rounds: int) -> None:
    """Compare the first ticket of a new worker, on a new connection, with later ones."""
    first: list[float] = []
    later: list[float] = []
    for round in range(rounds):
        with serving("site") as url:
            places = regions(100, 60, seed=round)
            for seen, place in [(first, places[0]), *((later, place) for place in places[20:])]:
                connection = http.client.HTTPConnection(urlsplit(url).netloc)
                connection.connect()
                seen.append(timed(connection, path_of("reads", place))[0] * 1000)
                connection.close()
    print(
        f"\nfirst 100 b ticket of a worker: median {median(first):.1f} ms, most {max(first):.1f} ms;"
        f" warm {median(later):.1f} ms; ratio {median(first) / median(later):.1f}"
    )


if __name__ == "__main__":
    main()
