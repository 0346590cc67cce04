"""Finds registered files by filters, in pages: what commands, the desk and the API list.

Every function takes the files that the caller may see as a queryset (`within`), and never leaves it.
"""

import base64
import json
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final, NamedTuple

from django.db.models import F, Func, IntegerField, Q, QuerySet, Value
from django.db.models.functions import Collate, Lower, StrIndex
from django.db.models.lookups import GreaterThan, Regex, StartsWith

from catalogue import access
from catalogue.access import Viewer
from catalogue.errors import CatalogueError
from catalogue.formats.digests import DigestKind, parse_digest
from catalogue.models import (
    FILE_TEXT,
    Alias,
    CollectionMember,
    Contig,
    DataFile,
    Dataset,
    FormerId,
    SequenceCollection,
)
from catalogue.models import Sequence as SequenceRow
from catalogue.models.text_search import MIN_PART
from catalogue.queries.datasets import files_with_trigrams
from catalogue.queries.text import has_part, storable

#: Upper bounds of the files of a page, and of the samples that a listing names.
MAX_PAGE: Final = 1000
MAX_SAMPLES: Final = 5
# Upper bound of the former ids, and of the sequences of one name, that a search follows.
_MAX_FORMER: Final = 200
_MAX_SEQUENCES: Final = 100


class FilterRefusedError(CatalogueError):
    """A filter that cannot be read; the message says which."""


@dataclass(frozen=True, slots=True, kw_only=True)
class FileFilter:
    """Which files to list: those that match every field that is not empty, by any of its values.

    `text` is found in ids, former ids, locations, ETags, samples and SHA-256 of copies, in whichever case; one of fewer
    than three characters at the beginning of ids only. Of several words each has to be found. `ids` may hold `*` and
    `?`. A reference is the name of a collection (the assembly of the dataset, or one whose longest sequence is a contig
    of the file), or a digest or alias of a sequence.
    """

    text: str = ""
    datasets: Sequence[str] = ()
    ids: Sequence[str] = ()
    kinds: Sequence[str] = ()
    formats: Sequence[str] = ()
    states: Sequence[str] = ()
    storages: Sequence[str] = ()
    samples: Sequence[str] = ()
    references: Sequence[str] = ()


class FileListing(NamedTuple):
    """One file of a list. `samples` are the first `MAX_SAMPLES` of `sample_count`; `dataset` is the slug."""

    pk: int
    kind: str
    htsget_id: str
    format: str
    dataset: str
    visibility: str
    state: str
    state_reason: str
    state_since: datetime
    storage: str
    key: str
    copied: bool
    size: int
    index_kind: str
    samples: list[str]
    sample_count: int
    ingested: datetime


class FilePage(NamedTuple):
    """Files in the order of their ids, and what to give as `after` for the next page, None where this is the last."""

    files: list[FileListing]
    next: str | None


_COLUMNS = (
    "pk", "kind", "htsget_id", "format", "dataset__slug", "dataset__visibility", "state", "state_reason",
    "state_since", "storage", "key", "copied", "size", "index_kind", "first_samples", "sample_count", "ingested",
)  # fmt: skip
_ORDER = ("htsget_id", "kind", "format")
_FIRST_SAMPLES = Func(
    F("samples"),
    template=f"(%(expressions)s)[1:{MAX_SAMPLES}]",
    output_field=DataFile._meta.get_field("samples"),
)
_SAMPLE_COUNT = Func(F("samples"), function="cardinality", output_field=IntegerField())
_ANY_OF = {
    "datasets": "dataset__slug",
    "kinds": "kind",
    "formats": "format",
    "states": "state",
    "storages": "storage",
}


def matching_files(
    wanted: FileFilter, *, within: QuerySet[DataFile], viewer: Viewer | None = None
) -> QuerySet[DataFile]:
    """Return the files of `within` that match a filter, in no order.

    Names of references mean what `viewer` may see; without a viewer, everything that there is. Raises
    FilterRefusedError for a value that nothing can match by mistake, such as an unknown reference.
    """
    files = within
    for field, column in _ANY_OF.items():
        if values := getattr(wanted, field):
            files = files.filter(**{f"{column}__in": _storable(values)})
    if wanted.datasets:
        # By number: how many files a slug has is nothing that PostgreSQL could estimate.
        datasets = Dataset.objects.filter(slug__in=_storable(wanted.datasets))
        files = files.filter(dataset__in=list(datasets.values_list("pk", flat=True)))
    if wanted.ids:
        files = files.filter(_any(_has_id(glob) for glob in _storable(wanted.ids)))
    if wanted.samples:
        files = files.filter(samples__overlap=_storable(wanted.samples))
    for part in wanted.text.split():
        files = files.filter(_has_text(part))
    if wanted.references:
        files = files.filter(_any(_has_reference(name, viewer) for name in _storable(wanted.references)))
    return files


def files_with_text(text: str, *, within: QuerySet[DataFile]) -> QuerySet[DataFile]:
    """Return the files of `within` that have every word of a text, as `FileFilter.text` does, for a page of them.

    Those of a part that few files have are looked up at once; of a part that many have, a page is found sooner by
    reading one file after the other.
    """
    files = within
    for part in text.split():
        found = _has_text(part)
        if len(part) >= MIN_PART and storable(part):
            candidates = files_with_trigrams(part)
            contained = GreaterThan(StrIndex(FILE_TEXT, Lower(Value(part))), 0)
            found = Q(contained) if candidates is None else Q(contained, pk__in=candidates)
            found |= _has_former_id(part)
        files = files.filter(found)
    return files


