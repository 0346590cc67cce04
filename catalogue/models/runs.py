"""Models of ingest runs, their inputs, and the parts in which workers do them."""

from django.conf import settings
from django.db import models
from django.db.models import F, Q
from django.utils import timezone
from django.utils.translation import gettext_lazy as _


class _Runs(models.Manager["IngestRun"]):
    """Runs without what they read, which may be long; it is loaded where it is asked for."""

    def get_queryset(self) -> models.QuerySet["IngestRun"]:
        return super().get_queryset().defer("attachment")


class IngestRun(models.Model):
    """One call of a command, or one background job: who ran what, when, and with which outcome.

    A job was `queued` before a worker `started` it; `retry_of` is the job of which it does what was not finished. The
    run of a command has neither. A job stops between two files once `cancel_requested` is set.
    """

    class Outcome(models.TextChoices):
        """The state of a run, and its outcome at the end."""

        QUEUED = "queued", _("queued")
        RUNNING = "running", _("running")
        SUCCEEDED = "succeeded", _("succeeded")
        FAILED = "failed", _("failed")
        INTERRUPTED = "interrupted", _("interrupted")
        CANCELLED = "cancelled", _("cancelled")

    command = models.CharField(max_length=64)
    actor = models.CharField(max_length=255, help_text=_("the account that ran the command"))
    account = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        on_delete=models.SET_NULL,
        null=True,
        blank=True,
        related_name="+",
        help_text=_("who started it on the desk or by the API"),
    )
    of_account = models.BooleanField(
        default=False, editable=False, help_text=_("limited to what the account may do, which may be gone")
    )
    arguments = models.JSONField(default=dict)
    attachment = models.JSONField(
        null=True, editable=False, help_text=_("longer arguments, as the text of a manifest")
    )
    dry_run = models.BooleanField(default=False, help_text=_("reads and checks everything, writes nothing"))
    queued = models.DateTimeField(null=True, blank=True, help_text=_("empty: not a background job"))
    started = models.DateTimeField(default=timezone.now)
    finished = models.DateTimeField(null=True, blank=True)
    outcome = models.CharField(max_length=11, choices=Outcome, default=Outcome.RUNNING)
    cancel_requested = models.DateTimeField(null=True, blank=True)
    retry_of = models.ForeignKey(
        "self", on_delete=models.SET_NULL, null=True, blank=True, related_name="retries"
    )
    summary = models.JSONField(default=dict)

    objects = _Runs()

    class Meta:
        ordering = ("-started",)
        constraints = (
            models.CheckConstraint(
                condition=Q(outcome__in=("queued", "running"), finished__isnull=True)
                | (~Q(outcome__in=("queued", "running")) & Q(finished__isnull=False)),
                name="run_is_finished_unless_running",
                violation_error_message=_(
                    "A run that is neither queued nor running has a time when it finished."
                ),
            ),
            models.CheckConstraint(
                condition=~Q(outcome="queued") | Q(queued__isnull=False),
                name="queued_run_is_a_job",
                violation_error_message=_("Only background jobs are queued."),
            ),
        )
        indexes = (
            models.Index(
                fields=["outcome"],
                condition=Q(outcome__in=("queued", "running")),
                name="run_that_is_not_over",
            ),
        )

    def __str__(self) -> str:
        return f"{self.command} {self.started:%Y-%m-%d %H:%M}"

    @property
    def is_job(self) -> bool:
        """Whether workers do it, in the background."""
        return self.queued is not None

    @property
    def is_over(self) -> bool:
        """Whether it has ended, in whatever way."""
        return self.finished is not None


class IngestedFile(models.Model):
    """One input of a run, and its outcome.

    The inputs of a job wait until a worker has done them: `part` is the number of the part that has the input, and
    `work` what its kind of job needs to know of it.
    """

    class Outcome(models.TextChoices):
        """How it ended."""

        WAITING = "waiting", _("waiting")
        ADDED = "added", _("added")
        CHANGED = "changed", _("changed")
        UNCHANGED = "unchanged", _("unchanged")
        PASSED_OVER = "passed over", _("passed over")
        FAILED = "failed", _("failed")
        CANCELLED = "cancelled", _("cancelled")

    run = models.ForeignKey(IngestRun, on_delete=models.CASCADE, related_name="files")
    source = models.CharField(max_length=1024, help_text=_("as the command was given it"))
    outcome = models.CharField(max_length=11, choices=Outcome)
    message = models.TextField(blank=True)
    counts = models.JSONField(default=dict)
    paths = models.JSONField(default=list, blank=True, help_text=_("of the site, to what was registered"))
    part = models.IntegerField(null=True, editable=False)
    work = models.JSONField(null=True, editable=False)

    class Meta:
        ordering = ("run", "pk")
        indexes = (
            models.Index(fields=["run", "outcome"], name="file_by_run_and_outcome"),
            models.Index(fields=["run", "part"], condition=Q(outcome="waiting"), name="file_that_waits"),
        )

    def __str__(self) -> str:
        return self.source


class RunPart(models.Model):
    """A part of a job that one worker does at a time; it is removed when it is done.

    While a worker has it, the worker's connection holds the advisory lock of its number, so that a part without a
    worker can be told from one that is under way. `attempts` counts how often it was begun since anything was finished,
    `postponed` how often it was put off because a storage did not answer.
    """

    class Step(models.TextChoices):
        """What there is to do: find the inputs, do some of them, or end the job."""

        PLAN = "plan", _("find the inputs")
        WORK = "work", _("do inputs")
        FINISH = "finish", _("end the job")

    run = models.ForeignKey(IngestRun, on_delete=models.CASCADE, related_name="parts")
    step = models.CharField(max_length=6, choices=Step)
    number = models.IntegerField()
    attempts = models.IntegerField(default=0)
    postponed = models.IntegerField(default=0, db_default=0)

    class Meta:
        ordering = ("run", "number")
        constraints = (
            models.UniqueConstraint(
                fields=["run", "number"],
                name="part_has_its_number",
                violation_error_message=_("The job has a part of this number."),
            ),
        )

    def __str__(self) -> str:
        return f"part {self.number} of run {self.run_id}"


class RunProgress(models.Model):
    """How far a job is: `done` of `total` (None: not known yet) in `unit`, since `started`."""

    run = models.OneToOneField(IngestRun, on_delete=models.CASCADE, primary_key=True, related_name="progress")
    phase = models.CharField(max_length=255, blank=True)
    done = models.BigIntegerField(default=0)
    total = models.BigIntegerField(null=True)
    unit = models.CharField(max_length=16, default="files")
    started = models.DateTimeField(default=timezone.now)
    updated = models.DateTimeField(default=timezone.now)

    class Meta:
        constraints = (
            models.CheckConstraint(
                condition=Q(done__gte=0) & (Q(total__isnull=True) | Q(total__gte=F("done"))),
                name="progress_is_within_its_total",
                violation_error_message=_("Not more can be done than there is."),
            ),
        )

    def __str__(self) -> str:
        return f"{self.done} of {self.total} {self.unit}"

    @property
    def rate(self) -> float:
        """Units per second since it started; 0 before any time has passed."""
        seconds = (self.updated - self.started).total_seconds()
        return self.done / seconds if seconds > 0 else 0.0

    @property
    def remaining(self) -> float | None:
        """Seconds until the end at this rate; None where that is not known."""
        return (self.total - self.done) / self.rate if self.total is not None and self.rate else None
