"""Measure `verify_files` (`python -m bench.verify_files`): per format, quick and deep, and the memory of its process.

Each file has the same records. It prints milliseconds of the quick check, and of the deep one the time, the rate in MB
stored a second, records a second, and the peak resident memory of the process that reads.
"""

import argparse
import resource
import time
from io import StringIO
from multiprocessing import get_context
from pathlib import Path
from typing import Any

import pysam

from bench.refget_site import own_site

CONTIGS = {"one": 200_000_000, "two": 100_000_000}


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--records", type=int, default=400_000)
    options = parser.parse_args()
    with own_site() as home:
        files = make_files(home, options.records)
        print("format       MB   quick ms    deep s    MB/s   records/s   peak MiB")
        for path in files:
            measured(path)


def make_files(home: Path, records: int) -> list[Path]:
    """Write the files and register them."""
    from django.conf import settings
    from django.core.management import call_command

    folder = home / "made"
    settings.HTSGETSITE_STORAGES = {**settings.HTSGETSITE_STORAGES, "made": folder.as_uri()}
    folder.mkdir()
    header = pysam.AlignmentHeader.from_text(
        "@HD\tVN:1.6\tSO:coordinate\n"
        + "".join(f"@SQ\tSN:{name}\tLN:{size}\n" for name, size in CONTIGS.items())
    )
    files = [folder / "a.bam", folder / "a.cram"]
    for path in files:
        mode = "wb" if path.suffix == ".bam" else "wc"
        with pysam.AlignmentFile(
            str(path), mode, header=header, format_options=[] if mode == "wb" else ["no_ref=1"]
        ) as file:
            for number in range(records):
                name, place = ("one", number) if number < records // 2 else ("two", number - records // 2)
                line = f"read{number}\t0\t{name}\t{place * 190 + 1}\t60\t150M\t*\t0\t0\t"
                line += "ACGTTGCAGG" * 15 + "\t" + "".join(chr(40 + (number * at) % 30) for at in range(150))
                file.write(pysam.AlignedSegment.fromstring(line, header))
        pysam.index(str(path))
    lines = [
        "##fileformat=VCFv4.3",
        *(f"##contig=<ID={name},length={size}>" for name, size in CONTIGS.items()),
    ]
    lines.append("#CHROM\tPOS\tID\tREF\tALT\tQUAL\tFILTER\tINFO")
    for number in range(records):
        name, place = ("one", number) if number < records // 2 else ("two", number - records // 2)
        lines.append(f"{name}\t{place * 190 + 1}\trs{number}\tA\tC\t{number % 99}\tPASS\tAF=0.{number % 997}")
    vcf = folder / "b.vcf.gz"
    with pysam.BGZFile(str(vcf), "w", None) as text:
        text.write("\n".join([*lines, ""]).encode())
    pysam.tabix_index(str(vcf), preset="vcf", force=True)
    for command, paths in (("ingest_bam", files), ("ingest_vcf", [vcf])):
        call_command(command, *map(str, paths), "--dataset", "made", stdout=StringIO(), stderr=StringIO())
    return [*files, vcf]


def measured(path: Path) -> None:
    """Print the times of one file."""
    from catalogue.ingest.files.verify import _job
    from catalogue.models import DataFile

    row = DataFile.objects.get(key=path.name)
    size = path.stat().st_size / 1e6
    quick, _, _ = in_process(_job(row, deep=False))
    row.refresh_from_db()
    deep, records, peak = in_process(_job(row, deep=True))
    rates = f"{size / deep:7.1f} {records / deep:11,.0f}"
    print(f"{row.format:8} {size:6.1f} {1000 * quick:10.1f} {deep:9.2f} {rates} {peak:10.0f}")


def in_process(job: Any) -> tuple[float, int, float]:
    """Return the seconds, the records, and the peak memory in MiB of a check in a process of its own."""
    with get_context("fork").Pool(1) as pool:
        taken: tuple[float, int, float] = pool.apply(_check, (job,))
    return taken


def _check(job: Any) -> tuple[float, int, float]:
    from catalogue.ingest.files.checks import check_file

    began = time.perf_counter()
    report = check_file(job)
    seconds = time.perf_counter() - began
    return seconds, report.records or 0, resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


if __name__ == "__main__":
    main()
