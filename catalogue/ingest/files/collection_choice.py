"""Chooses the collection of a dataset by the contigs of its first file."""

from collections.abc import Sequence

from catalogue.formats.headers import HeaderContig
from catalogue.queries.collection_matches import ContigDifferences, match_collections


def choose_collection(contigs: Sequence[HeaderContig]) -> tuple[int | None, str]:
    """Return the primary key of the collection that has every contig (None if none is chosen), and a message.

    Only public collections are considered, because the names of private ones are confidential. If several fit equally
    well none is chosen; if none fits, the message says how the most similar one differs.
    """
    matches = match_collections(contigs) if contigs else []
    if not matches:
        return None, ""
    best = matches[0]
    name = best.collection.name
    if not best.differences.contains_all:
        return None, f"most like collection {name!r}, but {_told(best.differences)}"
    equal = [match.collection for match in matches if match.differences == best.differences]
    if len(equal) > 1:
        names = ", ".join(repr(collection.name) for collection in equal)
        return None, f"fits the collections {names} alike; name one with --collection"
    return best.collection.pk, f"made with collection {name!r}, which the dataset has now"


def _told(found: ContigDifferences) -> str:
    counts: dict[str, Sequence[object]] = {
        "renamed": found.renamed,
        "not in it": found.extra,
        "of another length": found.other_length,
        "of another sequence": found.other_sequence,
    }
    return ", ".join(f"{len(some):,} {kind}" for kind, some in counts.items() if some)
