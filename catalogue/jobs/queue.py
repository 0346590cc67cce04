"""Puts parts of jobs into the queue of procrastinate.

The queue only wakes workers: what there is to do are the rows of `RunPart`. A part that is queued twice does no harm.
"""

from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import Final

from django.db import connection
from procrastinate.contrib.django import app

from catalogue.models import RunPart

TASK: Final = "catalogue.jobs.work_part"
QUEUE: Final = "jobs"

_QUEUED = """
    SELECT (args ->> 'part')::bigint FROM procrastinate_jobs
    WHERE status = 'todo' AND task_name = %s AND (args ->> 'part')::bigint = ANY(%s)"""
_FORGET = """
    DELETE FROM procrastinate_jobs WHERE queue_name = %s AND (
        status NOT IN ('todo', 'doing') OR (status = 'doing' AND worker_id IS NULL))"""


def queue_parts(parts: Iterable[RunPart], *, at: datetime | None = None) -> None:
    """Queue parts, in the transaction of the caller; workers take them from the time `at` on.

    Those with low numbers come first, whichever job they are of.
    """
    for part in parts:
        # Parts of a long job let those of a short one pass.
        app.configure_task(TASK, queue=QUEUE, priority=-part.number, schedule_at=at).defer(part=part.pk)


def queued(parts: Sequence[int]) -> set[int]:
    """Return which of the parts wait in the queue."""
    with connection.cursor() as cursor:
        cursor.execute(_QUEUED, [TASK, list(parts)])
        return {pk for (pk,) in cursor.fetchall()}


def forget_ended() -> None:
    """Remove the queue's rows of parts that ended, and of workers that were removed."""
    with connection.cursor() as cursor:
        cursor.execute(_FORGET, [QUEUE])
