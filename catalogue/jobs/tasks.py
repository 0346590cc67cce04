"""The task of procrastinate that does a part of a job."""

import threading
from typing import Final

from procrastinate.contrib.django import app

from catalogue.jobs import parts
from catalogue.jobs.queue import QUEUE, TASK

#: Set when the worker of this process is to stop: jobs end between two inputs.
stopping: Final = threading.Event()


@app.task(name=TASK, queue=QUEUE)
def work_part(part: int) -> None:
    """Do a part of a job."""
    parts.work_part(part, stopping=stopping.is_set)
