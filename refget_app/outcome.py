"""The decision table of refget: one pure function from a request for residues to its outcome.

refget 2.0.0, "Method: get sequence by ID"; where the specification contradicts itself (a start beyond the sequence is
both 400 and 416 there), the official compliance suite decides. Positions are 0-based and half-open.
"""

from dataclasses import dataclass
from http import HTTPStatus

from ga4gh.ranges import RangeHeader
from refget_app.params import SequenceParams


@dataclass(frozen=True, slots=True)
class Serve:
    """Serve residues `[start, end)`; with `start` after `end` they run over the origin of a circular sequence.

    `status` is 206 where a Range header chose them, and `by_query` says whether `start` or `end` did.
    """

    status: HTTPStatus
    start: int
    end: int
    by_query: bool

    def pieces(self, length: int) -> tuple[tuple[int, int], ...]:
        """Return what to read from a sequence of `length` residues, as half-open pairs in the order of the answer."""
        if self.start <= self.end:
            return ((self.start, self.end),)
        return ((self.start, length), (0, self.end))

    def residues(self, length: int) -> int:
        """Return the number of residues in the answer."""
        return self.end - self.start + (length if self.start > self.end else 0)


@dataclass(frozen=True, slots=True)
class Refuse:
    """Serve nothing: the status (400 or 416) and a sentence for the client.

    `by_range` says that a Range header could not be satisfied, which HTTP answers with `Content-Range: bytes */length`.
    """

    status: HTTPStatus
    message: str
    by_range: bool = False


Outcome = Serve | Refuse


def decide(params: SequenceParams, *, length: int, circular: bool, limit: int | None) -> Outcome:
    """Return the outcome for a sequence of `length` residues; `limit` is the maximum length of a part, if any."""
    if params.fault is not None:
        return Refuse(HTTPStatus.BAD_REQUEST, params.fault)
    if params.range is not None:
        outcome = _by_range(params.range, length)
    elif params.by_query:
        outcome = _by_query(params, length, circular)
    else:
        return Serve(HTTPStatus.OK, 0, length, by_query=False)
    if limit is not None and isinstance(outcome, Serve) and (asked := outcome.residues(length)) > limit:
        return _unsatisfiable(
            f"{asked} residues are asked for, and this server gives at most {limit} of a part",
            by_range=params.range is not None,
        )
    return outcome


def _by_query(params: SequenceParams, length: int, circular: bool) -> Outcome:
    start = 0 if params.start is None else params.start
    end = length if params.end is None else params.end
    if start > length:
        return Refuse(
            HTTPStatus.BAD_REQUEST, f"start {start} is beyond the sequence, which has {length} residues"
        )
    if start == length and length > 0:
        return _unsatisfiable(f"start {start} is the end of the sequence, which has {length} residues")
    if end > length:
        return _unsatisfiable(f"end {end} is beyond the sequence, which has {length} residues")
    if start > end and not circular:
        return _unsatisfiable(f"start {start} is after end {end}, and the sequence is not circular")
    return Serve(HTTPStatus.OK, start, end, by_query=True)


def _by_range(asked: RangeHeader, length: int) -> Outcome:
    part = asked.within(length)
    if part is None:
        return _unsatisfiable(f"the range selects none of the {length} residues", by_range=True)
    return Serve(HTTPStatus.PARTIAL_CONTENT, *part, by_query=False)


def _unsatisfiable(message: str, *, by_range: bool = False) -> Refuse:
    return Refuse(HTTPStatus.REQUESTED_RANGE_NOT_SATISFIABLE, message, by_range)
