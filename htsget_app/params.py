"""Parses a request for a ticket, from a query string or a JSON body (htsget 1.3, "GET request", "POST request").

Checks that need the file (an unknown reference, a start beyond its length) are in `htsget_app.planning.selection`.
Positions are 0-based and half-open. Every fault is an `InvalidInput`, `InvalidRange` or `UnsupportedFormat` whose
message names the parameter.
"""

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final, NoReturn

from catalogue.formats.bam_fields import FIELDS
from catalogue.formats.headers import FileFormat
from catalogue.formats.intervals import MAX_POSITION
from catalogue.formats.registry import formats_of
from catalogue.formats.spec import FileKind
from ga4gh.parameters import query_parameters
from htsget_app.errors import InvalidInput, InvalidRange, UnsupportedFormat

#: The formats that each endpoint serves; the first is the default.
FORMATS: Final[Mapping[str, tuple[FileFormat, ...]]] = {kind.value: formats_of(kind) for kind in FileKind}
#: The reference name of reads without a position.
UNPLACED: Final = "*"

_REGION = ("referenceName", "referenceMD5", "start", "end")
_CHOICES = ("fields", "tags", "notags")
_GET_PARAMETERS = frozenset({"format", "class", *_REGION, *_CHOICES})
_POST_KEYS = frozenset({"format", "class", "regions", *_CHOICES})

_TAG = re.compile(r"[A-Za-z][A-Za-z0-9]")
# int() alone would also accept "1_000", "+5", " 5", digits of other scripts, and thousands of digits.
_POSITION = re.compile(r"0*([0-9]{1,10})")
_MAX_PARAMETERS = 1000


@dataclass(frozen=True, slots=True)
class RegionRequest:
    """Positions `start` to `end` of the reference with this name, this md5, or both.

    `md5` is in lower case. `start` and `end` are None if absent: the begin and end of the contig.
    """

    name: str | None = None
    md5: str | None = None
    start: int | None = None
    end: int | None = None


@dataclass(frozen=True, slots=True)
class Rewriting:
    """How the records of an answer differ from stored ones (htsget 1.3, "fields", "tags", "notags", "format").

    `fields` and `tags` are those to keep, None for all of them; `notags` are those to drop. With `no_reference` CRAM is
    written without one.
    """

    target: FileFormat
    fields: tuple[str, ...] | None = None
    tags: tuple[str, ...] | None = None
    notags: tuple[str, ...] = ()
    no_reference: bool = False


@dataclass(frozen=True, slots=True)
class TicketRequest:
    """A request for one id.

    `regions` is None for the whole file. `unplaced` asks for the reads without a position. `fields` and `tags` are
    None for all of them.
    """

    kind: str
    id: str
    format: FileFormat
    header_only: bool = False
    regions: tuple[RegionRequest, ...] | None = None
    unplaced: bool = False
    fields: frozenset[str] | None = None
    tags: frozenset[str] | None = None
    notags: frozenset[str] = frozenset()

    def rewriting(self, stored: FileFormat) -> Rewriting | None:
        """Return how to rewrite the records of a file in format `stored`; None if they stay unchanged.

        Fields and tags apply to alignment records, and are ignored for variants (htsget 1.3, "fields").
        """
        rewriting = Rewriting(self.format)
        if self.kind == FileKind.READS and not self.header_only:
            fields = None if self.fields is None else tuple(name for name in FIELDS if name in self.fields)
            rewriting = Rewriting(
                self.format,
                fields=None if fields == FIELDS else fields,
                tags=None if self.tags is None else tuple(sorted(self.tags)),
                notags=tuple(sorted(self.notags)),
            )
        return None if rewriting == Rewriting(stored) else rewriting


def from_query(*, kind: str, id: str, query: str) -> TicketRequest:
    """Parse a GET; `query` is the query string, still percent-encoded, as WSGI gives it. Ignores unknown parameters."""
    given = query_parameters(query, max_parameters=_MAX_PARAMETERS, once=_GET_PARAMETERS, refuse=InvalidInput)
    format = _format(kind, given.get("format"))
    if _header_only(given, of=_GET_PARAMETERS):
        return TicketRequest(kind, id, format, header_only=True)
    region = RegionRequest(
        name=given.get("referenceName"),
        md5=_lower(given.get("referenceMD5")),
        start=_position_in_text("start", given.get("start")),
        end=_position_in_text("end", given.get("end")),
    )
    regions, unplaced = _placed((region,) if given.keys() & set(_REGION) else None)
    if region.start is not None and region.end is not None and region.start > region.end:
        raise InvalidRange(f"start {region.start} is after end {region.end}")
    return TicketRequest(
        kind,
        id,
        format,
        regions=regions,
        unplaced=unplaced,
        **_choices(
            {name: given[name].split(",") if given[name] else [] for name in _CHOICES if name in given}
        ),
    )


