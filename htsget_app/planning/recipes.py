"""Derived parts, and the recipes by which data URLs say how they are made."""

import json
import zlib
from dataclasses import dataclass
from typing import ClassVar

from catalogue.formats.headers import FileFormat
from catalogue.formats.intervals import ByteRange, Chunk, Region, VirtualOffset
from htsget_app.errors import InvalidInput
from htsget_app.params import Rewriting
from htsget_app.planning.parts import MAX_RECIPE, PartClass


@dataclass(frozen=True, slots=True)
class Derived:
    """Records that `htsget_app.conversion` makes of stored ones: those in `chunk` that overlap one of `regions`.

    `chunk` begins and ends between records (of CRAM: containers, as `VirtualOffset.at(byte)`). `regions` of None are no
    bound. `unplaced` wants the reads on no contig, and no others.
    """

    #: The first byte of its recipes.
    SOURCE: ClassVar[bytes] = b"d"

    chunk: Chunk
    rewriting: Rewriting
    regions: tuple[Region, ...] | None = None
    unplaced: bool = False
    part_class: PartClass = PartClass.BODY

    @property
    def stored_bytes(self) -> int:
        """The approximate number of bytes of the stored file that it is made from."""
        return self.chunk.end.coffset - self.chunk.begin.coffset

    @property
    def span(self) -> ByteRange:
        """The virtual offsets of its chunk, as numbers."""
        return ByteRange(self.chunk.begin, self.chunk.end)

    @property
    def recipe(self) -> bytes:
        """What a data URL has to say of it beside its chunk. Raises InvalidInput for more than a URL can hold."""
        rewriting = self.rewriting
        said = {
            "format": rewriting.target,
            "fields": rewriting.fields,
            "tags": rewriting.tags,
            "notags": rewriting.notags,
            "no_reference": rewriting.no_reference,
            "regions": self.regions
            and [(region.contig, region.start, region.end) for region in self.regions],
            "unplaced": self.unplaced,
        }
        text = json.dumps({name: value for name, value in said.items() if value is not None})
        recipe = self.SOURCE + zlib.compress(text.encode(), 9)
        if len(recipe) > MAX_RECIPE:
            raise InvalidInput("these are more tags and regions than a URL can hold; ask for fewer")
        return recipe

    @classmethod
    def made_by(cls, recipe: bytes, span: ByteRange) -> "Derived":
        """Return the part with this recipe and span."""
        said = json.loads(zlib.decompress(recipe[len(cls.SOURCE) :]))
        fields, tags, regions = said.get("fields"), said.get("tags"), said.get("regions")
        return cls(
            Chunk(VirtualOffset(span.begin), VirtualOffset(span.end)),
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
