"""Counts runs and what waits for workers, for those who watch the site."""

from typing import NamedTuple

from django.db.models import Count

from catalogue.models import IngestRun, RunPart


class RunCount(NamedTuple):
    """The number of runs of a command with one outcome; queued and running ones are among them."""

    command: str
    outcome: str
    runs: int


def run_counts() -> list[RunCount]:
    """Return the number of runs, by command and outcome. Dry runs are left out."""
    rows = IngestRun.objects.filter(dry_run=False).order_by().values_list("command", "outcome")
    return [RunCount(*row) for row in rows.annotate(runs=Count("pk"))]


def open_parts() -> int:
    """Return the number of parts of jobs that workers have not done, those under way included."""
    return RunPart.objects.count()
