"""The parameters of a request for residues: `start`, `end` and `accept` of the query, and the Range header.

Positions in a query are 0-based and half-open. refget 2.0.0, "Method: get sequence by ID".
"""

import re
from dataclasses import dataclass
from urllib.parse import parse_qsl

from ga4gh.ranges import RangeHeader, parse_range

#: Positions are unsigned 32-bit integers.
MAX_POSITION = 2**32 - 1

# int() alone would also accept "1_0", "+5", " 5" and digits of other scripts.
_POSITION = re.compile(r"[0-9]{1,10}")
_USUAL_QUERY = re.compile(r"start=([0-9]{1,10})&end=([0-9]{1,10})")


@dataclass(frozen=True, slots=True)
class SequenceParams:
    """The parameters of a request for residues; `fault` says why it is malformed (400), once the id is found.

    `accept` is the query's, which counts as the header; None where it is absent.
    """

    start: int | None = None
    end: int | None = None
    range: RangeHeader | None = None
    accept: str | None = None
    fault: str | None = None

    @property
    def by_query(self) -> bool:
        """Whether `start` or `end` is given; 0 is a position like any other."""
        return self.start is not None or self.end is not None


def sequence_params(*, query: str, range_header: str | None) -> SequenceParams:
    """Parse a query string (still percent-encoded) and the Range header. Never raises: see `SequenceParams.fault`."""
    if range_header is None:
        if not query:
            return SequenceParams()
        if usual := _USUAL_QUERY.fullmatch(query):
            start, end = int(usual[1]), int(usual[2])
            if start <= MAX_POSITION and end <= MAX_POSITION:
                return SequenceParams(start, end)
    given: dict[str, list[str]] = {}
    for name, value in parse_qsl(query, keep_blank_values=True):
        given.setdefault(name, []).append(value)
    accept = ",".join(given["accept"]) if "accept" in given else None
    try:
        start_value = _position("start", given)
        end_value = _position("end", given)
        wanted = None if range_header is None else _range(range_header)
        if wanted is not None and ("start" in given or "end" in given):
            raise _Fault("a Range header cannot be combined with start or end")
    except _Fault as fault:
        return SequenceParams(accept=accept, fault=str(fault))
    return SequenceParams(start_value, end_value, wanted, accept)


class _Fault(Exception):
    """Why the request is malformed."""


def _position(name: str, given: dict[str, list[str]]) -> int | None:
    values = given.get(name)
    if values is None:
        return None
    if len(values) > 1:
        raise _Fault(f"{name} is given {len(values)} times")
    if not _POSITION.fullmatch(values[0]) or (position := int(values[0])) > MAX_POSITION:
        raise _Fault(f"{name} must be a whole number from 0 to {MAX_POSITION}")
    return position


def _range(header: str) -> RangeHeader:
    parsed = parse_range(header)
    if parsed is None:
        raise _Fault(
            "the Range header must be bytes=first-last, bytes=first- or bytes=-count, and only one of them"
        )
    return parsed
