"""Compare rewritten records with local samtools and bcftools (`python -m bench.htsget_rewritten`).

It measures tag removal, field blanking and every conversion, for one region of a 30-fold genome and for variants: the
seconds until a client has all parts, in turn with `samtools view` or `bcftools view` of the local file; the time to the
first byte for a region of 100 b; and the peak memory of the processes of one conversion. With `--long-contig` it only
measures that memory for conversions between BAM and CRAM of reads on a contig of so many bases.
"""

import argparse
import base64
import json
import os
import random
import statistics
import subprocess
import threading
import time
import urllib.request
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

import psutil
import pysam

from bench.htsget_made import KEPT, REFERENCE, make_bam, make_cram, make_long_contig, make_vcf
from bench.refget_site import own_site, serving

#: Bases of chr1 that are requested.
SPAN = 4_000_000
_RUNS = 5


def main() -> None:
    """Print a line for each conversion."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--runs", type=int, default=_RUNS)
    parser.add_argument("--long-contig", type=int, metavar="BASES")
    options = parser.parse_args()
    if options.long_contig:
        long_contig(options.long_contig)
        return
    bam, cram, vcf, bcf, reference = files()
    # The sixteen slow readers all begin at once.
    os.environ["STREAM_LIMIT"] = "20"
    with own_site() as home:
        register(home, {"bam": bam, "cram": cram, "vcf": vcf, "bcf": bcf}, reference)
        with serving("site") as url:
            where = f"referenceName=chr1&start=0&end={SPAN}"
            locally = f"chr1:1-{SPAN}"
            decode = ("-T", str(reference))
            cases = {
                "tags removed, BAM": (
                    f"{url}/reads/bam?{where}&notags=RG",
                    ["samtools", "view", "-b", "-x", "RG", str(bam), locally],
                ),
                "fields blanked, BAM": (
                    f"{url}/reads/bam?{where}&fields=QNAME,FLAG,RNAME,POS,MAPQ,CIGAR",
                    ["samtools", "view", "-b", str(bam), locally],
                ),
                "CRAM to BAM": (
                    f"{url}/reads/cram?format=BAM&{where}",
                    ["samtools", "view", "-b", *decode, str(cram), locally],
                ),
                "BAM to CRAM": (
                    f"{url}/reads/bam?format=CRAM&{where}",
                    [
                        "samtools",
                        "view",
                        "-C",
                        "--output-fmt-option",
                        "version=3.0",
                        *decode,
                        str(bam),
                        locally,
                    ],
                ),
                "VCF to BCF": (
                    f"{url}/variants/vcf?format=BCF&{where}",
                    ["bcftools", "view", "-Ob", str(vcf), locally],
                ),
                "BCF to VCF": (
                    f"{url}/variants/bcf?format=VCF&{where}",
                    ["bcftools", "view", "-Oz", str(bcf), locally],
                ),
            }
            print(
                f"{'':22} {'ours s':>8} {'local s':>8} {'speed':>6} {'MB/s':>7} {'records/s':>10} {'memory MB':>10}"
            )
            for name, (address, command) in cases.items():
                compare(name, address, command, runs=options.runs)
            first_byte(url)
            slow_readers(url)


def files() -> tuple[Path, Path, Path, Path, Path]:
    """Make the files of the other benches in both formats of their kind, and the reference of the reads."""
    bam, vcf = make_bam(), make_vcf()
    cram, bcf, reference = make_cram(), KEPT / "deep.bcf", REFERENCE
    if not bcf.exists():
        run(["bcftools", "view", "-Ob", "-o", str(bcf), str(vcf)])
        run(["bcftools", "index", str(bcf)])
    return bam, cram, vcf, bcf, reference


def long_contig(bases: int) -> None:
    """Print the peak memory of conversions that decode or encode against a contig of so many bases."""
    reference, bam = make_long_contig(bases)
    cram = bam.with_suffix(".cram")
    run(["samtools", "view", "-C", "-T", str(reference), "-o", str(cram), str(bam)])
    run(["samtools", "index", str(cram)])
    with own_site() as home:
        register(home, {"bam": bam, "cram": cram}, reference)
        with serving("site") as url:
            for address in (f"{url}/reads/bam?format=CRAM", f"{url}/reads/cram?format=BAM"):
                with most_memory() as memory:
                    took = seconds(lambda address=address: fetch(address))  # type: ignore[misc]
                print(f"{address.partition('/reads/')[2]}: {took:.2f} s, {memory[0] / 1e6:.0f} MB")


def register(home: Path, files: Mapping[str, Path], reference: Path) -> None:
    """Ingest the files in place, public, by id, with the reference as their collection."""
    from django.core.management import call_command

    call_command("ingest_fasta", str(reference), collection="bench", verbosity=0)
    folder = home / "files" / "bench"
    folder.mkdir(parents=True, exist_ok=True)
    for name, path in files.items():
        for each in path.parent.glob(f"{path.name}*"):
            (folder / each.name).hardlink_to(each)
        command = "ingest_bam" if name in ("bam", "cram") else "ingest_vcf"
        call_command(
            command,
            str(folder / path.name),
            dataset="bench",
            public=True,
            id=name,
            collection="bench",
            verbosity=0,
        )


def compare(name: str, address: str, command: list[str], *, runs: int) -> None:
    """Measure both in turn, and print the medians."""
    ours, local = [], []
    size = 0
    with most_memory() as memory:
        for _ in range(runs):
            ours.append(seconds(lambda: fetch(address)))
            local.append(seconds(lambda: run([*command, "-o", "/dev/null"])))
    answer = KEPT / "answer"
    answer.write_bytes(fetch(address))
    size = answer.stat().st_size
    records = count(answer, variants="variants" in address)
    mine, theirs = statistics.median(ours), statistics.median(local)
    print(
        f"{name:22} {mine:8.2f} {theirs:8.2f} {theirs / mine:6.2f} {size / mine / 1e6:7.1f} {records / mine:10,.0f}"
        f" {memory[0] / 1e6:10.0f}"
    )


def first_byte(url: str) -> None:
    """Print the time of a ticket for 100 b that contains the whole rewritten answer."""
    rng, times = random.Random(1), []
    for _ in range(50):
        start = rng.randrange(10_000_000)
        address = f"{url}/reads/bam?referenceName=chr1&start={start}&end={start + 100}&notags=RG"
        times.append(seconds(lambda address=address: fetch(address)) * 1000)  # type: ignore[misc]
    print(f"100 b with a tag removed: {statistics.median(times):.1f} ms (median of 50)")


def slow_readers(url: str) -> None:
    """Print the times of tickets and of a fast client, with and without sixteen clients that read 10 kB a second."""
    where = f"{url}/reads/bam?referenceName=chr1&start=0&end={SPAN}"
    entries = json.loads(urllib.request.urlopen(f"{where}&notags=RG").read())["htsget"]["urls"]
    large = next(entry["url"] for entry in entries if entry["url"].startswith("http"))
    stop = threading.Event()

    def read_slowly() -> None:
        with urllib.request.urlopen(large) as answer:
            while not stop.is_set() and answer.read(1000):
                stop.wait(0.1)

    def measured() -> tuple[float, float]:
        tickets = [seconds(lambda: fetch(f"{where[: where.index('end=')]}end=100")) for _ in range(40)]
        fast = [seconds(lambda: urllib.request.urlopen(large).read()) for _ in range(3)]
        return statistics.median(tickets) * 1000, statistics.median(fast) * 1000

    alone = measured()
    readers = [threading.Thread(target=read_slowly) for _ in range(16)]
    for reader in readers:
        reader.start()
    time.sleep(5)
    beside = measured()
    stop.set()
    for reader in readers:
        reader.join()
    for what, before, after in zip(("ticket of 100 b", "one derived part"), alone, beside, strict=True):
        print(f"{what} beside 16 slow readers: {after:.1f} ms, without {before:.1f} ms: {after / before:.2f}")


def fetch(address: str) -> bytes:
    """Fetch the parts of a ticket one after the other; return the joined bytes."""
    urls = json.loads(urllib.request.urlopen(address).read())["htsget"]["urls"]
    return b"".join(
        base64.b64decode(entry["url"].partition(",")[2])
        if entry["url"].startswith("data:")
        else urllib.request.urlopen(
            urllib.request.Request(entry["url"], headers=entry.get("headers", {}))
        ).read()
        for entry in urls
    )


def count(path: Path, *, variants: bool) -> int:
    if variants:
        with pysam.VariantFile(str(path)) as file:
            return sum(1 for _ in file)
    return int(run(["samtools", "view", "-c", "-T", str(KEPT / "deep.fa"), str(path)]))


@contextmanager
def most_memory() -> Iterator[list[int]]:
    """Watch the processes of conversions; the list gets the peak resident bytes of those of one conversion together."""
    most, done = [0], threading.Event()

    def watch() -> None:
        while not done.wait(0.02):
            for process in psutil.process_iter(["cmdline"]):
                if "htsget_app.conversion.process" in (process.info["cmdline"] or ()):
                    try:
                        children = process.children(recursive=True)
                        most[0] = max(most[0], sum(child.memory_info().rss for child in children))
                    except psutil.Error:
                        continue

    watcher = threading.Thread(target=watch)
    watcher.start()
    try:
        yield most
    finally:
        done.set()
        watcher.join()


def seconds(work: Callable[[], object]) -> float:
    began = time.perf_counter()
    work()
    return time.perf_counter() - began


def run(command: list[str]) -> str:
    return subprocess.run(command, check=True, capture_output=True, text=True).stdout


if __name__ == "__main__":
    main()