def from_body(*, kind: str, id: str, query: str, body: bytes) -> TicketRequest:
    """Parse a POST, whose URL has no query and whose `body` is a JSON object. Ignores unknown keys."""
    if query:
        raise InvalidInput("a POST takes its parameters from its body; remove the query")
    given = _json_object(body)
    for name in _REGION:
        if name in given:
            raise InvalidInput(f"in a POST {name} belongs in regions")
    format = _format(kind, _text("format", given["format"]) if "format" in given else None)
    if _header_only(given, of=_POST_KEYS):
        return TicketRequest(kind, id, format, header_only=True)
    regions, unplaced = _placed(_regions(given["regions"]) if "regions" in given else None)
    return TicketRequest(
        kind,
        id,
        format,
        regions=regions,
        unplaced=unplaced,
        **_choices({name: _texts(name, given[name]) for name in _CHOICES if name in given}),
    )


def _json_object(body: bytes) -> dict[str, Any]:
    try:
        given = json.loads(body.decode(), object_pairs_hook=_once, parse_constant=_no_json)
    except (ValueError, RecursionError):
        raise InvalidInput("the body is not JSON in UTF-8") from None
    if not isinstance(given, dict):
        raise InvalidInput("the body is not a JSON object")
    return given


def _once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    given = dict(pairs)
    if len(given) < len(pairs):
        raise InvalidInput("a key is given twice in one JSON object")
    return given


def _no_json(constant: str) -> NoReturn:
    raise ValueError(f"{constant} is not JSON")


def _format(kind: str, asked: str | None) -> FileFormat:
    served = FORMATS[kind]
    if asked is None:
        return served[0]
    for format in served:
        if asked.upper() == format:
            return format
    raise UnsupportedFormat(f"format must be one of {', '.join(served)} for /{kind}")


def _header_only(given: Mapping[str, Any], *, of: frozenset[str]) -> bool:
    if "class" not in given:
        return False
    if given["class"] != "header":
        raise InvalidInput("class must be header")
    beside = sorted(given.keys() & of - {"class", "format"})
    if beside:
        raise InvalidInput(f"class=header cannot be combined with {', '.join(beside)}")
    return True


def _placed(
    regions: tuple[RegionRequest, ...] | None,
) -> tuple[tuple[RegionRequest, ...] | None, bool]:
    """Return the regions on references, and whether reads without a position are requested too."""
    if regions is None:
        return None, False
    for region in regions:
        bounded = region.start is not None or region.end is not None
        if bounded and region.name is None and region.md5 is None:
            raise InvalidInput("start and end need a referenceName or referenceMD5")
        if region.name == UNPLACED and bounded:
            raise InvalidInput("start and end cannot be combined with referenceName=*")
        if region.name == UNPLACED and region.md5 is not None:
            raise InvalidInput("referenceName and referenceMD5 name different references")
    placed = tuple(region for region in regions if region.name != UNPLACED)
    return placed, len(placed) < len(regions)


def _regions(given: Any) -> tuple[RegionRequest, ...]:
    if not isinstance(given, list) or not given:
        raise InvalidInput("regions must be a list of at least one region")
    return tuple(map(_region, given))


def _region(given: Any) -> RegionRequest:
    if not isinstance(given, dict):
        raise InvalidInput("regions must hold JSON objects")
    if "referenceName" not in given:
        raise InvalidInput("each of regions needs a referenceName")
    region = RegionRequest(
        name=_text("referenceName", given["referenceName"]),
        md5=_lower(_text("referenceMD5", given["referenceMD5"])) if "referenceMD5" in given else None,
        start=_position("start", given["start"]) if "start" in given else None,
        end=_position("end", given["end"]) if "end" in given else None,
    )
    if region.start is not None and region.end is not None and region.start >= region.end:
        raise InvalidRange(f"start {region.start} is not before end {region.end}")
    return region


def _choices(given: Mapping[str, list[str]]) -> dict[str, Any]:
    """Check `fields`, `tags` and `notags`, and return them as arguments of a TicketRequest."""
    fields, tags, notags = (frozenset(given[name]) if name in given else None for name in _CHOICES)
    if fields is not None and (not fields or fields - set(FIELDS)):
        raise InvalidInput(f"fields must be of {', '.join(sorted(FIELDS))}")
    for name, some in (("tags", tags), ("notags", notags)):
        if some and not all(map(_TAG.fullmatch, some)):
            raise InvalidInput(f"{name} must be a letter and a letter or digit each")
    if tags and notags and tags & notags:
        raise InvalidInput(f"{', '.join(sorted(tags & notags))} is in tags and in notags")
    return {"fields": fields, "tags": tags, "notags": notags or frozenset()}


def _position_in_text(name: str, given: str | None) -> int | None:
    if given is None:
        return None
    digits = _POSITION.fullmatch(given)
    return _position(name, int(digits[1]) if digits else None)


def _position(name: str, given: Any) -> int:
    # In Python True is an int.
    if type(given) is not int or not 0 <= given <= MAX_POSITION:
        raise InvalidInput(f"{name} must be an unsigned integer of 32 bits")
    return given


def _text(name: str, given: Any) -> str:
    if not isinstance(given, str):
        raise InvalidInput(f"{name} must be a string")
    return given


def _texts(name: str, given: Any) -> list[str]:
    if not isinstance(given, list) or not all(isinstance(element, str) for element in given):
        raise InvalidInput(f"{name} must be a list of strings")
    return given


def _lower(text: str | None) -> str | None:
    return None if text is None else text.lower()
