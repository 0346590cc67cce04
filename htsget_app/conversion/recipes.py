"""Recipes: how a data URL says of what records, and how, a derived part is made."""

import json
import zlib
from typing import Final

from catalogue.formats.headers import FileFormat
from catalogue.formats.intervals import Chunk, Region, VirtualOffset
from htsget_app.errors import InvalidInput
from htsget_app.params import Rewriting
from htsget_app.planning.parts import Derived

#: Bytes of a recipe: URLs of 8 KB pass every proxy.
MAX_RECIPE: Final = 4 << 10


def recipe_of(part: Derived) -> bytes:
    """Return what a data URL has to say of a part beside its chunk, compressed.

    Raises InvalidInput for more than a URL can hold.
    """
    rewriting = part.rewriting
    said = {
        "format": rewriting.target,
        "fields": rewriting.fields,
        "tags": rewriting.tags,
        "notags": rewriting.notags,
        "no_reference": rewriting.no_reference,
        "regions": part.regions and [(region.contig, region.start, region.end) for region in part.regions],
        "unplaced": part.unplaced,
    }
    text = json.dumps({name: value for name, value in said.items() if value is not None})
    recipe = zlib.compress(text.encode(), 9)
    if len(recipe) > MAX_RECIPE:
        raise InvalidInput("these are more tags and regions than a URL can hold; ask for fewer")
    return recipe


def part_of(recipe: bytes, begin: int, end: int) -> Derived:
    """Return the part that a recipe was made of; `begin` and `end` are the virtual offsets of its chunk."""
    said = json.loads(zlib.decompress(recipe))
    fields, tags, regions = said.get("fields"), said.get("tags"), said.get("regions")
    return Derived(
        Chunk(VirtualOffset(begin), VirtualOffset(end)),
        Rewriting(
            FileFormat(said["format"]),
            fields=None if fields is None else tuple(fields),
            tags=None if tags is None else tuple(tags),
            notags=tuple(said["notags"]),
            no_reference=said["no_reference"],
        ),
        regions=None if regions is None else tuple(Region(*region) for region in regions),
        unplaced=said["unplaced"],
    )
