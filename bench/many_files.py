"""Measure tickets of many human-sized BAM files (`python -m bench.many_files`): of files never asked for, and again.

One BAM is made with the contigs of a human genome: 30-fold depth over the first bases of each, and two reads in each
index window beyond, so that its index has 9 MB. It is registered under many names by the ingest. A server with one
worker is then asked for a region of each file in turn, twice: the first time no worker has seen the file.
"""

import argparse
import http.client
import os
import random
import struct
import time
from pathlib import Path
from statistics import median, quantiles
from urllib.parse import urlsplit

import numpy as np

from bench.htsget_made import DEPTH, KEPT, READ, _header, _reads
from bench.refget_site import own_site, serving
from catalogue.formats import bgzf, binning_pages
from catalogue.formats.binning import first_bin

#: GRCh38: chromosomes 1 to 22, X, Y and the mitochondrion.
LENGTHS = (
    *(248956422, 242193529, 198295559, 190214555, 181538259, 170805979, 159345973, 145138636, 138394717),
    *(133797422, 135086622, 133275309, 114364328, 107043718, 101991189, 90338345, 83257441, 80373285),
    *(58617616, 64444167, 46709983, 50818468, 156040895, 57227415, 16569),
)
CONTIGS = {f"chr{name}": length for name, length in zip([*range(1, 23), "X", "Y", "M"], LENGTHS, strict=True)}
#: Positions from the begin of a contig that have 30-fold depth.
DEEP = 300_000
WINDOW = 1 << 14
WIDTHS = {"100 b": 100, "10 kb": 10_000, "1 Mb": 1_000_000, "all of it": None}
_PER_BLOCK = 150


def make_human_bam() -> Path:
    """Make the BAM and its index, once."""
    path = KEPT / "human.bam"
    if Path(f"{path}.bai").exists():
        return path
    KEPT.mkdir(parents=True, exist_ok=True)
    rng = np.random.default_rng(7)
    genome = rng.integers(0, 4, max(LENGTHS), dtype="u1")
    index = [struct.pack("<4si", b"BAI\1", len(CONTIGS))]
    with path.open("wb") as file:
        file.write(bgzf.deflate(_header(CONTIGS)))
        for number, length in enumerate(LENGTHS):
            starts = _starts(rng, length)
            offsets = []
            for at in range(0, len(starts), _PER_BLOCK):
                block = _reads(rng, number, starts[at : at + _PER_BLOCK], genome, serial=at)
                offsets.append((file.tell() << 16) + block.itemsize * np.arange(len(block)))
                file.write(bgzf.deflate(block.tobytes()))
            index.append(_contig_index(starts, np.append(np.concatenate(offsets), file.tell() << 16)))
        file.write(bgzf.EOF_MARKER)
    index.append(struct.pack("<Q", 0))
    Path(f"{path}.bai").write_bytes(b"".join(index))
    return path


