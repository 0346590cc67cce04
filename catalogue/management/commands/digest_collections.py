"""`manage.py digest_collections`: computes the digests of collections that have none yet."""

from typing import Any

from django.core.management.base import CommandParser

from catalogue.ingest.collection_digests import collections_without_digests, digest_collection
from catalogue.jobs.maintenance import DIGEST_COLLECTIONS
from catalogue.management.background import background_option, queue_job
from catalogue.management.reporting import ReportingCommand


class Command(ReportingCommand):
    """Digests each collection in its own transaction, so that the command can be stopped and run again."""

    help = "Make the digests of sequence collections 1.0 for the collections that have none yet."

    def add_arguments(self, parser: CommandParser) -> None:
        """Add the options."""
        super().add_arguments(parser)
        background_option(parser)

    def handle(self, **options: Any) -> None:
        """Compute digests; print how many were made, and which collections cannot have them."""
        if options["background"]:
            queue_job(self, DIGEST_COLLECTIONS, {}, options)
            return
        digested, without = 0, []
        for pk, name in collections_without_digests():
            if digest_collection(pk):
                digested += 1
                continue
            without.append(name)
            self.stderr.write(
                f"collection {name!r} has no digest: some of its sequences are known by their md5 only; "
                "ingest them with ingest_fasta, and run this command again"
            )
        summary = f"collections digested: {digested:,}; without a digest: {len(without):,}"
        self.report(
            summary, {"digested": digested, "without": without}, failed=False, as_json=options["json"]
        )
