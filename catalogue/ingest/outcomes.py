"""The options, results and observer of every ingest."""

import time
from collections import Counter
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from enum import StrEnum
from typing import Any, Final, Protocol


class Outcome(StrEnum):
    """The outcome of one input. `PASSED_OVER`: found in a folder, but not a file for this command.

    `CHANGED` is that of a registered file which a steward changed.
    """

    ADDED = "added"
    REPLACED = "replaced"
    CHANGED = "changed"
    UNCHANGED = "unchanged"
    PASSED_OVER = "passed over"
    FAILED = "failed"


#: The outcomes that an ingest can have, in the order in which results name them.
OF_INGESTS: Final = tuple(outcome for outcome in Outcome if outcome is not Outcome.CHANGED)


@dataclass(frozen=True, slots=True, kw_only=True)
class Options:
    """Options of every ingest. A dry run reads and checks everything as the real run does, and writes nothing."""

    dry_run: bool = False

    def recorded(self) -> dict[str, Any]:
        """Return the options that are set, as JSON for the row of the run."""
        return {name: _plain(value) for name, value in asdict(self).items() if value or value == 0}


def _plain(value: Any) -> Any:
    return sorted(value) if isinstance(value, frozenset) else value


@dataclass(frozen=True, slots=True)
class InputResult:
    """The result of one input. `message` says why it failed, or what the steward should know.

    `paths` are URL paths under which the site serves what was registered, without the first slash; only the first few
    of many. `may_recover`: it failed because a storage did not answer, and a later attempt may succeed.
    """

    source: str
    outcome: Outcome
    message: str = ""
    counts: Mapping[str, int] = field(default_factory=dict)
    paths: tuple[str, ...] = ()
    may_recover: bool = False

    @property
    def failed(self) -> bool:
        return self.outcome is Outcome.FAILED


@dataclass(slots=True)
class IngestResult:
    """The result of an ingest. `faults` are those of no single input; `total` is the number of inputs.

    `unlinked` names some of the contigs whose sequence is not known.
    """

    total: int = 0
    inputs: list[InputResult] = field(default_factory=list)
    faults: list[str] = field(default_factory=list)
    collection: Outcome | None = None
    unlinked: tuple[str, ...] = ()
    run: int | None = None
    started: float = field(default_factory=time.monotonic)

    @property
    def failed(self) -> bool:
        """Whether anything failed."""
        return bool(self.faults) or any(one.failed for one in self.inputs)

    @property
    def outcomes(self) -> Counter[Outcome]:
        """The number of inputs by outcome."""
        return Counter(one.outcome for one in self.inputs)

    def count(self, name: str) -> int:
        """Return the sum of one count over all inputs."""
        return sum(one.counts.get(name, 0) for one in self.inputs)

    def counts(self) -> dict[str, int]:
        """Return the sum of every count over all inputs."""
        total: Counter[str] = Counter()
        for one in self.inputs:
            total.update(one.counts)
        return dict(total)


class Observer(Protocol):
    """Receives the progress and results of an ingest: a command prints them, a job records them."""

    def progressed(self, label: str, done: int, total: int | None) -> None:
        """`done` of `total` (None: not known) bytes or inputs of `label` are done. Called from any thread."""

    def noted(self, source: str, message: str) -> None:
        """Report a note about an input to the steward."""

    def finished(self, result: InputResult) -> None:
        """Take note that an input is done."""
