"""Lists the samples of the files that a viewer may know of, in the order of their names, without reading every file."""

from collections import Counter
from typing import Final, NamedTuple

from django.db import connection
from django.db.models import Count, QuerySet, Value
from django.db.models.functions import Collate, Lower, StrIndex

from catalogue import access
from catalogue.models import DataFile, FileSample
from catalogue.queries.listings import Asked, Page, check_text, cursor_of, position_of

# Of each dataset as many samples as the page has are enough: a later one is later in the whole, too.
_OF_DATASETS: Final = """
SELECT name, sum(files)::bigint
  FROM unnest(%(datasets)s::bigint[]) AS dataset (id) CROSS JOIN LATERAL (
       SELECT name, count(*) AS files FROM catalogue_filesample
        WHERE dataset_id = dataset.id {wanted} GROUP BY name ORDER BY name {order} LIMIT %(limit)s) AS found
 GROUP BY name ORDER BY name {order} LIMIT %(limit)s
"""
_LATER: Final = {"": "AND name > %(after)s", "DESC": "AND name < %(after)s"}
_PART: Final = 'AND strpos(lower(name COLLATE "default"), lower(%(part)s)) > 0'


class SampleCount(NamedTuple):
    """A sample, and the number of files that hold it."""

    name: str
    files: int


def sample_page(asked: Asked, *, q: str = "", dataset: str = "") -> Page:
    """Return samples with the number of files of each; `q` is a part of their names."""
    for text in (q, dataset):
        check_text(text)
    after = position_of(asked, str)
    datasets, others = access.readable_parts(asked.viewer)
    if dataset:
        meant = access.readable_datasets(asked.viewer).filter(slug=dataset)
        keys = list(meant.values_list("pk", flat=True))
        datasets = [pk for pk in datasets if pk in keys]
        others = others.filter(dataset__in=keys) if others is not None else None
    found = _of_datasets(datasets, asked, after, q)
    if others is not None:
        found += _of_files(others, asked, after, q)
    # Code points have the order of the column, whose collation is that of bytes.
    down = asked.order.startswith("-")
    rows = [SampleCount(name, found[name]) for name in sorted(found, reverse=down)[: asked.limit]]
    return Page(rows, cursor_of(asked, rows[-1].name) if len(found) > asked.limit else None)


def _of_datasets(datasets: list[int], asked: Asked, after: str | None, part: str) -> Counter[str]:
    order = "DESC" if asked.order.startswith("-") else ""
    wanted = (_LATER[order] if after is not None else "") + (_PART if part else "")
    given = {"datasets": datasets, "after": after, "part": part, "limit": asked.limit + 1}
    with connection.cursor() as cursor:
        cursor.execute(_OF_DATASETS.format(wanted=wanted, order=order), given)
        return Counter(dict(cursor.fetchall()))


def _of_files(files: QuerySet[DataFile], asked: Asked, after: str | None, part: str) -> Counter[str]:
    rows = FileSample.objects.filter(file__in=files.order_by().values("pk"))
    if after is not None:
        rows = rows.filter(name__lt=after) if asked.order.startswith("-") else rows.filter(name__gt=after)
    if part:
        place = StrIndex(Lower(Collate("name", "default")), Lower(Value(part)))
        rows = rows.alias(place=place).filter(place__gt=0)
    counted = rows.values_list("name").annotate(Count("file_id")).order_by(asked.order)
    return Counter(dict(counted[: asked.limit + 1]))
