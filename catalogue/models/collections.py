"""Models for sequence collections 1.0: the digests of collections, and their arrays ready to be served."""

from typing import Any

from django.db import models
from django.db.models.functions import Length
from django.db.models.lookups import Exact
from django.utils.translation import gettext_lazy as _

from catalogue.formats.collections import ATTRIBUTES
from catalogue.formats.digests import SHA512T24U_BYTES


def _digest_field(**options: Any) -> models.BinaryField[bytes, bytes]:
    return models.BinaryField(help_text=_("24 bytes"), **options)


class CollectionContent(models.Model):
    """The digests of a content: collections with the same members in the same order share one row.

    Rows are never changed. `ingest.collection_digests` makes them, and a trigger unlinks a collection from its content
    when its members change. A content without collections is not served.
    """

    digest = _digest_field(unique=True)
    lengths = _digest_field(db_index=True)
    name_length_pairs = _digest_field(db_index=True)
    names = _digest_field(db_index=True)
    sequences = _digest_field(db_index=True)
    sorted_name_length_pairs = _digest_field(db_index=True)
    sorted_sequences = _digest_field(db_index=True)
    size = models.BigIntegerField(help_text=_("sequences"))

    class Meta:
        constraints = tuple(
            models.CheckConstraint(
                condition=Exact(Length(name), SHA512T24U_BYTES),
                name=f"content_{name}_is_24_bytes",
                violation_error_message=_("A digest of a sequence collection has 24 bytes."),
            )
            for name in ("digest", *ATTRIBUTES)
        )

    def __str__(self) -> str:
        return bytes(self.digest).hex()


class MemberArrays(models.Model):
    """The arrays of some members of a content, in order, as `catalogue.formats.collections.ArrayBatch` packs them."""

    content = models.ForeignKey(CollectionContent, on_delete=models.CASCADE, related_name="arrays")
    number = models.PositiveIntegerField(help_text=_("from 0"))
    names = models.BinaryField()
    lengths = models.BinaryField()
    sequences = models.BinaryField()

    class Meta:
        constraints = (
            models.UniqueConstraint(
                fields=("content", "number"),
                name="member_arrays_in_order",
                violation_error_message=_("The content has another part of this number."),
            ),
        )

    def __str__(self) -> str:
        return f"{self.content}, {self.number}"
