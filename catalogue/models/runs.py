"""Models of ingest runs and their inputs."""

from django.db import models
from django.db.models import Q
from django.utils.translation import gettext_lazy as _


class IngestRun(models.Model):
    """One call of an ingest command: who ran what, when, with which outcome."""

    class Outcome(models.TextChoices):
        """The outcome of a run."""

        RUNNING = "running", _("running")
        SUCCEEDED = "succeeded", _("succeeded")
        FAILED = "failed", _("failed")
        INTERRUPTED = "interrupted", _("interrupted")

    command = models.CharField(max_length=64)
    actor = models.CharField(max_length=255, help_text=_("the account that ran the command"))
    arguments = models.JSONField(default=dict)
    started = models.DateTimeField(auto_now_add=True)
    finished = models.DateTimeField(null=True, blank=True)
    outcome = models.CharField(max_length=11, choices=Outcome, default=Outcome.RUNNING)
    summary = models.JSONField(default=dict)

    class Meta:
        ordering = ("-started",)
        constraints = (
            models.CheckConstraint(
                condition=Q(outcome="running", finished__isnull=True)
                | (~Q(outcome="running") & Q(finished__isnull=False)),
                name="run_is_finished_unless_running",
                violation_error_message=_("A run that is no longer running has a time when it finished."),
            ),
        )

    def __str__(self) -> str:
        return f"{self.command} {self.started:%Y-%m-%d %H:%M}"


class IngestedFile(models.Model):
    """The outcome of one input of a run."""

    class Outcome(models.TextChoices):
        """How it ended."""

        ADDED = "added", _("added")
        CHANGED = "changed", _("changed")
        UNCHANGED = "unchanged", _("unchanged")
        FAILED = "failed", _("failed")

    run = models.ForeignKey(IngestRun, on_delete=models.CASCADE, related_name="files")
    source = models.CharField(max_length=1024, help_text=_("as the command was given it"))
    outcome = models.CharField(max_length=9, choices=Outcome)
    message = models.TextField(blank=True)
    counts = models.JSONField(default=dict)

    class Meta:
        ordering = ("run", "pk")

    def __str__(self) -> str:
        return self.source
