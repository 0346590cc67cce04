"""Measure lists and searches of registered files (`python -m bench.file_search`).

It prints the median and 95th percentile of each, in milliseconds, and which indexes PostgreSQL used.
"""

import argparse
import base64
import hashlib
import json
import random
import re
import time
from collections.abc import Callable
from statistics import median, quantiles
from typing import Any

from bench.refget_site import own_site


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--files", type=int, default=100_000)
    parser.add_argument("--rounds", type=int, default=60)
    parser.add_argument("--contigs", type=int, default=2, help="of each file, without a sequence")
    options = parser.parse_args()
    with own_site():
        from bench.made_catalogue import make_file_rows

        began = time.perf_counter()
        make_file_rows(options.files, contigs=options.contigs)
        print(f"{options.files:,} files made in {time.perf_counter() - began:.0f} s")
        print("list or search                            median     p95  ms   indexes")
        for name, make in searches(options.files).items():
            measured(name, make, options.rounds)
        missing_references(options.rounds)


def searches(files: int) -> dict[str, Callable[[int], dict[str, Any]]]:
    """Return filters by name; each takes a random number of a file."""
    return {
        "next page, anywhere": lambda n: {"after": ("a" if n % 2 else f"run{n % 40}/sample{n:07}")},
        "by part of an id (sample00...)": lambda n: {"text": f"le{n:07}"},
        "by part of an id, in many": lambda n: {"text": f"run{n % 40}/"},
        "by part of a path": lambda n: {"text": f"/{n}.bam"},
        "by part of a sample": lambda n: {"text": f"umour{n}"},
        "by SHA-256": lambda n: {"text": sha256(n)},
        "by two letters": lambda n: {"text": "ru" if n % 2 else "q7"},
        "by nothing that exists": lambda n: {"text": f"nosuch{n}"},
        "by glob": lambda n: {"ids": (f"run{n % 40}/sample{str(n)[:3]}*",)},
        "by dataset": lambda n: {"datasets": (f"set{n % 20}",)},
        "by dataset and format": lambda n: {"datasets": (f"set{n % 20}",), "formats": ("VCF",)},
        "by state": lambda n: {"states": ("missing", "corrupt", "changed")},
        "by sample": lambda n: {"samples": (f"donor{n % 50000}",)},
    }


def missing_references(rounds: int) -> None:
    """Print the times of listing the contigs that have no sequence, in groups."""
    from catalogue.models import DataFile
    from catalogue.queries.missing_references import contigs_without_sequence

    for name, files in (
        ("contigs without a sequence, of a dataset", DataFile.objects.filter(dataset__slug="set7")),
        ("contigs without a sequence, of all", DataFile.objects.all()),
    ):
        times = []
        for _ in range(rounds):
            began = time.perf_counter()
            contigs_without_sequence(files)
            times.append(1000 * (time.perf_counter() - began))
        print(f"{name:40} {median(times):8.1f} {quantiles(times, n=20)[18]:7.1f}")


def sha256(number: int) -> str:
    """Return the SHA-256 that the row of a file has."""
    return hashlib.sha256(str(number).encode()).hexdigest()


def measured(name: str, make: Callable[[int], dict[str, Any]], rounds: int) -> None:
    """Print the times of one kind of search."""
    from catalogue.models import DataFile
    from catalogue.queries.file_search import FileFilter, file_page, matching_files

    numbers = random.Random(name)
    times = []
    for _ in range(rounds):
        wanted = make(numbers.randrange(1, 100_000))
        after = wanted.pop("after", None)
        cursor = after and base64.urlsafe_b64encode(json.dumps([after, "reads", "BAM"]).encode()).decode()
        began = time.perf_counter()
        files = matching_files(FileFilter(**wanted), within=DataFile.objects.all())
        file_page(files, after=cursor, limit=50)
        times.append(1000 * (time.perf_counter() - began))
    plan = files.order_by("htsget_id", "kind", "format").only("pk")[:51].explain()
    used = ", ".join(dict.fromkeys(re.findall(r"(?:using|on) ((?:file|former|catalogue)\w+)", plan)))
    print(f"{name:40} {median(times):8.1f} {quantiles(times, n=20)[18]:7.1f}      {used}")


if __name__ == "__main__":
    main()
