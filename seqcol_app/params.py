"""What requests ask for, read from query strings and JSON bodies. Faults are RequestErrors that name the parameter."""

import json
import re
from collections.abc import Hashable, Mapping, Sequence
from typing import Any, Final, NamedTuple, NoReturn

from catalogue.queries.collections import ATTRIBUTES, COLLATED
from ga4gh.errors import RequestError
from seqcol_app.protocol import ARRAY_ITEMS

MAX_PAGE_SIZE: Final = 10_000
PAGE_SIZE: Final = 100

_NUMBER = re.compile(r"[0-9]{1,9}", re.ASCII)
_DIGEST = re.compile(r"[0-9A-Za-z_-]{32}", re.ASCII)


class Page(NamedTuple):
    """One page of a listing; pages count from 0."""

    number: int
    size: int

    @property
    def start(self) -> int:
        """The position of its first entry, from 0."""
        return self.number * self.size

    def document(self, results: Sequence[object], total: int) -> dict[str, object]:
        """Build the answer of the GA4GH paging guide."""
        pagination = {"page": self.number, "page_size": self.size, "total": total}
        return {"results": list(results), "pagination": pagination}


def page(given: Mapping[str, str]) -> Page:
    """Read `page` and `page_size`."""
    number, size = _number(given, "page", 0), _number(given, "page_size", PAGE_SIZE)
    if not 1 <= size <= MAX_PAGE_SIZE:
        raise RequestError(f"page_size: expected a number from 1 to {MAX_PAGE_SIZE:,}")
    return Page(number, size)


def level(given: Mapping[str, str]) -> int:
    """Read `level`, 1 or 2; 2 when it is absent."""
    text = given.get("level", "2")
    if text not in {"1", "2"}:
        raise RequestError(
            f"level: expected 1 or 2, not {text!r}; sequences themselves are at /sequence/<digest>"
        )
    return int(text)


def collated(given: Mapping[str, str]) -> bool:
    """Read `collated`: whether a collection is given by its arrays; true when it is absent."""
    text = given.get("collated", "true").lower()
    if text not in {"true", "false"}:
        raise RequestError(f"collated: expected true or false, not {text!r}")
    return text == "true"


def filters(given: Mapping[str, str]) -> dict[str, str]:
    """Read the digests of attributes that collections are filtered by."""
    wanted = {name: text for name, text in given.items() if name not in {"page", "page_size"}}
    for name, text in wanted.items():
        if name not in ATTRIBUTES:
            raise RequestError(f"{name!r} is no attribute; these are: {', '.join(ATTRIBUTES)}")
        if not _DIGEST.fullmatch(text):
            raise RequestError(f"{name}: expected a digest of 32 characters of base64url, not {text!r}")
    return wanted


def level2(body: bytes) -> dict[str, list[Hashable]]:
    """Read a collection from JSON ("canonical seqcol object representation"), pairs as tuples of length and name.

    Keeps attributes that are not in the schema if they are arrays, and leaves out others.
    """
    content = _json(body)
    if not isinstance(content, dict):
        raise RequestError("the body is no JSON object of arrays")
    arrays = {name: _array(name, array) for name, array in content.items() if isinstance(array, list)}
    if wrong := sorted(name for name in content if name in ATTRIBUTES and name not in arrays):
        raise RequestError(f"{wrong[0]}: expected an array")
    if not arrays:
        raise RequestError("the body has no array of a collection, such as names, lengths or sequences")
    sizes = {name: len(array) for name, array in arrays.items() if name in COLLATED}
    if len(set(sizes.values())) > 1:
        told = ", ".join(f"{size:,} {name}" for name, size in sizes.items())
        raise RequestError(f"arrays of one collection are equally long; here are {told}")
    return arrays


def _array(name: str, array: list[Any]) -> list[Hashable]:
    if name == "name_length_pairs":
        return [_pair(element) for element in array]
    wanted = ARRAY_ITEMS.get(name)
    for element in array if wanted else ():
        if type(element) is not wanted:
            expected = "integers" if wanted is int else "strings"
            raise RequestError(f"{name}: expected an array of {expected}")
    # Elements of attributes that are not in the schema are only tested for equality.
    return array if wanted else [json.dumps(element, sort_keys=True) for element in array]


def _pair(element: Any) -> Hashable:
    if (
        not isinstance(element, dict)
        or element.keys() != {"length", "name"}
        or type(element["length"]) is not int
        or type(element["name"]) is not str
    ):
        raise RequestError("name_length_pairs: expected an array of objects with a name and a length")
    return element["length"], element["name"]


def _json(body: bytes) -> Any:
    try:
        content = json.loads(body, parse_constant=_refuse)
        json.dumps(content, ensure_ascii=False).encode()
    except (ValueError, RecursionError):
        raise RequestError("the body is no JSON in UTF-8") from None
    return content


def _refuse(constant: str) -> NoReturn:
    raise ValueError(constant)


def _number(given: Mapping[str, str], name: str, default: int) -> int:
    text = given.get(name)
    if text is None:
        return default
    if not _NUMBER.fullmatch(text):
        raise RequestError(f"{name}: expected a number, not {text!r}")
    return int(text)
