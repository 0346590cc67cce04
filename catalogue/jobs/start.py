"""Starts, cancels and retries jobs, and does one at once in this process."""

from collections.abc import Mapping
from typing import Any, Final

from django.db import transaction
from django.utils import timezone

from catalogue.errors import CatalogueError
from catalogue.ingest.transactions import advisory_lock
from catalogue.jobs.kinds import kind_of
from catalogue.jobs.locks import remove_free_parts
from catalogue.jobs.parts import end_run
from catalogue.jobs.queue import queue_parts
from catalogue.models import IngestRun, RunPart, RunProgress
from catalogue.request_context import process_account

#: Outcomes after which a job may be retried.
RETRYABLE: Final = (IngestRun.Outcome.FAILED, IngestRun.Outcome.INTERRUPTED, IngestRun.Outcome.CANCELLED)


class NotPossible(CatalogueError):
    """The job is in a state in which this cannot be done."""


def start(
    kind: str,
    arguments: Mapping[str, Any],
    *,
    attachment: Mapping[str, Any] | None = None,
    account: int | None = None,
    actor: str = "",
    dry_run: bool = False,
) -> IngestRun:
    """Queue a job and return its run. A job that waits already with the same arguments is returned instead.

    `attachment` has long arguments, which lists of runs do not load. `account` is the primary key of who starts it, and
    `actor` the name; without them the system account of this process. Raises UnknownKind, JobRefused, and what the
    kind's check raises.
    """
    kind_of(kind).check({**arguments, **(attachment or {})}, dry_run)
    attached = None if attachment is None else dict(attachment)
    with transaction.atomic():
        advisory_lock(f"start {kind}")
        alike = IngestRun.objects.filter(
            command=kind,
            outcome=IngestRun.Outcome.QUEUED,
            account=account,
            arguments=dict(arguments),
            dry_run=dry_run,
            cancel_requested=None,
        )
        alike = (
            alike.filter(attachment__isnull=True) if attached is None else alike.filter(attachment=attached)
        )
        return alike.first() or _queue(
            kind, arguments, attached, account=account, actor=actor, dry_run=dry_run
        )


def _queue(
    kind: str,
    arguments: Mapping[str, Any],
    attachment: Mapping[str, Any] | None,
    *,
    account: int | None,
    actor: str,
    dry_run: bool,
    retry_of: IngestRun | None = None,
) -> IngestRun:
    row = IngestRun.objects.create(
        command=kind,
        arguments=dict(arguments),
        attachment=attachment,
        account_id=account,
        of_account=account is not None,
        actor=actor or process_account(),
        dry_run=dry_run,
        queued=timezone.now(),
        outcome=IngestRun.Outcome.QUEUED,
        retry_of=retry_of,
    )
    RunProgress.objects.create(run=row, phase="waiting for a worker", unit=kind_of(kind).unit)
    queue_parts([RunPart.objects.create(run=row, step=RunPart.Step.PLAN, number=0)])
    return row


def cancel(row: IngestRun) -> IngestRun:
    """End a job: what waits is not begun, and workers stop after the inputs that they are at.

    Returns the run as it is now: over, unless a worker is at it. Raises NotPossible for a run that is over, or is not a
    job.
    """
    with transaction.atomic():
        row = IngestRun.objects.select_for_update().get(pk=row.pk)
        if row.is_over or not row.is_job:
            raise NotPossible(
                "it is over already" if row.is_over else "only background jobs can be cancelled"
            )
        row.cancel_requested = row.cancel_requested or timezone.now()
        row.save(update_fields=["cancel_requested"])
    remove_free_parts(row.pk)
    with transaction.atomic():
        row = IngestRun.objects.select_for_update().get(pk=row.pk)
        if not row.is_over and not RunPart.objects.filter(run=row).exists():
            end_run(row)
    return row


def retry(row: IngestRun, *, account: int | None = None, actor: str = "") -> IngestRun:
    """Queue a new job for what a job did not do: inputs that failed, and those that nobody came to.

    Raises NotPossible for a run that is not over, that succeeded, that is not a job, or that is retried already.
    """
    with transaction.atomic():
        row = IngestRun.objects.select_for_update().get(pk=row.pk)
        if not can_retry(row):
            raise NotPossible(_why_not(row))
        return _queue(
            row.command,
            row.arguments,
            row.attachment,
            account=account,
            actor=actor,
            dry_run=row.dry_run,
            retry_of=row,
        )


def can_retry(row: IngestRun) -> bool:
    """Return whether `retry` is possible."""
    return not _why_not(row)


def can_cancel(row: IngestRun) -> bool:
    """Return whether `cancel` is possible."""
    return row.is_job and not row.is_over


def _why_not(row: IngestRun) -> str:
    if not row.is_job:
        return "only background jobs can be retried; run the command again"
    if not row.is_over:
        return "it is not over yet"
    if row.outcome not in RETRYABLE:
        return "there is nothing left to do"
    return "it is retried already" if row.retries.exists() else ""
