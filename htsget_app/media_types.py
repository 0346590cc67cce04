"""Chooses the version of htsget of an answer (htsget 1.3, "Protocol essentials").

All versions share one layout, so this decides only the number in the Content-Type: the version that the Accept header
names and prefers, else the newest.
"""

from typing import Final

from ga4gh.accept import Offer, choose

#: The supported versions, the newest first.
VERSIONS: Final = ("1.3.0", "1.2.1", "1.2.0", "1.1.1", "1.1.0", "1.0.0")

_OFFERS: Final = tuple(
    Offer(media_type=f"application/vnd.ga4gh.htsget.v{version}+json", charset="utf-8", explicit=True)
    for version in VERSIONS
)


def ticket_type(accept: str) -> str:
    """Return the Content-Type of a ticket for a client with this Accept header."""
    return (choose(_OFFERS, accept) or _OFFERS[0]).content_type
