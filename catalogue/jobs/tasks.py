"""The tasks of procrastinate: one does a part of a job, one looks every minute for jobs of the night."""

import logging
import threading
from typing import Final

from django.db import Error as DatabaseError
from django.utils import timezone
from procrastinate.contrib.django import app

from catalogue.jobs import nightly, parts
from catalogue.jobs.queue import QUEUE, TASK

log = logging.getLogger(__name__)

#: Set when the worker of this process is to stop: jobs end between two inputs.
stopping: Final = threading.Event()


@app.task(name=TASK, queue=QUEUE)
def work_part(part: int) -> None:
    """Do a part of a job."""
    try:
        parts.work_part(part, stopping=stopping.is_set)
    except DatabaseError as error:
        # Recovery queues the part again.
        log.warning("a worker lost the database: %s", error)


@app.periodic(cron="* * * * *", periodic_id="nightly")
@app.task(name="catalogue.jobs.start_nightly", queue=QUEUE, queueing_lock="nightly", priority=1)
def start_nightly(timestamp: int) -> None:
    """Start the jobs of the night; procrastinate queues this once for all workers."""
    try:
        nightly.start_nightly(timezone.now())
    except DatabaseError as error:
        log.warning("a worker lost the database: %s", error)
