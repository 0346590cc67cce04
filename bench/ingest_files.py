"""Measure the ingest of many small files (`python -m bench.ingest_files`): with indexes, without, and repeated.

The files are made once. Every round starts with an empty catalogue; the numbers of processes take turns, so that other
work on the machine affects all equally. It prints the median of the rounds, in seconds and files a second.
"""

import argparse
import io
import time
from collections import defaultdict
from pathlib import Path
from statistics import median

import pysam

from bench.refget_site import own_site

CONTIGS = {f"chr{number}": 1_000_000 for number in range(1, 26)}
READS = 200


def make_bam(path: Path, *, number: int, index: bool) -> None:
    """Make a BAM of 25 contigs, with their md5 in the header and `READS` reads."""
    lines = [
        f"@SQ\tSN:{name}\tLN:{length}\tM5:{at:032x}" for at, (name, length) in enumerate(CONTIGS.items())
    ]
    header = pysam.AlignmentHeader.from_text(
        "\n".join(["@HD\tVN:1.6\tSO:coordinate", *lines, f"@RG\tID:1\tSM:sample{number}", ""])
    )
    with pysam.AlignmentFile(str(path), "wb", header=header) as file:
        for at in range(READS):
            contig, start = divmod(at, READS // len(CONTIGS))
            name = header.references[min(contig, len(CONTIGS) - 1)]
            place = 1 + 1000 * start + number + 9000 * max(0, contig - len(CONTIGS) + 1)
            line = f"r{at}\t0\t{name}\t{place}\t60\t100M\t*\t0\t0\t{'ACGTG' * 20}\t{'F' * 100}\tRG:Z:1"
            file.write(pysam.AlignedSegment.fromstring(line, header))
    if index:
        pysam.index(str(path))


def ingest(folder: str, *, jobs: int) -> float:
    """Return the seconds that the command takes, without its start."""
    from django.core.management import call_command

    began = time.perf_counter()
    call_command(
        "ingest_bam", f"files:{folder}/", "--dataset", "bench", "--jobs", str(jobs), stdout=io.StringIO()
    )
    return time.perf_counter() - began


def forget() -> None:
    """Empty the catalogue and remove built indexes."""
    from catalogue.models import Contig, DataFile, Dataset, Sequence
    from catalogue.storage import FILES, storage

    Contig.objects.all().delete()
    for model in (DataFile, Dataset, Sequence):
        model.objects.all().delete()
    for found in list(storage(FILES).list("index/")):
        storage(FILES).delete(found.key)


def main() -> None:
    """Print a table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--files", type=int, default=1000)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--jobs", type=int, nargs="+", default=[1, 2, 4])
    options = parser.parse_args()
    with own_site() as home:
        top = home / "files"
        for folder in ("indexed", "bare"):
            (top / folder).mkdir(parents=True)
            for number in range(options.files):
                make_bam(top / folder / f"s{number}.bam", number=number, index=folder == "indexed")
        size = sum(path.stat().st_size for path in (top / "bare").iterdir()) / options.files
        taken: defaultdict[tuple[str, int], list[float]] = defaultdict(list)
        for _ in range(options.rounds):
            for jobs in options.jobs:
                forget()
                taken["index beside the file", jobs].append(ingest("indexed", jobs=jobs))
                taken["again, unchanged", jobs].append(ingest("indexed", jobs=jobs))
                forget()
                taken["index to be built", jobs].append(ingest("bare", jobs=jobs))
    print(f"{options.files} BAM files of {size / 1000:.0f} kB, {len(CONTIGS)} contigs and {READS} reads each")
    for (what, jobs), seconds in sorted(taken.items()):
        middle = median(seconds)
        print(
            f"{what:24} --jobs {jobs}  {middle:6.2f} s  {options.files / middle:6.0f} files/s"
            f"  ({min(seconds):.2f} to {max(seconds):.2f})"
        )


if __name__ == "__main__":
    main()
