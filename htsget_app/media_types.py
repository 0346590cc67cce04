"""Which version of htsget an answer is in (htsget 1.3, "Protocol essentials").

All versions that are answered share one layout, so this only decides the number in the Content-Type: the one that the
Accept header names, with the highest quality, then the highest number; else the newest.
"""

import re
from functools import lru_cache
from typing import Final

#: The versions that are answered, the newest first.
VERSIONS: Final = ("1.3.0", "1.2.1", "1.2.0", "1.1.1", "1.1.0", "1.0.0")

_NAMED = re.compile(r"application/vnd\.ga4gh\.htsget\.v([0-9.]+)\+json", re.IGNORECASE)
_QUALITY = re.compile(r"[01](?:\.[0-9]{0,3})?")


@lru_cache(maxsize=256)
def ticket_type(accept: str) -> str:
    """The Content-Type of a ticket for a client with this Accept header."""
    wanted: dict[str, float] = {}
    for element in accept.split(","):
        media_type, *parameters = (part.strip() for part in element.split(";"))
        if named := _NAMED.fullmatch(media_type):
            wanted[named[1]] = _quality(parameters)
    answered = [version for version in VERSIONS if wanted.get(version, 0.0) > 0]
    version = max(answered, key=lambda version: wanted[version], default=VERSIONS[0])
    return f"application/vnd.ga4gh.htsget.v{version}+json; charset=utf-8"


def _quality(parameters: list[str]) -> float:
    for parameter in parameters:
        name, _, value = parameter.partition("=")
        if name.strip().lower() == "q":
            value = value.strip()
            return min(float(value), 1.0) if _QUALITY.fullmatch(value) else 0.0
    return 1.0
