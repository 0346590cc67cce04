"""`manage.py demo`: make and ingest the demonstration data and, without `--no-serve`, serve them."""

from argparse import ArgumentParser
from typing import Any

from django.conf import settings
from django.core.management import call_command
from django.core.management.base import BaseCommand

from htsgetsite.demo.data import AUTHORITY, CALLS, PERSON, ingest_demo


class Command(BaseCommand):
    """Make, ingest and serve the demonstration data. Repeated runs leave existing data unchanged."""

    help = "Make and ingest the demonstration data, and serve them."

    def add_arguments(self, parser: ArgumentParser) -> None:
        """Add the options of `serve`, and `--no-serve`."""
        parser.add_argument("--host", default="127.0.0.1", help="address to listen on (default: 127.0.0.1)")
        parser.add_argument("--port", type=int, default=settings.PORT, help="default: PORT, or 8000")
        parser.add_argument("--workers", type=int, default=1, help="number of worker processes (default: 1)")
        parser.add_argument("--no-serve", action="store_true", help="only make and ingest the data")

    def handle(self, *, host: str, port: int, workers: int, no_serve: bool, verbosity: int, **_: Any) -> None:
        """Ingest the data, and serve until SIGTERM or SIGINT."""
        ingest_demo(verbosity=verbosity)
        if not no_serve:
            call_command("serve", host=host, port=port, workers=workers, when_ready=self._invite)

    def _invite(self, address: str) -> None:
        self.stdout.write(
            f"\nServing on {address} (press Ctrl-C to stop). Try these in another terminal:\n\n"
            + "".join(f"  {command}\n" for command in invitation(address))
        )
        self.stdout.flush()


def invitation(address: str) -> list[str]:
    """Return example commands for the demonstration data: three for sequences, four for reads and variants."""
    gene, place = "referenceName=Demo_1&start=21500&end=21560", "referenceName=demo_2&start=40000&end=40100"
    return [
        f"curl '{address}/sequence/{AUTHORITY}:Demo_1?start=21500&end=21560'",
        f"curl '{address}/sequence/{AUTHORITY}:pDemo/metadata'",
        f"curl -H 'Range: bytes=0-59' '{address}/sequence/{AUTHORITY}:DMA1p'",
        f"curl '{address}/reads/{PERSON}?{gene}'",
        f"samtools view '{address}/reads/{PERSON}?{gene}'",
        f"REF_PATH='{address}/md5/%s' samtools view '{address}/reads/{PERSON}?format=CRAM&{place}'",
        f"bcftools view '{address}/variants/{CALLS}?format=BCF&referenceName=Demo_2'",
    ]
