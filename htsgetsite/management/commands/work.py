"""`manage.py work`: does background jobs."""

import os
import sys
from argparse import ArgumentParser
from typing import Any, Final

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError

from catalogue.jobs.worker import run_worker
from htsgetsite.observability.endpoint import serve_metrics

_MAX_CONCURRENCY: Final = 64


class Command(BaseCommand):
    """Does jobs until SIGTERM or Ctrl-C; run it on as many machines as wanted."""

    help = "Do background jobs until told to stop."

    def add_arguments(self, parser: ArgumentParser) -> None:
        """Add the options."""
        parser.add_argument(
            "--concurrency",
            type=int,
            default=min(4, os.cpu_count() or 1),
            metavar="N",
            help="jobs at a time (default: the number of processors, up to 4)",
        )
        parser.add_argument(
            "--until-stdin-closes",
            action="store_true",
            help="also stop when standard input ends: when the program that started the worker has ended",
        )

    def handle(self, *, concurrency: int, until_stdin_closes: bool, **_: Any) -> None:
        """Run the worker."""
        if not 1 <= concurrency <= _MAX_CONCURRENCY:
            raise CommandError(f"--concurrency: expected a number from 1 to {_MAX_CONCURRENCY}")
        # A program that started it shows the metrics of both.
        listen = None if until_stdin_closes else settings.WORK_METRICS_LISTEN
        try:
            end_metrics = serve_metrics(listen)
        except OSError as error:
            raise CommandError(f"Cannot listen on WORK_METRICS_LISTEN: {error.strerror}.") from error
        try:
            run_worker(concurrency=concurrency, until=sys.stdin.buffer.read if until_stdin_closes else None)
        finally:
            end_metrics()
