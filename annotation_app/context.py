"""What one query may use and has loaded so far, and how lists are loaded without a statement for each element."""

import time
from collections.abc import Callable, Collection, Hashable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Generic, Protocol, TypeVar, cast

from annotation_app.errors import Code, QueryRefused
from catalogue.access import Viewer
from catalogue.queries import annotation
from catalogue.queries.annotation import StoredGenome, StoredRegion


class Keyed(Protocol):
    """A row with a primary key, of a genome."""

    @property
    def pk(self) -> int: ...

    @property
    def genome(self) -> int: ...


Row = TypeVar("Row", bound=Keyed)
Related = TypeVar("Related")


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """Upper bounds of one query; `docs/settings.md` describes each."""

    max_rows: int
    max_values: int
    max_page_size: int
    max_overlaps: int
    seconds: int


@dataclass(slots=True, eq=False)
class Context:
    """One query that runs: who asks, and what is left of its limits."""

    viewer: Viewer
    limits: Limits
    deadline: float = field(init=False)
    rows_left: int = field(init=False)
    values_left: int = field(init=False)
    #: Primary keys of the genomes that rows came from.
    genomes_seen: set[int] = field(default_factory=set)
    _regions: dict[int, StoredRegion] = field(default_factory=dict)
    _genomes: dict[int, StoredGenome] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.deadline = time.monotonic() + self.limits.seconds
        self.rows_left = self.limits.max_rows
        self.values_left = self.limits.max_values

    def spend_rows(self, count: int) -> None:
        """Count rows that were loaded. Raises QueryRefused beyond the limits of rows and time."""
        self.rows_left -= count
        if self.rows_left < 0:
            raise too_many_rows(self.limits.max_rows)
        if time.monotonic() > self.deadline:
            raise too_slow(self.limits.seconds)

    def spend_value(self) -> None:
        """Count a field of the answer. Raises QueryRefused beyond the limit."""
        self.values_left -= 1
        if self.values_left < 0:
            raise QueryRefused(
                Code.RESULT_TOO_LARGE,
                f"the answer has more than {self.limits.max_values:,} values; ask for fewer fields or features at once",
            )

    @property
    def values_spent(self) -> int:
        """How many fields of the answer there were so far."""
        return self.limits.max_values - self.values_left

    def regions(self, keys: Collection[int]) -> Mapping[int, StoredRegion]:
        """Return regions by primary key; each is loaded once a query."""
        if missing := set(keys) - self._regions.keys():
            self._regions |= annotation.regions_by_key(missing)
        return self._regions

    def genomes(self, keys: Collection[int]) -> Mapping[int, StoredGenome]:
        """Return genomes by primary key; each is loaded once a query."""
        if missing := set(keys) - self._genomes.keys():
            self._genomes |= annotation.genomes_by_key(missing, viewer=self.viewer)
        return self._genomes

    def private_genomes(self) -> tuple[StoredGenome, ...]:
        """Return the genomes that rows came from and that not everybody may see; none for an anonymous viewer."""
        if self.viewer.name is None:
            return ()
        found = self.genomes(self.genomes_seen)
        seen = (found[key] for key in sorted(self.genomes_seen))
        return tuple(genome for genome in seen if not genome.public)


class Peers(Generic[Row]):
    """Rows of one list, or of all lists of one field: what belongs to one of them is loaded for all at once."""

    __slots__ = ("_related", "context", "rows")

    def __init__(self, rows: Sequence[Row], context: Context) -> None:
        context.spend_rows(len(rows))
        context.genomes_seen.update(row.genome for row in rows)
        self.rows = rows
        self.context = context
        self._related: dict[Hashable, object] = {}

    @property
    def keys(self) -> list[int]:
        """The primary keys of the rows."""
        return [row.pk for row in self.rows]

    def genome_id(self, row: Row) -> str:
        """Return the id of the genome of a row."""
        return self.context.genomes({peer.genome for peer in self.rows})[row.genome].genome_id

    def related(self, name: Hashable, load: Callable[[], Related]) -> Related:
        """Return what `load` returned the first time, for all rows."""
        if name not in self._related:
            self._related[name] = load()
        return cast(Related, self._related[name])


def grouped(
    rows: Mapping[int, Sequence[Row]], context: Context, make: Callable[[Row, Peers[Row]], Any]
) -> dict[int, list[Any]]:
    """Make objects of the rows of several owners, who are peers of each other."""
    peers = Peers([row for of_owner in rows.values() for row in of_owner], context)
    return {owner: [make(row, peers) for row in of_owner] for owner, of_owner in rows.items()}


def too_many_rows(max_rows: int) -> QueryRefused:
    """Return the refusal of a query that reads too much."""
    return QueryRefused(
        Code.RESULT_TOO_LARGE,
        f"the query reads more than {max_rows:,} rows; ask for a smaller region, or for pages",
    )


def too_slow(seconds: int) -> QueryRefused:
    """Return the refusal of a query that takes too long."""
    return QueryRefused(Code.TIMEOUT, f"the query takes more than {seconds} seconds; ask for less at once")