def _starts(rng: np.random.Generator, length: int) -> np.ndarray:
    deep = min(DEEP, length - READ)
    windows = np.arange(deep // WINDOW + 1, (length - READ) // WINDOW) * WINDOW
    sparse = (windows[:, None] + rng.integers(0, WINDOW - READ, (len(windows), 2))).ravel()
    return np.sort(np.concatenate((rng.integers(0, deep, deep * DEPTH // READ), sparse)))


def _contig_index(starts: np.ndarray, offsets: np.ndarray) -> bytes:
    """Return a contig of a BAI with a chunk for each run of records, and for each record where they are sparse."""
    stops = starts + READ
    bins = np.zeros(len(starts), np.int64)
    for level in range(5, 0, -1):
        shift = 29 - 3 * level
        inside = (bins == 0) & (starts >> shift == (stops - 1) >> shift)
        bins = np.where(inside, first_bin(level) + (starts >> shift), bins)
    order = np.argsort(bins, kind="stable")
    sorted_bins = bins[order]
    new = np.append(True, (np.diff(sorted_bins) != 0) | (np.diff(order) != 1) | (starts[order[1:]] >= DEEP))
    firsts = np.flatnonzero(new)
    lasts = np.append(firsts[1:], len(order)) - 1
    begins, ends = offsets[order[firsts]], offsets[order[lasts] + 1]
    numbers, places = np.unique(sorted_bins[firsts], return_index=True)
    parts = [struct.pack("<i", len(numbers) + 1)]
    for number, low, high in zip(numbers.tolist(), places, [*places[1:], len(firsts)], strict=True):
        chunks = np.stack((begins[low:high], ends[low:high]), axis=1)
        parts.append(struct.pack("<Ii", number, high - low) + chunks.astype("<u8").tobytes())
    parts.append(struct.pack("<Ii4Q", 37450, 2, int(offsets[0]), int(offsets[-1]), len(starts), 0))
    linear = np.full(int((stops.max() - 1) >> 14) + 1, 2**63, np.uint64)
    for positions in (starts, stops - 1):
        np.minimum.at(linear, positions >> 14, offsets[:-1].astype(np.uint64))
    known = np.flatnonzero(linear != 2**63)
    linear = linear[known[np.searchsorted(known, np.arange(len(linear)))]]
    return b"".join((*parts, struct.pack("<i", len(linear)), linear.astype("<u8").tobytes()))


def register(home: Path, bam: Path, files: int) -> float:
    """Register the BAM under many names; return the seconds that it takes."""
    from django.core.management import call_command

    folder = home / "files" / "human"
    folder.mkdir(parents=True)
    for number in range(files):
        for suffix in ("", ".bai"):
            (folder / f"h{number:05}.bam{suffix}").hardlink_to(f"{bam}{suffix}")
    began = time.perf_counter()
    call_command("ingest_bam", "files:human/", dataset="human", public=True, jobs=2, verbosity=0)
    return time.perf_counter() - began


def sizes() -> str:
    """Return what the contigs take in the database."""
    from django.db import connection

    with connection.cursor() as cursor:
        cursor.execute("VACUUM ANALYZE catalogue_contig")
        cursor.execute(
            "SELECT pg_total_relation_size('catalogue_contig'), sum(length(index)), count(*),"
            " pg_database_size(current_database()) FROM catalogue_contig"
        )
        total, indexes, rows, database = cursor.fetchone()
    return (
        f"{rows:,} contigs, {indexes / 1e6:,.0f} MB of indexes, {total / 1e6:,.0f} MB with TOAST and keys; "
        f"the database {database / 1e6:,.0f} MB"
    )


def measure(label: str, width: int | None, *, files: list[int]) -> None:
    """Ask a new worker for a region of each file, and again."""
    rng = random.Random(label)
    anew: list[float] = []
    again: list[float] = []
    with serving("site") as url:
        connection = http.client.HTTPConnection(urlsplit(url).netloc)
        for number in [files[0], *files]:
            name = rng.choice([name for name in CONTIGS if name != "chrM"])
            start = rng.randrange(DEEP - 20_000)
            path = _path(number, name, start, width)
            for taken in (anew, again, again):
                taken.append(_timed(connection, path))
    # The first file is asked for beforehand: a worker's first ticket is another matter.
    anew, again = anew[2:], again[4:]
    ratios = [first / median(again[2 * at : 2 * at + 2]) for at, first in enumerate(anew)]
    print(
        f"{label:10} anew {median(anew):6.2f} ms (p90 {quantiles(anew, n=10)[8]:6.2f})"
        f"  again {median(again):6.2f} ms (p90 {quantiles(again, n=10)[8]:6.2f})"
        f"  ratio {median(anew) / median(again):.2f}, median of ratios {median(ratios):.2f}"
    )


def _path(number: int, name: str, start: int, width: int | None) -> str:
    region = f"&start={start}&end={start + width}" if width else ""
    return f"/reads/h{number:05}?referenceName={name}{region}"


def _timed(connection: http.client.HTTPConnection, path: str) -> float:
    began = time.perf_counter()
    connection.request("GET", path)
    response = connection.getresponse()
    body = response.read()
    assert response.status == 200, body
    return 1000 * (time.perf_counter() - began)


def bytes_read(files: list[int]) -> None:
    """Print how many bytes of index the first ticket of a file reads."""
    from django.test import Client

    from catalogue.queries import contigs, forget_files
    from catalogue.queries.binary import binary_rows

    read: list[int] = []

    def counted(query, parameters):  # type: ignore[no-untyped-def]
        rows = binary_rows(query, parameters)
        if "c.index" in query:
            read.append(sum(len(row[4] if len(row) > 4 else row[2]) for row in rows))
        return rows

    vars(contigs)["binary_rows"] = counted
    client = Client(headers={"host": "localhost"})
    rng = random.Random(9)
    for label, width in WIDTHS.items():
        totals, statements = [], []
        for number in files[:40]:
            forget_files()
            read.clear()
            name = rng.choice([name for name in CONTIGS if name != "chrM"])
            start = rng.randrange(DEEP - 20_000)
            answer = client.get(_path(number, name, start, width))
            assert answer.status_code == 200, answer.content
            totals.append(sum(read))
            statements.append(len(read))
        print(
            f"{label:10} bytes of index read: median {median(totals):,.0f}, at most {max(totals):,};"
            f" statements {max(statements)}"
        )


def main() -> None:
    """Register the files, and print a line for each width of regions."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--files", type=int, default=300)
    parser.add_argument("--whole", action="store_true", help="keep indexes whole, as they were before pages")
    options = parser.parse_args()
    os.environ["THROTTLE_TICKETS_ADDRESS"] = "999999/second"
    os.environ["ACCESS_LOG"] = "0"
    bam = make_human_bam()
    print(
        f"BAM of {bam.stat().st_size / 1e6:.0f} MB, BAI of {Path(f'{bam}.bai').stat().st_size / 1e6:.2f} MB"
    )
    if options.whole:
        vars(binning_pages)["MAX_WHOLE"] = 1 << 40
    with own_site() as home:
        seconds = register(home, bam, options.files)
        print(f"{options.files} files registered in {seconds:.1f} s, {options.files / seconds:.1f} a second")
        print(sizes())
        files = list(range(options.files))
        bytes_read(files)
        for label, width in WIDTHS.items():
            random.Random(label).shuffle(files)
            measure(label, width, files=files)


if __name__ == "__main__":
    main()
