"""Content negotiation by the Accept header (RFC 9110, section 12.5.1).

The highest quality wins, then the most specific media range, then the first offer. Accepts what Java sends: `q=.2` and
a lone `*`.
"""

import re
from dataclasses import dataclass
from functools import lru_cache
from typing import TypeVar


# Compared by identity: offers are constants, and `choose` hashes them at every request.
@dataclass(frozen=True, slots=True, eq=False, kw_only=True)
class Offer:
    """One representation that can be sent.

    `tag` distinguishes it in an ETag, `also` are less exact types that match it, and an `explicit` offer is sent only
    to clients that name its exact type.
    """

    media_type: str
    tag: str = ""
    charset: str = "us-ascii"
    also: tuple[str, ...] = ()
    explicit: bool = False

    @property
    def content_type(self) -> str:
        """The value of the Content-Type header."""
        return f"{self.media_type}; charset={self.charset}"


OfferT = TypeVar("OfferT", bound=Offer)

_QUALITY = re.compile(r"(?:0|1)?(?:\.[0-9]*)?")
# A query string turns "+" into a space.
_LOST_PLUS = re.compile(r"(?<=[0-9]) (?=plain|json)")


def choose(offers: tuple[OfferT, ...], accept: str) -> OfferT | None:
    """Return the offer that an Accept header prefers; None if it accepts none of them (406)."""
    best = _best(offers, accept)
    return None if best is None else offers[best]


@lru_cache(maxsize=256)
def _best(offers: tuple[Offer, ...], accept: str) -> int | None:
    ranges = _ranges(_LOST_PLUS.sub("+", accept))
    best, best_rank = None, (0.0, 0)
    for number, offer in enumerate(offers):
        specificity, quality = max(
            (_specificity(media_range, offer), quality) for media_range, quality in ranges
        )
        rank = (quality, specificity)
        if specificity and quality and rank > best_rank:
            best, best_rank = number, rank
    return best


def _ranges(accept: str) -> list[tuple[str, float]]:
    """Return media ranges in lower case with their qualities; an empty header accepts everything."""
    if not accept.strip():
        return [("*/*", 1.0)]
    ranges = []
    for element in accept.split(","):
        media_range, *parameters = (part.strip().lower() for part in element.split(";"))
        # Java's default Accept has a lone "*".
        ranges.append(("*/*" if media_range == "*" else media_range, _quality(parameters)))
    return ranges


def _quality(parameters: list[str]) -> float:
    quality = 1.0
    for parameter in parameters:
        name, _, value = parameter.partition("=")
        if name.rstrip() == "q":
            value = value.strip()
            # Java writes q=.2; an invalid quality counts as 0.
            quality = min(float(value), 1.0) if value.strip(".") and _QUALITY.fullmatch(value) else 0.0
    return quality


def _specificity(media_range: str, offer: Offer) -> int:
    """Rank how exactly a range matches: 4 the versioned type, 3 a plain type, 2 `text/*`, 1 `*/*`, 0 no match."""
    if media_range == offer.media_type:
        return 4 if ".v" in offer.media_type else 3
    if offer.explicit:
        return 0
    if media_range in offer.also:
        return 3
    if media_range == offer.media_type.partition("/")[0] + "/*":
        return 2
    return 1 if media_range == "*/*" else 0
