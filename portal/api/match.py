"""`/api/collections/match`: which collection a file was made with, by its header or index."""

from collections.abc import Sequence
from typing import Any, Final

from drf_spectacular.types import OpenApiTypes
from rest_framework import serializers

from catalogue.queries.collection_matches import CollectionMatch, match_collections, parse_contig_list
from ga4gh.errors import RequestError
from ga4gh.exchange import CACHE_NEVER, Answer, json_answer
from portal.api.protocol import MAX_BODY, PROBLEM
from portal.api.schema import WRITE_REFUSALS, ResourceSchema
from portal.api.shapes import ProblemShape
from portal.api.views import ResourceView

#: Differences of one kind that are told one by one.
MAX_DIFFERENCES: Final = 100


class NamesShape(serializers.Serializer[Any]):
    """How many contigs differ so, and the names of the first."""

    count = serializers.IntegerField()
    first = serializers.ListField(child=serializers.CharField(), max_length=MAX_DIFFERENCES)


class RenamedShape(serializers.Serializer[Any]):
    """A contig, and what the collection calls it."""

    file = serializers.CharField()
    collection = serializers.CharField()


class RenamedListShape(serializers.Serializer[Any]):
    """How many contigs have another name, and the first."""

    count = serializers.IntegerField()
    first = RenamedShape(many=True)


class MatchShape(serializers.Serializer[Any]):
    """A collection, and how the file differs from it."""

    name = serializers.CharField()
    digest = serializers.CharField(allow_null=True)
    sequences = serializers.IntegerField()
    exact = serializers.BooleanField(help_text="Whether the file lists exactly its sequences")
    similarity = serializers.FloatField(help_text="The fraction of all sequences that is shared")
    same = serializers.IntegerField(help_text="Sequences that are the same")
    same_order = serializers.BooleanField()
    renamed = RenamedListShape()
    missing = NamesShape()
    extra = NamesShape()
    other_length = NamesShape()
    other_sequence = NamesShape()


class MatchesShape(serializers.Serializer[Any]):
    """What was read, and the collections that it fits, the most similar first."""

    format = serializers.CharField()
    contigs = serializers.IntegerField()
    results = MatchShape(many=True)


class MatchSchema(ResourceSchema):
    """Describes `MatchView`."""

    def get_operation_id(self) -> str:
        """Return the one operation."""
        return "collections_match"

    def get_summary(self) -> str:
        """Return what it answers."""
        return "Collections that a header or an index fits"

    def get_override_parameters(self) -> list[Any]:
        """Return none."""
        return []

    def get_request_serializer(self) -> Any:
        """Return that the body is text."""
        return {"text/plain": OpenApiTypes.STR}

    def get_response_serializers(self) -> Any:
        """Return the shape by status."""
        return {200: MatchesShape, **{(status, PROBLEM): ProblemShape for status in WRITE_REFUSALS}}


class MatchView(ResourceView):
    """What a file was made with."""

    schema = MatchSchema()

    def post(self, request: Any) -> Answer:
        """Return the collections that the header or index in the body fits, the most similar first."""
        if self.asked.query:
            raise RequestError("this has no parameters")
        body = self.body(max_bytes=MAX_BODY)
        try:
            kind, contigs = parse_contig_list(body)
        except ValueError as error:
            raise RequestError(f"the body lists no contigs: {error}") from None
        if not contigs:
            raise RequestError(f"this {kind} lists no contigs")
        matches = match_collections(contigs, viewer=self.asked.viewer)
        content = {"format": kind, "contigs": len(contigs), "results": [_match(match) for match in matches]}
        return json_answer(self.asked, content, headers=[CACHE_NEVER])


def _match(match: CollectionMatch) -> dict[str, object]:
    row, found = match.collection, match.differences
    renamed = [{"file": ours, "collection": theirs} for ours, theirs in found.renamed]
    return {
        "name": row.name,
        "digest": row.digest,
        "sequences": row.size,
        "exact": found.is_exact,
        "similarity": round(found.similarity, 4),
        "same": found.same,
        "same_order": found.same_order,
        "renamed": _some(renamed),
        "missing": _some(found.missing),
        "extra": _some(found.extra),
        "other_length": _some(found.other_length),
        "other_sequence": _some(found.other_sequence),
    }


def _some(differences: Sequence[object]) -> dict[str, object]:
    return {"count": len(differences), "first": differences[:MAX_DIFFERENCES]}
