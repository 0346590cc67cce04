"""Finds the collection that a file was made with, by its contig list."""

from collections.abc import Sequence
from typing import NamedTuple

from django.db.models import BigIntegerField, Q
from django.db.models.expressions import RawSQL

from catalogue import access
from catalogue.access import ANONYMOUS, Viewer
from catalogue.formats.collections import canonical_json, sha512t24u
from catalogue.formats.contig_lists import (
    ContigDifferences,
    ReferenceMember,
    compare_contigs,
    parse_contig_list,
)
from catalogue.formats.headers import HeaderContig
from catalogue.models import CollectionMember
from catalogue.queries.collections import ListedCollection, listed

__all__ = ["CollectionMatch", "ContigDifferences", "match_collections", "parse_contig_list"]

#: Upper bound of the collections that are compared in full with one list.
MAX_COMPARED = 10
#: Number of longest contigs by whose lengths collections are found, as many as are stored for a collection.
_LONGEST = 32
_SHARED = "(SELECT count(*) FROM unnest(longest_lengths) AS length WHERE length = ANY(%s))"


class CollectionMatch(NamedTuple):
    """A collection, and how a contig list differs from it."""

    collection: ListedCollection
    differences: ContigDifferences


def match_collections(
    contigs: Sequence[HeaderContig], *, viewer: Viewer = ANONYMOUS
) -> list[CollectionMatch]:
    """Return the collections that fit a contig list, the most similar first.

    Candidates share the lengths of their longest sequences with the list, or have the same names.
    """
    longest = sorted({contig.length for contig in contigs if contig.length}, reverse=True)[:_LONGEST]
    names = sha512t24u(canonical_json([contig.name for contig in contigs]))
    rows = access.readable_collections(viewer).filter(
        Q(longest_lengths__overlap=longest) | Q(content__names=names)
    )
    shared = RawSQL(_SHARED, (longest,), output_field=BigIntegerField())  # noqa: S611 - no text of anybody's
    rows = rows.select_related("content").annotate(shared=shared).order_by("-shared", "pk")
    candidates = listed(list(rows[:MAX_COMPARED]))
    matches = [CollectionMatch(row, compare_contigs(contigs, _members(row.pk))) for row in candidates]
    matches = [match for match in matches if match.differences.similarity > 0]
    return sorted(
        matches, key=lambda match: (-match.differences.similarity, not match.differences.same_order)
    )


def _members(collection: int) -> list[ReferenceMember]:
    rows = CollectionMember.objects.filter(collection=collection).order_by("position")
    fields = ("name", "sequence__length", "sequence__md5")
    return [
        ReferenceMember(name, length, bytes(md5).hex()) for name, length, md5 in rows.values_list(*fields)
    ]
