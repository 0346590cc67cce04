"""Measure tickets of small answers beside ways that the site does not take (`python -m bench.htsget_inline`).

A small answer is compressed again and travels in the ticket. By ranges, its edges alone do, and the blocks between are
fetched by requests of their own. A BAM is registered twice: with its .bai, whose windows have 16 kb, and with the index
that the site builds, of 4 kb. With a map, a search would begin at the first wanted record, and not where the window of
the .bai does: what a map of the first and last positions of each block could save at most. Processor time in this
process, for the same regions and in turns.
"""

import argparse
import json
import os
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass, field, replace
from pathlib import Path
from statistics import median
from typing import Any
from unittest.mock import patch
from urllib.parse import urlsplit
from wsgiref.util import setup_testing_defaults

import pysam

from bench.htsget_made import make_bam, make_vcf
from bench.htsget_tickets import Region, path_of, regions, register
from bench.refget_site import own_site

#: The widths of regions in bases, up to where answers are too large for a ticket.
_WIDTHS = {"reads": (100, 1_000, 3_000), "variants": (100, 10_000, 100_000)}


@dataclass(slots=True)
class Seen:
    """What one way took a region: milliseconds of processor time, requests for blocks, and bytes of the parts."""

    milliseconds: list[float] = field(default_factory=list)
    requests: list[int] = field(default_factory=list)
    sizes: list[int] = field(default_factory=list)


def main() -> None:
    """Print a line for each kind and width."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--requests", type=int, default=60)
    options = parser.parse_args()
    bam, vcf = make_bam(), make_vcf()
    os.environ |= dict.fromkeys(("THROTTLE_TICKETS_ADDRESS", "THROTTLE_DATA"), "999999/second")
    with own_site() as home:
        register(home, bam, vcf)
        register_without_index(home, bam)
        for kind, widths in _WIDTHS.items():
            for width in widths:
                compare(kind, width, bam, requests=options.requests)


def compare(kind: str, width: int, bam: Path, *, requests: int) -> None:
    """Ask for random regions, once each way."""
    from django.conf import settings

    usual = settings.HTSGET_INLINE_BYTES
    ways = {"in the ticket": Seen(), "by ranges": Seen()}
    if kind == "reads":
        ways |= {"index of 4 kb": Seen(), "with a map": Seen()}
    for number, region in enumerate(regions(width, requests + 10, seed=width)):
        for way, seen in ways.items():
            settings.HTSGET_INLINE_BYTES = 0 if way == "by ranges" else usual
            with beginning_at(first_record(bam, region)) if way == "with a map" else nullcontext():
                path = path_of(kind, region)
                if way == "index of 4 kb":
                    path = path.replace("/bench?", "/fine?")
                fetch(path, seen if number >= 10 else Seen())
    settings.HTSGET_INLINE_BYTES = usual
    for way, seen in ways.items():
        print(
            f"{kind:9} {width:7} b  {way:13}  {median(seen.milliseconds):6.2f} ms (least {min(seen.milliseconds):5.2f})"
            f"  {median(seen.requests):3.0f} requests for blocks  {median(seen.sizes):7.0f} bytes"
        )


def register_without_index(home: Path, bam: Path) -> None:
    """Register the BAM once more, as `fine`, with an index that the site builds."""
    from django.core.management import call_command

    link = home / "files" / "fine" / bam.name
    link.parent.mkdir()
    link.hardlink_to(bam)
    call_command("ingest_bam", str(link), dataset="bench", public=True, id="fine", verbosity=0)


def first_record(bam: Path, region: Region) -> int | None:
    """Return the virtual offset of the first record that overlaps a region; None if it cannot be told."""
    name, start, end = region
    before = None
    with pysam.AlignmentFile(str(bam)) as file:
        for read in file.fetch(name, max(0, start - 3_000), end):
            if read.reference_end is not None and read.reference_end > start:
                return before
            before = int(file.tell())
    return None


@contextmanager
def beginning_at(offset: int | None) -> Iterator[None]:
    """Let the searches of the block begin at a virtual offset."""
    from catalogue.formats.intervals import Chunk, VirtualOffset
    from htsget_app.planning import bgzf

    find: Callable[..., list[Any]] = vars(bgzf)["find_targets"]

    def narrowed(*arguments: Any) -> list[Any]:
        found = find(*arguments)
        if offset is None or len(found) != 1:
            return found
        return [replace(one, chunk=Chunk(VirtualOffset(offset), one.chunk.end)) for one in found]

    with patch.object(bgzf, "find_targets", narrowed):
        yield


def fetch(path: str, seen: Seen) -> None:
    """Get a ticket and its blocks from the application of a worker, without a network."""
    began = time.process_time()
    urls = [entry["url"] for entry in json.loads(answer_of(path))["htsget"]["urls"]]
    size = sum(len(url) for url in urls if url.startswith("data:"))
    remote = [urlsplit(url) for url in urls if not url.startswith("data:")]
    size += sum(len(answer_of(url.path, query=url.query)) for url in remote)
    seen.milliseconds.append((time.process_time() - began) * 1000)
    seen.requests.append(len(remote))
    seen.sizes.append(size)


def answer_of(path: str, *, query: str = "") -> bytes:
    """Return the body of an answer. Raises SystemExit unless it is 200."""
    from htsgetsite.wsgi import application

    path, _, more = path.partition("?")
    environ: dict[str, Any] = {"PATH_INFO": path, "QUERY_STRING": query or more, "REMOTE_ADDR": "127.0.0.1"}
    setup_testing_defaults(environ)
    told: list[str] = []

    def start(status: str, headers: object, error: object = None) -> Callable[[bytes], object]:
        told.append(status)
        return bytes

    body = application(environ, start)
    try:
        joined = b"".join(body)
    finally:
        if hasattr(body, "close"):
            body.close()
    if not told[0].startswith("200"):
        raise SystemExit(f"{path} was answered with {told[0]}: {joined[:300]!r}")
    return joined


if __name__ == "__main__":
    main()
