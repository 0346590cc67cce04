"""`manage.py prune_audit`: removes old events of the audit."""

from argparse import ArgumentParser
from datetime import timedelta
from typing import Any

from django.core.management.base import BaseCommand, CommandError
from django.utils import timezone

from catalogue import audit, rate_limits


class Command(BaseCommand):
    """Removes events, and records the removal; events can be removed in no other way."""

    help = "Remove the events of the audit that are older than a number of days."

    def add_arguments(self, parser: ArgumentParser) -> None:
        """Require the age: the operator decides how long to keep events, so there is no default."""
        parser.add_argument("--older-than", type=int, required=True, metavar="DAYS", help="at least 1")

    def handle(self, *, older_than: int, **_: Any) -> None:
        """Remove old events, and print how many they were."""
        if not 1 <= older_than <= 100_000:
            raise CommandError("--older-than: expected a number of days, at least 1")
        before = timezone.now() - timedelta(days=older_than)
        removed = audit.prune(before=before)
        rate_limits.forget_past()
        self.stdout.write(f"Removed {removed} events from before {before:%Y-%m-%d %H:%M} UTC.")
