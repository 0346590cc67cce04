"""Search for parts of text by an index.

PostgreSQL's pg_trgm does the same, but the embedded server comes without it, and a site must be able to move from that
server to another one. So trigrams are made by a function of migration 0045, and kept in a GIN index of arrays.
"""

from django.contrib.postgres.fields import ArrayField
from django.db import models
from django.db.models import F, Func
from django.db.models.expressions import Expression

#: Shorter parts have no trigram, and are found by reading every text.
MIN_PART = 3


def trigrams(text: F | Expression) -> Func:
    """Return the expression of all groups of three adjacent bytes of a text, in lower case and in UTF-8."""
    return Func(text, function="catalogue_trigrams", output_field=ArrayField(models.BinaryField()))
