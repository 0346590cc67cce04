"""Which form and version of an answer the client accepts (refget 2.0.0, "Internet Media Types Handling").

Versions 0.2 and 1.0.0 share the types of 1.0.0. The highest quality wins, then the most specific range, then the
highest version. Browsers and Java, whose Accept ends in `*/*`, get the default type.
"""

import re
from dataclasses import dataclass
from enum import Enum
from functools import lru_cache


class Form(Enum):
    """How residues are written."""

    PLAIN = "plain"
    FASTA = "fasta"
    JSON = "json"


# Compared by identity: the offers are constants, and `choose` hashes them at every request.
@dataclass(frozen=True, slots=True, eq=False)
class Representation:
    """One form that can be sent: its Content-Type, and a short `tag` that tells it apart in an ETag.

    `also` are less exact types that mean it, `legacy` that the layout is that of version 1.
    """

    media_type: str
    form: Form
    tag: str
    charset: str = "us-ascii"
    also: tuple[str, ...] = ()
    explicit: bool = False
    legacy: bool = False

    @property
    def content_type(self) -> str:
        """The value of the Content-Type header."""
        return f"{self.media_type}; charset={self.charset}"


def _versions(media_type: str, form: Form, degraded: str) -> tuple[Representation, ...]:
    newest = Representation(media_type.format("2.0.0"), form, f"{form.value}-2.0.0", also=(degraded,))
    older = (
        Representation(
            media_type.format(version), form, f"{form.value}-{version}", explicit=True, legacy=True
        )
        for version in ("1.0.1", "1.0.0")
    )
    return newest, *older


#: What a sequence can be sent as, the preferred first. Version 1 is sent only to those who name it.
SEQUENCE = (
    *_versions("text/vnd.ga4gh.refget.v{}+plain", Form.PLAIN, "text/plain"),
    Representation("text/x-fasta", Form.FASTA, "fasta"),
    Representation("application/json", Form.JSON, "json"),
)
#: What metadata and service-info can be sent as.
DOCUMENT = _versions("application/vnd.ga4gh.refget.v{}+json", Form.JSON, "application/json")

_QUALITY = re.compile(r"(?:0|1)?(?:\.[0-9]*)?")
# A query string turns "+" into a space.
_LOST_PLUS = re.compile(r"(?<=[0-9]) (?=plain|json)")


@lru_cache(maxsize=256)
def choose(offers: tuple[Representation, ...], accept: str) -> Representation | None:
    """The offer that an Accept header (or `accept` of the query) prefers; None when it takes none of them (406)."""
    ranges = _ranges(_LOST_PLUS.sub("+", accept))
    best: Representation | None = None
    best_rank = (0.0, 0)
    for offer in offers:
        specificity, quality = max(
            ((_specificity(media_range, offer), quality) for media_range, quality in ranges), default=(0, 0.0)
        )
        rank = (quality, specificity)
        if specificity and quality and rank > best_rank:
            best, best_rank = offer, rank
    return best


def acceptable(offers: tuple[Representation, ...]) -> str:
    """The types on offer, for people."""
    return ", ".join(offer.media_type for offer in offers)


def _ranges(accept: str) -> list[tuple[str, float]]:
    """Media ranges in lower case and their qualities; an empty header accepts everything."""
    if not accept.strip():
        return [("*/*", 1.0)]
    ranges = []
    for element in accept.split(","):
        media_range, *parameters = (part.strip().lower() for part in element.split(";"))
        quality = 1.0
        for parameter in parameters:
            name, _, value = parameter.partition("=")
            if name.rstrip() == "q":
                value = value.strip()
                # Java writes q=.2; a quality that is no number says nothing.
                quality = min(float(value), 1.0) if value.strip(".") and _QUALITY.fullmatch(value) else 0.0
        # Java's default Accept has a lone "*".
        ranges.append(("*/*" if media_range == "*" else media_range, quality))
    return ranges


def _specificity(media_range: str, offer: Representation) -> int:
    """How exactly a range names an offer: 4 its versioned type, 3 a plain type, 2 `text/*`, 1 `*/*`, 0 not at all."""
    if media_range == offer.media_type:
        return 4 if ".v" in offer.media_type else 3
    if offer.explicit:
        return 0
    if media_range in offer.also:
        return 3
    if media_range == offer.media_type.partition("/")[0] + "/*":
        return 2
    return 1 if media_range == "*/*" else 0
