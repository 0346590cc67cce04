"""The processes that read files. They import this module first, which sets Django up where it is not inherited."""

import multiprocessing
import os
import signal
import threading
from multiprocessing.connection import wait as wait_for_any

import django
from django.apps import apps
from django.conf import settings

# The admin imports this while Django is still setting applications up, when the models are ready already.
_SET_UP_HERE = not apps.models_ready
if _SET_UP_HERE:
    django.setup()

from catalogue.ingest.files.indexing import ReadJob  # noqa: E402
from catalogue.ingest.files.reader import FileReading, read_file  # noqa: E402


def begin(storages: dict[str, str]) -> None:
    """Prepare the process: set its storages, leave Control-C to the parent, and end with the parent."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    signal.signal(signal.SIGTERM, signal.SIG_DFL)
    if _SET_UP_HERE:
        settings.HTSGETSITE_STORAGES = storages
    parent = multiprocessing.parent_process()
    if parent is not None:
        threading.Thread(target=_end_with, args=(parent.sentinel,), daemon=True).start()


def read(job: ReadJob) -> FileReading:
    """Read one file."""
    return read_file(job)


def _end_with(parent: int) -> None:
    # Processes of a killed parent would otherwise wait for work forever.
    wait_for_any([parent])
    os._exit(1)
