"""What a manifest states about a file, to be checked when the file is read."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any, Final, Self

from catalogue.formats.headers import FileFormat
from catalogue.storage.object_ref import ObjectRef

#: The digests that may be stated, by the names that hashlib has for them.
DIGESTS: Final = ("md5", "sha256")


@dataclass(frozen=True, slots=True)
class Stated:
    """What is stated; None and empty texts state nothing.

    `index` is where the index lies; `sample` is that of a file whose header names none, and else one of those. `md5`
    and `sha256` are of the stored bytes, in hexadecimal.
    """

    index: ObjectRef | None = None
    format: FileFormat | None = None
    sample: str = ""
    md5: str = ""
    sha256: str = ""

    @property
    def digests(self) -> dict[str, str]:
        """The digests by their names."""
        return {name: getattr(self, name) for name in DIGESTS if getattr(self, name)}

    def as_json(self) -> dict[str, Any]:
        """Return it as `of` reads it."""
        return {**asdict(self), "index": None if self.index is None else str(self.index)}

    @classmethod
    def of(cls, saved: Mapping[str, Any]) -> Self:
        """Return what `as_json` wrote."""
        index, format = saved["index"], saved["format"]
        return cls(
            **{
                **saved,
                "index": None if index is None else ObjectRef.parse(index),
                "format": None if format is None else FileFormat(format),
            }
        )


NOTHING_STATED: Final = Stated()
