"""What a query document may look like: depth, fields and aliases, counted before it is validated.

Fragments count wherever they are spread, without being expanded, so that counting takes no longer than the document is
long. Fragments that spread themselves, or that are missing, are left to validation.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import NamedTuple

from graphql import (
    DocumentNode,
    FieldNode,
    FragmentDefinitionNode,
    FragmentSpreadNode,
    InlineFragmentNode,
    OperationDefinitionNode,
    SelectionSetNode,
)

from annotation_app.errors import Code, QueryRefused


@dataclass(frozen=True, slots=True, kw_only=True)
class DocumentLimits:
    """Upper bounds of a document; `docs/settings.md` describes each."""

    max_depth: int
    max_fields: int
    max_aliases: int


class Size(NamedTuple):
    """How deep a selection is, how many fields it has, and how many of those have aliases."""

    depth: int
    fields: int
    aliases: int


def check(document: DocumentNode, limits: DocumentLimits) -> None:
    """Check each operation of a document. Raises QueryRefused."""
    fragments = {
        node.name.value: node for node in document.definitions if isinstance(node, FragmentDefinitionNode)
    }
    measure = _Measure(fragments)
    for node in document.definitions:
        if isinstance(node, OperationDefinitionNode):
            _check(measure.of(node.selection_set), limits)
    # Fragments that nothing spreads are validated, too.
    for name in fragments:
        _check(measure.of_fragment(name), limits)


def _check(size: Size, limits: DocumentLimits) -> None:
    if size.depth > limits.max_depth:
        raise QueryRefused(
            Code.TOO_DEEP,
            f"the query is {size.depth} fields deep; this server allows {limits.max_depth}",
        )
    for what, number, maximum in (
        ("fields", size.fields, limits.max_fields),
        ("aliases", size.aliases, limits.max_aliases),
    ):
        if number > maximum:
            raise QueryRefused(
                Code.TOO_COMPLEX, f"the query has {number:,} {what}; this server allows {maximum:,}"
            )


@dataclass(slots=True)
class _Measure:
    """Measures selections; what fragments measure is kept."""

    fragments: Mapping[str, FragmentDefinitionNode]
    known: dict[str, Size] = field(default_factory=dict)

    def of(self, selections: SelectionSetNode | None) -> Size:
        depth = fields = aliases = 0
        for node in () if selections is None else selections.selections:
            if isinstance(node, FieldNode):
                inner = self.of(node.selection_set)
                named = 1 if node.alias is not None else 0
                size = Size(inner.depth + 1, inner.fields + 1, inner.aliases + named)
            elif isinstance(node, FragmentSpreadNode):
                size = self.of_fragment(node.name.value)
            else:
                assert isinstance(node, InlineFragmentNode)
                size = self.of(node.selection_set)
            depth, fields, aliases = max(depth, size.depth), fields + size.fields, aliases + size.aliases
        return Size(depth, fields, aliases)

    def of_fragment(self, name: str) -> Size:
        if name not in self.known:
            # Ends the recursion of a fragment that spreads itself, which validation refuses later.
            self.known[name] = Size(0, 0, 0)
            if name in self.fragments:
                self.known[name] = self.of(self.fragments[name].selection_set)
        return self.known[name]
