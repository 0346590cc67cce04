"""Measure `ingest_fasta` (`python -m bench.ingest_fasta`): a chromosome, compared with md5sum and sha512sum; proteins.

The files are made once. Every round starts with an empty catalogue, and runs each case once in a process of its own, in
turn with the two hash programs, so that other work on the machine affects all equally. Seconds are those that the
command reports, without the start of the interpreter. It prints medians, and the highest peak of resident memory.
"""

import argparse
import os
import random
import re
import subprocess
import sys
import time
from collections import defaultdict
from collections.abc import Callable, Iterator
from pathlib import Path
from statistics import median

from bench.refget_site import ROOT, own_site

LINE = 60
PROTEIN = 400
_SECONDS = re.compile(r"([\d.]+) s$")


def wrapped(residues: bytes) -> bytes:
    """Split residues into lines of `LINE`."""
    return b"\n".join(residues[at : at + LINE] for at in range(0, len(residues), LINE)) + b"\n"


def make_chromosome(path: Path, *, megabases: int, one_line: bool) -> None:
    """Make random bases, partly soft-masked, in short lines or in one line."""
    rng = random.Random(megabases)
    with path.open("wb") as file:
        file.write(b">chromosome\n")
        for _ in range(megabases):
            piece = rng.randbytes(960_000).translate(
                bytes(b"ACGTacgt"[i & 3 | (i >> 5 & 4)] for i in range(256))
            )
            file.write(piece if one_line else wrapped(piece))
        file.write(b"\n")


def protein(number: int, source: bytes) -> bytes:
    """Return a protein that differs from those of all other numbers."""
    start = number * 7919 % (len(source) - PROTEIN)
    mark = bytes(65 + (number >> 4 * shift & 15) for shift in range(6))
    return mark + source[start : start + PROTEIN - len(mark)]


def make_proteins(path: Path, *, count: int, header: Callable[[int], str]) -> None:
    """Make `count` different proteins of `PROTEIN` residues."""
    source = bytes(random.Random(1).choices(b"ACDEFGHIKLMNPQRSTVWY", k=1 << 20))
    with path.open("wb") as file:
        for number in range(count):
            file.write(b">" + header(number).encode() + b"\n" + wrapped(protein(number, source)))


def plain_header(number: int) -> str:
    """Return a header line whose name becomes an alias only with `--authority`."""
    return f"protein{number}"


def uniprot_header(number: int) -> str:
    """Return a header line of UniProt, which gives three names; the symbol of a gene is short, and that of several."""
    a, b, c, d = (chr(65 + number // 26**place % 26) for place in range(4))
    tens, ones = divmod(number // 26**4, 10)
    accession = f"A0{a}{b}{c}{tens}{d}AA{ones}"
    title = f"Protein {number} OS=Homo sapiens OX=9606 GN={d}{a}{c}{b}{number % 9} PE=4 SV=1"
    return f"tr|{accession}|{accession}_HUMAN {title}"


def empty_catalogue() -> None:
    """Remove every sequence with its names, and the stored residues."""
    from django.db import connection

    from catalogue.storage import SEQUENCES, storage

    with connection.cursor() as cursor:
        cursor.execute("TRUNCATE catalogue_sequence, catalogue_residueblob CASCADE")
    place = storage(SEQUENCES)
    # Makes the folder of the storage if nothing was stored yet.
    place.staging()
    for found in list(place.list()):
        place.delete(found.key)


def ingest(path: Path, *options: str) -> tuple[float, int]:
    """Return the seconds of the command, and its peak of resident memory in bytes."""
    with subprocess.Popen(
        [sys.executable, ROOT / "manage.py", "ingest_fasta", path, *options],
        stdout=subprocess.PIPE,
        text=True,
    ) as process:
        assert process.stdout is not None
        said = process.stdout.read().strip()
        _, status, usage = os.wait4(process.pid, 0)
        process.returncode = os.waitstatus_to_exitcode(status)
    found = _SECONDS.search(said)
    if process.returncode or found is None:
        raise SystemExit(f"the ingest failed: {said}")
    return float(found[1]), usage.ru_maxrss * 1024


def hashing(program: str, path: Path) -> float:
    """Return the seconds of md5sum or sha512sum for the same file."""
    began = time.perf_counter()
    subprocess.run([program, path], stdout=subprocess.DEVNULL, check=True)
    return time.perf_counter() - began


def cases(folder: Path, *, megabases: int, proteins: int) -> Iterator[tuple[str, Path, tuple[str, ...]]]:
    """A case to measure: its name, the file, and options of the command."""
    for name, one_line in (("chromosome in lines", False), ("chromosome in one line", True)):
        path = folder / f"{name}.fa"
        make_chromosome(path, megabases=megabases, one_line=one_line)
        yield name, path, ()
    for name, header in (("proteins, one name each", plain_header), ("proteins of UniProt", uniprot_header)):
        path = folder / f"{name}.fa"
        make_proteins(path, count=proteins, header=header)
        yield name, path, ("--authority", "lab") if header is plain_header else ()


def main() -> None:
    """Print one line per case."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--megabases", type=int, default=260)
    parser.add_argument("--proteins", type=int, default=1_000_000)
    parser.add_argument("--rounds", type=int, default=3)
    arguments = parser.parse_args()
    seconds: dict[tuple[str, str], list[float]] = defaultdict(list)
    memory: dict[str, int] = defaultdict(int)
    with own_site() as home:
        measured = list(cases(home, megabases=arguments.megabases, proteins=arguments.proteins))
        for _ in range(arguments.rounds):
            for name, path, options in measured:
                empty_catalogue()
                for program in ("md5sum", "sha512sum"):
                    seconds[name, program].append(hashing(program, path))
                taken, resident = ingest(path, *options)
                seconds[name, "ingest"].append(taken)
                memory[name] = max(memory[name], resident)
        for name, path, _ in measured:
            size = path.stat().st_size / 1e6
            rate = {what: size / median(seconds[name, what]) for what in ("ingest", "md5sum", "sha512sum")}
            share = rate["ingest"] / min(rate["md5sum"], rate["sha512sum"])
            records = arguments.proteins / median(seconds[name, "ingest"])
            print(
                f"{name}: {rate['ingest']:.0f} MB/s, md5sum {rate['md5sum']:.0f}, sha512sum {rate['sha512sum']:.0f} "
                f"({share:.2f} of the slower)"
                + (f"; {records:,.0f} records a second" if name.startswith("proteins") else "")
                + f"; at most {memory[name] / 1e6:.0f} MB resident"
            )


if __name__ == "__main__":
    main()
