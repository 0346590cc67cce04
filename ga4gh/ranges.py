"""Range headers (RFC 9110, section 14). Bytes count from 0; only the header itself is inclusive."""

import re
from typing import NamedTuple

# int() alone would also accept "1_0", "+5", " 5" and digits of other scripts.
_RANGE = re.compile(r"bytes=(?:([0-9]+)-([0-9]*)|-([0-9]+))", re.IGNORECASE)
#: Enough for every length; int() rejects text of thousands of digits.
_BEYOND = 2**63


class RangeHeader(NamedTuple):
    """`bytes=first-last`, both inclusive, `last` None for the end; with `first` None, the last `last` bytes."""

    first: int | None
    last: int | None

    @property
    def is_inverted(self) -> bool:
        """Whether the last byte is before the first, which is invalid for every length."""
        return self.first is not None and self.last is not None and self.last < self.first

    def within(self, length: int) -> tuple[int, int] | None:
        """Return the half-open range of bytes that it selects of `length`, clipped to the end; None if it is empty."""
        first, last = self
        if first is None:
            begin, end = max(length - (last or 0), 0), length
        else:
            begin, end = first, length if last is None else min(last + 1, length)
        return (begin, end) if begin < end else None


def parse_range(header: str) -> RangeHeader | None:
    """Parse `bytes=a-b`, `bytes=a-` or `bytes=-n`; None for anything else: other units, several ranges, malformed."""
    match = _RANGE.fullmatch(header.strip())
    if match is None:
        return None
    first, last, suffix = match.groups()
    if suffix is not None:
        return RangeHeader(None, _number(suffix))
    return RangeHeader(_number(first), _number(last) if last else None)


def content_range(begin: int, end: int, length: int) -> tuple[str, str]:
    """Return the Content-Range header of a 206 with bytes `[begin, end)` of `length`."""
    return "Content-Range", f"bytes {begin}-{end - 1}/{length}"


def unsatisfied_range(length: int) -> tuple[str, str]:
    """Return the Content-Range header of a 416."""
    return "Content-Range", f"bytes */{length}"


def _number(digits: str) -> int:
    return int(digits) if len(digits) < 19 else _BEYOND
