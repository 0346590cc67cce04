"""Measure `ingest_gff3` (`python -m bench.ingest_annotation`) on an annotation of the size of Ensembl's human one.

It prints seconds by the clock, processor seconds of the command and of PostgreSQL, and the command's peak of resident
memory: for the first ingest, for the same again, and for another release in its place. On a busy machine only the
processor seconds say how long it takes by itself.
"""

import argparse
import os
import subprocess
import sys
import time
from pathlib import Path

import psutil

from bench.annotation_made import make_annotation, make_genome
from bench.refget_site import ROOT, own_site


def database_seconds(home: Path) -> float:
    """Return the processor seconds that the site's PostgreSQL has used so far."""
    postmaster = psutil.Process(int((home / "postgres" / "postmaster.pid").read_text().split()[0]))
    used = postmaster.cpu_times()
    total = used.user + used.system + used.children_user + used.children_system
    for child in postmaster.children():
        times = child.cpu_times()
        total += times.user + times.system
    return float(total)


def measure(home: Path, *command: str) -> str:
    """Run a command; return what it took, and its last line."""
    before, began = database_seconds(home), time.perf_counter()
    with subprocess.Popen(
        [sys.executable, ROOT / "manage.py", *command], stdout=subprocess.PIPE, text=True
    ) as process:
        assert process.stdout is not None
        said = process.stdout.read().strip().splitlines()
        _, status, usage = os.wait4(process.pid, 0)
        process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode:
        raise SystemExit(f"the ingest failed: {said}")
    return (
        f"{time.perf_counter() - began:.0f} s; processor: {usage.ru_utime + usage.ru_stime:.0f} s the command, "
        f"{database_seconds(home) - before:.0f} s PostgreSQL; at most {usage.ru_maxrss / 1e3:.0f} MB resident; "
        f"{said[-1]}"
    )


def main() -> None:
    """Print one line per ingest."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--genes", type=int, default=60_000)
    parser.add_argument("--transcripts", type=int, default=250_000)
    arguments = parser.parse_args()
    with own_site() as home:
        fasta, first, second = home / "genome.fa", home / "first.gff3", home / "second.gff3"
        make_genome(fasta, genes=arguments.genes)
        for seed, path in enumerate((first, second), start=1):
            make_annotation(path, genes=arguments.genes, transcripts=arguments.transcripts, seed=seed)
        print(f"GFF3 of {first.stat().st_size / 1e6:.0f} MB, genome of {fasta.stat().st_size / 1e6:.0f} MB")
        print("genome:", measure(home, "ingest_fasta", str(fasta), "--collection=made"), flush=True)
        fasta.unlink()
        for name, path in (("first", first), ("again", first), ("another release", second)):
            command = ("ingest_gff3", str(path), "--collection=made", "--release=1")
            print(f"{name}:", measure(home, *command), flush=True)


if __name__ == "__main__":
    main()
