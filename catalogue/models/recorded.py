"""Models whose changes are recorded in the audit, in the transaction of the change."""

from typing import Any

from django.db import models, transaction


class Recorded(models.Model):
    """A model whose rows are saved together with the event that records it (`catalogue.audit_receivers`)."""

    class Meta:
        abstract = True

    def save(self, *args: Any, **options: Any) -> None:
        """Save in a transaction, so that the event is written with the row; Django opens one only for deletions."""
        with transaction.atomic():
            super().save(*args, **options)
