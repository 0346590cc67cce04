"""Models of the audit, and the counts of rate limits."""

from django.db import models
from django.db.models import Q
from django.db.models.functions import Now
from django.utils.translation import gettext_lazy as _


class AuditEvent(models.Model):
    """One event of the audit.

    Rows are only added: the database refuses changes, and removals other than by `prune_audit`. An event has no foreign
    keys, because other rows may be removed or changed: names and keys are copied.
    """

    class Kind(models.TextChoices):
        """The kind of an event."""

        TICKET = "ticket", _("ticket")
        DELIVERY = "delivery", _("delivery of data")
        SEQUENCE = "sequence", _("private sequence")
        REQUEST = "request", _("request of another protocol")
        AUTHENTICATION = "authentication", _("authentication")
        GRANT = "grant", _("grant")
        TOKEN = "token", _("token")
        ADMIN = "admin", _("administration")
        RETENTION = "retention", _("retention of this record")

    class Outcome(models.TextChoices):
        """How it ended."""

        DONE = "done", _("done")
        UNAUTHENTICATED = "unauthenticated", _("no or bad credentials")
        REFUSED = "refused", _("not permitted")
        HIDDEN = "hidden", _("not permitted, told as unknown")
        NOT_FOUND = "not found", _("not found")
        INVALID = "invalid", _("not a request that can be answered")
        THROTTLED = "throttled", _("too many requests")
        FAILED = "failed", _("failed here")

    id = models.BigAutoField(primary_key=True)
    happened = models.DateTimeField(db_default=Now())
    kind = models.CharField(max_length=14, choices=Kind)
    outcome = models.CharField(max_length=15, choices=Outcome)
    actor = models.CharField(
        max_length=255, blank=True, help_text=_("account, or subject and issuer; empty: unknown")
    )
    account = models.BigIntegerField(null=True, help_text=_("the number of the account"))
    credential = models.CharField(
        max_length=64, blank=True, help_text=_("the prefix of the token, or the issuer")
    )
    address = models.GenericIPAddressField(null=True, help_text=_("where the request came from"))
    request_id = models.CharField(max_length=64, blank=True, help_text=_("as in the log"))
    dataset = models.CharField(max_length=255, blank=True, help_text=_("dataset or collection"))
    target = models.CharField(max_length=512, blank=True, help_text=_("what was asked for or changed"))
    detail = models.JSONField(default=dict)

    class Meta:
        ordering = ("-id",)
        indexes = (
            models.Index(fields=("happened",), name="audit_by_time"),
            models.Index(fields=("actor", "happened"), name="audit_by_actor"),
            models.Index(fields=("dataset", "happened"), name="audit_by_dataset"),
            models.Index(
                fields=("happened",),
                include=("dataset",),
                condition=Q(kind="ticket"),
                name="audit_of_tickets",
            ),
        )

    def __str__(self) -> str:
        return f"{self.happened:%Y-%m-%d %H:%M:%S} {self.kind} {self.outcome}"


class Usage(models.Model):
    """The count of one rate limit in one time span, shared by all processes; a crash of the database empties it."""

    key = models.CharField(max_length=128, primary_key=True)
    span = models.BigIntegerField(help_text=_("since 1970, in spans of the limit's length"))
    count = models.BigIntegerField()

    class Meta:
        verbose_name_plural = _("usage")

    def __str__(self) -> str:
        return f"{self.key}: {self.count}"