def file_page(files: QuerySet[DataFile], *, after: str | None = None, limit: int = 100) -> FilePage:
    """Return the next files of a queryset in the order of id, kind and format; one query, whatever the page.

    Raises FilterRefusedError for an `after` that no page gave.
    """
    limit = max(1, min(limit, MAX_PAGE))
    if after is not None:
        htsget_id, kind, format = _position(after)
        # The first condition is that of the index.
        later = Q(htsget_id__gt=htsget_id) | Q(kind__gt=kind) | Q(kind=kind, format__gt=format)
        files = files.filter(later, htsget_id__gte=htsget_id)
    rows = files.annotate(
        copied=~Q(source=""), first_samples=_FIRST_SAMPLES, sample_count=_SAMPLE_COUNT
    ).order_by(*_ORDER)
    found = [FileListing(*row) for row in rows.values_list(*_COLUMNS)[: limit + 1]]
    page = found[:limit]
    return FilePage(page, _cursor(page[-1]) if len(found) > limit else None)


def current_id(kind: str, htsget_id: str) -> str | None:
    """Return the id that a former id redirects to; None for an id that is not a former one, or is retired."""
    if not storable(htsget_id):
        return None
    target = FormerId.objects.filter(kind=kind, htsget_id=htsget_id).values_list("target", flat=True).first()
    return target or None


def _any(conditions: Iterator[Q]) -> Q:
    found = Q()
    for condition in conditions:
        found |= condition
    return found


def _storable(values: Sequence[str]) -> list[str]:
    if any(not storable(value) for value in values):
        raise FilterRefusedError("a filter holds neither NUL nor half of a surrogate pair")
    return list(values)


def _has_id(glob: str) -> Q:
    if not {"*", "?"} & set(glob):
        return Q(htsget_id=glob)
    literal = max(re.split(r"[*?]+", glob), key=len)
    pattern = "".join({"*": ".*", "?": "."}.get(char, re.escape(char)) for char in glob)
    matches = Q(Regex(F("htsget_id"), Value(f"^(?:{pattern})$")))
    # Only the trigrams of a literal part can use an index.
    return matches & _has_text(literal, former=False) if len(literal) >= MIN_PART else matches


def _has_text(part: str, *, former: bool = True) -> Q:
    if len(part) < MIN_PART:
        # Without trigrams there is no index of parts, and the text of every file would have to be read.
        return (
            Q(StartsWith(Collate(Lower("htsget_id"), "C"), part.lower())) if storable(part) else Q(pk__in=())
        )
    found = has_part(FILE_TEXT, part)
    return found | _has_former_id(part) if former and storable(part) else found


def _has_former_id(part: str) -> Q:
    # Looked up first: a condition with a query inside it would keep the index from being used.
    names = FormerId.objects.filter(has_part(F("htsget_id"), part)).exclude(target="")
    return _any(
        Q(kind=kind, htsget_id=target) for kind, target in names.values_list("kind", "target")[:_MAX_FORMER]
    )


def _has_reference(name: str, viewer: Viewer | None) -> Q:
    collections = SequenceCollection.objects.all() if viewer is None else access.readable_collections(viewer)
    if (collection := collections.filter(name=name).first()) is not None:
        members = CollectionMember.objects.filter(collection=collection).order_by("-sequence__length")
        longest = list(members.values_list("sequence", flat=True)[:1])
        return Q(dataset__collection=collection) | Q(pk__in=_with_contigs(longest))
    sequences = _sequences_named(name, viewer)
    if not sequences:
        raise FilterRefusedError(f"no collection and no sequence is called {name!r}")
    return Q(pk__in=_with_contigs(sequences))


def _with_contigs(sequences: list[int]) -> Any:
    return Contig.objects.filter(sequence__in=sequences).values("file")


def _sequences_named(name: str, viewer: Viewer | None) -> list[int]:
    rows = SequenceRow.objects.all()
    if viewer is not None:
        readable = Q(memberships__collection__in=access.readable_collections(viewer))
        rows = rows.filter(Q(private=False) | readable)
    if digest := parse_digest(name):
        column = "md5" if digest[0] is DigestKind.MD5 else "sha512t24u"
        return list(rows.filter(**{column: digest[1]}).values_list("pk", flat=True))
    authority, colon, alias = name.partition(":")
    meant = Q(name=name) | (Q(name=alias, authority__name__iexact=authority) if colon else Q())
    aliases = Alias.objects.all() if viewer is None else access.readable_aliases(viewer)
    named = rows.filter(pk__in=aliases.filter(meant).values("sequence"))
    return list(named.values_list("pk", flat=True).distinct()[:_MAX_SEQUENCES])


def _cursor(last: FileListing) -> str:
    position = json.dumps([last.htsget_id, last.kind, last.format])
    return base64.urlsafe_b64encode(position.encode()).decode().rstrip("=")


def _position(cursor: str) -> tuple[str, str, str]:
    try:
        htsget_id, kind, format = json.loads(base64.urlsafe_b64decode(cursor + "=" * (-len(cursor) % 4)))
        position = str(htsget_id), str(kind), str(format)
    except (ValueError, TypeError):
        position = ("\0", "", "")
    if not all(map(storable, position)):
        raise FilterRefusedError("this is not where a page of files ended; begin again without it")
    return position
