"""Finds sequences by their names: aliases, and what they are called in collections.

Whole names come first, then their beginnings, then parts. Parts are found by indexes, which leave accessions out: these
are found by their beginning, and by their number from the first digit that is not 0.
"""

import re
from collections.abc import Iterator, Sequence
from typing import Final, NamedTuple

from django.db.models import F, Q, QuerySet, Value
from django.db.models.expressions import Expression
from django.db.models.functions import Lower, StrIndex
from django.db.models.lookups import GreaterThan, StartsWith

from catalogue.models import Alias, CollectionMember
from catalogue.models.text_search import MIN_PART, accession_number, is_numbered, worth_parts
from catalogue.queries.text import has_part, storable

#: Names that one step looks at.
MAX_NAMES: Final = 500
# The digits before the version, from the first that is not 0.
_NUMBER: Final = re.compile(r"[A-Za-z_]*0*([1-9][0-9]{2,}(?:[.-][0-9]*)?)", re.ASCII)


class NamedSequence(NamedTuple):
    """The primary key of a sequence, and the name by which it was found: `authority:name`, or `name (collection)`."""

    pk: int
    name: str


def sequences_named(
    text: str, *, aliases: QuerySet[Alias], members: QuerySet[CollectionMember]
) -> Iterator[list[NamedSequence]]:
    """Yield the sequences with a text in their names, in steps: the whole name, its beginning, a part.

    `aliases` and `members` are the names that may be looked at. No step looks at more than `MAX_NAMES` of them, so that
    a viewer for whom these are not visible may miss others. A sequence may come several times.
    """
    if not text or not storable(text):
        return
    authority, colon, name = text.partition(":")
    whole = Q(name=text)
    begins = Q(name__istartswith=text)
    if colon:
        whole |= Q(name=name, authority__name__iexact=authority)
        begins |= Q(name__istartswith=name, authority__name__iexact=authority) if name else Q()
    yield _aliases(aliases.filter(whole))
    yield _aliases(aliases.filter(begins))
    if number := _NUMBER.fullmatch(text):
        starts = StartsWith(accession_number(F("name")), Value(number[1]))
        numbered = aliases.filter(Q(is_numbered(F("name"))) & Q(starts) & _contains(text))
        # In the order of the index: the number itself, then longer ones.
        yield _aliases(numbered, order=(accession_number(F("name")),))
    if len(text) >= MIN_PART:
        with_part = worth_parts(F("name")) & has_part(F("name"), text)
        yield _aliases(aliases.filter(with_part)) + _members(members.filter(with_part))


def _contains(text: str) -> Q:
    return Q(GreaterThan(StrIndex(Lower(F("name")), Lower(Value(text))), Value(0)))


def _aliases(rows: QuerySet[Alias], *, order: Sequence[Expression] = ()) -> list[NamedSequence]:
    # Without their sequences, and usually in no order: the planner would read millions of rows to join or to sort them.
    found = rows.order_by(*order).values_list("sequence", "authority__name", "name")[:MAX_NAMES]
    return [NamedSequence(pk, f"{authority}:{name}") for pk, authority, name in found]


def _members(rows: QuerySet[CollectionMember]) -> list[NamedSequence]:
    found = rows.order_by().values_list("sequence", "name", "collection__name")[:MAX_NAMES]
    return [NamedSequence(pk, f"{name} ({collection})") for pk, name, collection in found]
