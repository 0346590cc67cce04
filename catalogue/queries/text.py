"""Checks text before it is used in a query, and finds rows by a part of their text."""

from django.contrib.postgres.lookups import DataContains
from django.db.models import F, Q, Value
from django.db.models.expressions import Expression
from django.db.models.functions import Lower, StrIndex
from django.db.models.lookups import GreaterThan

from catalogue.models.text_search import MIN_PART, trigrams


def storable(text: str) -> bool:
    """Return whether PostgreSQL can store a text: without NUL, and without lone surrogates, which JSON may contain."""
    if "\0" in text:
        return False
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True


def has_part(text: F | Expression, part: str) -> Q:
    """Return the condition that an expression contains a part, in whichever case.

    It uses the index on `trigrams(text)`, if the part has at least `MIN_PART` characters and there is such an index.
    """
    if not storable(part):
        return Q(pk__in=())
    lower = Lower(Value(part))
    found = Q(GreaterThan(StrIndex(Lower(text), lower), Value(0)))
    return found if len(part) < MIN_PART else Q(DataContains(trigrams(text), trigrams(Value(part)))) & found
