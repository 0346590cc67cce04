"""What needs a steward's attention, and the counts of the dashboard.

Counts stop at `MAX_COUNTED`: whoever has more to mend does not need the exact number, and no page waits for it.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from typing import Any, Final

from django.db.models import Count, Q, QuerySet, Sum
from django.db.models.functions import TruncDate
from django.utils import timezone

from catalogue.models import AuditEvent, Contig, DataFile, Dataset, IngestRun, Sequence

MAX_COUNTED: Final = 10_000
#: Upper bound of the contigs that are looked through for sequences that are not held.
MAX_CONTIGS: Final = 100_000
#: Days before today in the chart of tickets.
CHART_DAYS: Final = 13


@dataclass(frozen=True, slots=True)
class Counted:
    """A number of rows; `more` if it is only the first `MAX_COUNTED`."""

    number: int
    more: bool = False

    def __str__(self) -> str:
        return f"{self.number:,}" + ("+" if self.more else "")

    def __bool__(self) -> bool:
        return self.number > 0


@dataclass(frozen=True, slots=True)
class Stored:
    """Files and their bytes in one storage."""

    storage: str
    files: int
    size: int


@dataclass(frozen=True, slots=True)
class DayCount:
    """Tickets that were given on one day, UTC."""

    day: date
    tickets: int


def count_some(rows: QuerySet[Any]) -> Counted:
    """Return the number of rows, up to `MAX_COUNTED`."""
    number = rows.order_by()[: MAX_COUNTED + 1].count()
    return Counted(min(number, MAX_COUNTED), number > MAX_COUNTED)


def files_in_state(state: str, *, of: QuerySet[DataFile]) -> Counted:
    """Return how many of the files are in a state that is not ready."""
    return count_some(of.exclude(state=DataFile.State.READY).filter(state=state))


def contigs_without_sequence(*, of: QuerySet[Dataset] | None) -> QuerySet[Contig]:
    """Return the contigs of the datasets' files (None: of all) that are linked to no sequence."""
    rows = Contig.objects.filter(sequence=None)
    return rows if of is None else rows.filter(file__dataset__in=of)


def sequences_not_held(*, of: QuerySet[Dataset] | None) -> QuerySet[Sequence]:
    """Return the sequences whose residues are not held here.

    With datasets only those that their files refer to, by at most `MAX_CONTIGS` of their contigs.
    """
    rows = Sequence.objects.filter(blob=None)
    if of is None:
        return rows
    contigs = Contig.objects.filter(file__dataset__in=of, sequence__isnull=False).order_by()
    return rows.filter(pk__in=contigs.values("sequence")[:MAX_CONTIGS])


def runs_in_state(state: str, *, of: QuerySet[IngestRun], days: int = 7) -> Counted:
    """Return how many of the runs of the last days ended in, or are in, a state."""
    since = timezone.now() - timedelta(days=days)
    return count_some(of.filter(outcome=state, started__gte=since))


def storage_used(*, of: QuerySet[DataFile]) -> list[Stored]:
    """Return the number of the files and their bytes by storage, the fullest first."""
    rows = of.order_by().values("storage").annotate(files=Count("pk"), bytes=Sum("size")).order_by("-bytes")
    return [Stored(row["storage"], row["files"], row["bytes"]) for row in rows]


def tickets_by_day(*, of: Q) -> list[DayCount]:
    """Return the tickets of each of the last two weeks' days, among the events that the filter lets through."""
    today = timezone.now().date()
    first = today - timedelta(days=CHART_DAYS)
    since = datetime.combine(first, time(), UTC)
    events = AuditEvent.objects.filter(of, kind=AuditEvent.Kind.TICKET, happened__gte=since)
    counted = dict(
        events.order_by().annotate(day=TruncDate("happened")).values_list("day").annotate(count=Count("pk"))
    )
    return [DayCount(day, counted.get(day, 0)) for day in _days(first, today)]


def _days(first: date, last: date) -> Iterator[date]:
    for number in range((last - first).days + 1):
        yield first + timedelta(days=number)
