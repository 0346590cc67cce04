"""What a kind of job is: how to find its inputs, how to do some of them, and how to end. `KINDS` has all of them."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

from catalogue.errors import CatalogueError
from catalogue.ingest.outcomes import InputResult
from catalogue.jobs.recording import JobObserver, JobRun
from catalogue.models import IngestedFile, IngestRun


class UnknownKind(CatalogueError):
    """There is no kind of job of this name."""


class JobRefused(CatalogueError):
    """The arguments of a job cannot be used."""


@dataclass(frozen=True, slots=True)
class Job:
    """A job as its kind sees it: the row, the record of its inputs' outcomes, and the observer of its progress."""

    row: IngestRun
    run: JobRun
    observer: JobObserver

    @property
    def arguments(self) -> Mapping[str, Any]:
        """The arguments as the job was started with them, the long ones too."""
        return {**self.row.arguments, **(self.row.attachment or {})}

    @property
    def dry_run(self) -> bool:
        """Whether the job writes nothing."""
        return self.row.dry_run


@dataclass(frozen=True, slots=True)
class Input:
    """An input of a job: its name, which no other input has, and what the kind has to know of it, as JSON."""

    source: str
    work: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Plan:
    """The inputs of a job, and the results of those that cannot be done.

    With `together` the inputs depend on each other, so that one worker does them in one go.
    """

    inputs: Sequence[Input] = ()
    refused: Sequence[InputResult] = ()
    together: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Kind:
    """A kind of job.

    `check` raises CatalogueError for arguments that cannot be used, when the job is queued. `plan` finds the inputs.
    `work` does some of them and records the outcome of each with `job.run`, best in the transaction of its rows; an
    input may come twice, if its worker was killed. The attachment of a run that succeeded is removed, unless the kind
    `keeps_attachment` because it is the result. `finish` does what remains, and returns what the summary of the run
    shows beside the outcomes. All of them raise CatalogueError for what the person who started the job has to know.
    """

    name: str
    title: str
    unit: str = "files"
    keeps_attachment: bool = False
    check: Callable[[Mapping[str, Any], bool], object]
    plan: Callable[[Job], Plan]
    work: Callable[[Job, Sequence[IngestedFile]], None]
    finish: Callable[[Job], Mapping[str, Any]] = lambda job: {}


KINDS: Final[dict[str, Kind]] = {}


def register(kinds: Iterable[Kind]) -> None:
    """Add kinds of jobs."""
    KINDS.update({kind.name: kind for kind in kinds})


def kind_of(name: str) -> Kind:
    """Return a kind by its name. Raises UnknownKind."""
    try:
        return KINDS[name]
    except KeyError:
        raise UnknownKind(f"there is no kind of job {name!r}; there are {', '.join(sorted(KINDS))}") from None
