"""Search for parts of text by an index.

PostgreSQL's pg_trgm does the same, but the embedded server comes without it, and a site must be able to move from that
server to another one. So trigrams are made by a function of migration 0045, and kept in a GIN index of arrays.
"""

from django.contrib.postgres.fields import ArrayField
from django.db import models
from django.db.models import F, Func, Q
from django.db.models.expressions import Expression
from django.db.models.functions import Collate

#: Shorter parts have no trigram, and are found by reading every text.
MIN_PART = 3


def trigrams(text: F | Expression) -> Func:
    """Return the expression of all groups of three adjacent bytes of a text, in lower case and in UTF-8."""
    return Func(text, function="catalogue_trigrams", output_field=ArrayField(models.BinaryField()))


def is_numbered(name: F) -> Func:
    """Return an expression: whether a name is letters followed by a number of five or more digits."""
    return Func(name, function="catalogue_is_numbered", output_field=models.BooleanField())


def is_accession(name: F) -> Func:
    """Return an expression: whether a name is an accession, numbered as above or in the forms of UniProt.

    There are millions of accessions, and nobody searches them by a part: indexes of parts leave them out.
    """
    return Func(name, function="catalogue_is_accession", output_field=models.BooleanField())


def worth_parts(name: F) -> Q:
    """Return the condition that a name is in the indexes of parts."""
    return ~Q(is_accession(name))


def accession_number(name: F) -> Collate:
    """Return an expression: the number of an accession with its version, without leading zeros."""
    number = Func(name, function="catalogue_accession_number", output_field=models.TextField())
    return Collate(number, "C")
