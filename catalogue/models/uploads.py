"""Model of uploads: files that arrive from a browser in parts."""

import uuid

from django.conf import settings
from django.contrib.postgres.fields import ArrayField
from django.db import models
from django.db.models import F, Q
from django.utils import timezone
from django.utils.translation import gettext_lazy as _


class Upload(models.Model):
    """A file that arrives in parts, each a request: into the object `key` of a storage, once all of them are there.

    `tags` are those of the parts so far, in order; `parts` is the name that the storage gave to the upload.
    """

    id = models.UUIDField(primary_key=True, default=uuid.uuid4)
    account = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="+")
    name = models.CharField(max_length=255, help_text=_("of the file, as the browser told it"))
    size = models.BigIntegerField(help_text=_("bytes"))
    received = models.BigIntegerField(default=0, help_text=_("bytes"))
    storage = models.CharField(max_length=64)
    key = models.CharField(max_length=255)
    parts = models.CharField(max_length=1024, blank=True)
    tags = ArrayField(models.CharField(max_length=255), default=list, blank=True)
    begun = models.DateTimeField(default=timezone.now)
    finished = models.DateTimeField(null=True)

    class Meta:
        ordering = ("-begun",)
        constraints = (
            models.CheckConstraint(
                condition=Q(size__gt=0) & Q(received__gte=0) & Q(received__lte=F("size")),
                name="upload_is_within_its_size",
                violation_error_message=_(
                    "An upload has at least one byte, and receives no more than its size."
                ),
            ),
            models.CheckConstraint(
                condition=Q(finished=None) | Q(received=F("size")),
                name="finished_upload_is_complete",
                violation_error_message=_("An upload is finished when all of it was received."),
            ),
        )

    def __str__(self) -> str:
        return self.name
