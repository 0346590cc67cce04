"""Reads of one job or run for its page: in words what it does, how far it is, and what became of its inputs."""

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any, Final

from django.core.paginator import Page, Paginator
from django.db.models import Count, Q

from catalogue.models import IngestedFile, IngestRun

_TITLES: Final = {
    "ingest_bam": "Register reads",
    "ingest_vcf": "Register variants",
    "ingest_fasta": "Register sequences",
    "ingest_aliases": "Register names of sequences",
    "ingest_manifest": "Register by manifest",
    "ingest_gff3": "Register an annotation",
    "verify_files": "Verify files",
    "index_files": "Index files again",
    "move_files": "Move files",
    "remove_files": "Remove files",
    "export_manifest": "Export a manifest",
    "verify_sequences": "Verify stored sequences",
    "refresh_states": "Refresh the states of files",
    "remove_orphans": "Remove orphaned objects",
}
_MAX_SHOWN: Final = 20
_WRONG: Final = (IngestedFile.Outcome.FAILED,)


@dataclass(frozen=True, slots=True)
class RunState:
    """How far a run is. `rate` is units per second, `remaining` seconds; None where that is not known."""

    outcome: str
    over: bool
    phase: str
    done: int
    total: int | None
    unit: str
    rate: float
    remaining: float | None
    outcomes: dict[str, int]

    @property
    def percent(self) -> int | None:
        """How much is done, of 100."""
        return None if not self.total else 100 * self.done // self.total

    @property
    def told(self) -> str:
        """The same in words."""
        parts = [f"{self.done:,} of {self.total:,} {self.unit}" if self.total is not None else self.phase]
        if self.phase.startswith("waiting for a storage"):
            parts += [self.phase] if self.total is not None else []
        elif not self.over:
            parts += [f"{self.rate:.1f} {self.unit} a second"] if self.rate else []
            parts += [f"{_minutes(self.remaining)} left"] if self.remaining is not None else []
        return ", ".join(filter(None, parts))

    def as_json(self) -> dict[str, Any]:
        """Return it for the script of the page."""
        return {**asdict(self), "percent": self.percent, "told": self.told}


@dataclass(frozen=True, slots=True)
class RunInput:
    """One input of a run, with links to what it made."""

    pk: int
    source: str
    outcome: str
    message: str
    counts: str
    links: tuple[str, ...]
    wrong: bool

    def as_json(self) -> dict[str, Any]:
        """Return it for the script of the page."""
        return asdict(self)


def title_of_command(command: str) -> str:
    """Return what a command or kind of job does, in words."""
    return _TITLES.get(command, command.replace("_", " ").capitalize())


def title_of(row: IngestRun) -> str:
    """Return what a run does, in words."""
    title = title_of_command(row.command)
    return f"Preview: {title[0].lower()}{title[1:]}" if row.dry_run else title


def target_of(row: IngestRun) -> str:
    """Return what a run writes into: a dataset, several, or a collection."""
    arguments = row.arguments
    several = arguments.get("datasets")
    return str(
        arguments.get("dataset")
        or (", ".join(several) if several else "")
        or arguments.get("collection")
        or ""
    )


def is_preview(row: IngestRun) -> bool:
    """Return whether a run is a dry run that can be started for good."""
    return row.dry_run and row.is_job


def questions_of(row: IngestRun) -> list[tuple[str, str]]:
    """Return the arguments of a run, with their names for people."""
    found = []
    for name, value in row.arguments.items():
        if name in {"content", "rows"}:
            continue
        if isinstance(value, list):
            more = len(value) - _MAX_SHOWN
            text = ", ".join(map(str, value[:_MAX_SHOWN])) + (f" and {more:,} more" if more > 0 else "")
        else:
            text = _said(value)
        found.append((name.replace("_", " "), text))
    return found


def _said(value: object) -> str:
    if isinstance(value, dict):
        return "; ".join(f"{name}: {_said(one)}" for name, one in value.items())
    if isinstance(value, list):
        return ", ".join(map(str, value))
    return {True: "yes", False: "no"}[value] if isinstance(value, bool) else str(value)


def state_of(row: IngestRun) -> RunState:
    """Return how far a run is."""
    progress = getattr(row, "progress", None)
    counted = row.files.order_by().values_list("outcome").annotate(count=Count("pk"))
    outcomes = {str(name): int(count) for name, count in counted}
    total = sum(outcomes.values())
    if progress is None or row.is_over:
        waiting = outcomes.get("waiting", 0)
        unit = progress.unit if progress else "files"
        return RunState(row.outcome, row.is_over, "", total - waiting, total, unit, 0.0, None, outcomes)
    return RunState(
        row.outcome, False, progress.phase, progress.done, progress.total, progress.unit, progress.rate,
        progress.remaining, outcomes,
    )  # fmt: skip


def inputs_of(
    row: IngestRun, *, outcome: str, page: int, per_page: int
) -> tuple["Page[Any]", list[RunInput]]:
    """Return a page of the inputs of a run that are done (only those with an outcome if one is given), and them."""
    rows = row.files.exclude(outcome=IngestedFile.Outcome.WAITING)
    if outcome in IngestedFile.Outcome.values:
        rows = row.files.filter(outcome=outcome)
    found = Paginator(rows.order_by("pk"), per_page).get_page(page)
    return found, [_input(one) for one in found.object_list]


def news_of(row: IngestRun, *, after: int, limit: int) -> Sequence[RunInput]:
    """Return the inputs that went wrong or wait for a storage, the newest last, after one with a number."""
    wrong = Q(outcome__in=_WRONG) | ~Q(message="") & Q(outcome=IngestedFile.Outcome.WAITING)
    rows = row.files.filter(wrong, pk__gt=after).order_by("pk")
    return [_input(one) for one in rows[:limit]]


def _input(one: IngestedFile) -> RunInput:
    counts = ", ".join(f"{count:,} {name.replace('_', ' ')}" for name, count in one.counts.items() if count)
    links = tuple(f"/{path}" for path in one.paths)
    return RunInput(
        one.pk, one.source, str(one.get_outcome_display()), one.message, counts, links, one.outcome in _WRONG
    )


def _minutes(seconds: float) -> str:
    if seconds < 90:
        return f"{seconds:.0f} seconds"
    return f"{seconds / 60:.0f} minutes" if seconds < 5400 else f"{seconds / 3600:.1f} hours"
