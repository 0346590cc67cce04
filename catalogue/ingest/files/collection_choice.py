"""Chooses the collection of a dataset by the contigs of its first file."""

from collections.abc import Sequence
from dataclasses import replace
from typing import Final

from catalogue.formats.headers import HeaderContig
from catalogue.formats.spec import FileKind
from catalogue.ingest.files.discovery import FoundFile
from catalogue.ingest.files.indexing import open_file
from catalogue.ingest.files.reader import sniff_kind, verify_contigs
from catalogue.ingest.files.selection import EXPECTED, known_ids
from catalogue.models import Dataset
from catalogue.queries.collection_matches import ContigDifferences, match_collections

#: Upper bound of the files that are tried until one can be read.
MAX_TRIED: Final = 100


def with_collection(files: Sequence[tuple[FileKind, FoundFile]], dataset: Dataset) -> list[FoundFile]:
    """Return the files with the collection that they give to a dataset without one: that of the first one.

    First is the first of the inputs that has an id new to the dataset and a header with contigs, so that a dry run and
    any number of workers choose alike.
    """
    found = [one for _, one in files]
    if dataset.collection_id is not None:
        return found
    known = known_ids([one.htsget_id for one in found], dataset.pk)
    new = [number for number, one in enumerate(found) if one.htsget_id not in known]
    for number in new[:MAX_TRIED]:
        if contigs := _contigs(*files[number]):
            collection, message = choose_collection(contigs)
            found = [replace(each, collection=collection) for each in found]
            found[number] = replace(found[number], told=message)
            break
    return found


def _contigs(kind: FileKind, one: FoundFile) -> Sequence[HeaderContig]:
    """Return the contigs in the header of a file, none if it cannot be registered."""
    try:
        stat = one.ref.stat()
        contigs = open_file(one.ref, stat, sniff_kind(one.ref.reader(stat), kind)).header.contigs
        verify_contigs(contigs)
    except EXPECTED:
        return ()
    return contigs


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
    return best.collection.pk, f"made with collection {name!r}, which the dataset gets"


def _told(found: ContigDifferences) -> str:
    counts: dict[str, Sequence[object]] = {
        "renamed": found.renamed,
        "not in it": found.extra,
        "of another length": found.other_length,
        "of another sequence": found.other_sequence,
    }
    return ", ".join(f"{len(some):,} {kind}" for kind, some in counts.items() if some)
