"""`manage.py digest_collections`: computes the digests of collections that have none yet."""

from typing import Any

from django.core.management.base import BaseCommand

from catalogue.ingest.collection_digests import collections_without_digests, digest_collection


class Command(BaseCommand):
    """Digests each collection in its own transaction, so that the command can be stopped and run again."""

    help = "Make the digests of sequence collections 1.0 for the collections that have none yet."

    def handle(self, **_: Any) -> None:
        """Compute digests; print how many were made, and which collections cannot have them."""
        digested = without = 0
        for pk, name in collections_without_digests():
            if digest_collection(pk):
                digested += 1
            else:
                without += 1
                self.stdout.write(
                    f"collection {name!r} has no digest: some of its sequences are known by their md5 only; "
                    "ingest them with ingest_fasta, and run this command again"
                )
        self.stdout.write(f"collections digested: {digested:,}; without a digest: {without:,}")
