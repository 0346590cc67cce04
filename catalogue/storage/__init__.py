"""Named storages with ranged reads, atomic writes and listings, on disks and in S3.

`HTSGETSITE_STORAGES` gives each storage a name and a URL. Only this package handles storage URLs, paths and buckets;
other code uses an `ObjectRef`: storage name and key. May import `catalogue.errors` and `catalogue.formats`.
"""

from functools import cache
from pathlib import Path
from urllib.parse import unquote, urlsplit

from django.conf import settings
from django.core.signals import setting_changed

from catalogue.errors import StorageMisconfigured
from catalogue.storage.interface import PART, PIECE, Level, ObjectStat, SignedUrl, Storage, StoredObject
from catalogue.storage.local import LocalStorage
from catalogue.storage.s3_address import S3Address

__all__ = [
    "FILES",
    "PART",
    "PIECE",
    "SEQUENCES",
    "Level",
    "LocalStorage",
    "ObjectStat",
    "SignedUrl",
    "Storage",
    "StoredObject",
    "locate",
    "storage",
    "storages",
]

#: The storage of residues; always configured.
SEQUENCES = "sequences"
#: The storage of the site's own copies of data files; always configured.
FILES = "files"


@cache
def storage(name: str) -> Storage:
    """Return the storage with a name. Raises StorageMisconfigured if it is not configured or its URL is unusable."""
    try:
        url = settings.HTSGETSITE_STORAGES[name]
    except KeyError:
        raise StorageMisconfigured(f"no storage is named {name!r}") from None
    try:
        return _from_url(name, url)
    except ValueError as error:
        raise StorageMisconfigured(f"the URL of storage {name!r} cannot be used: {error}") from None


def _from_url(name: str, url: str) -> Storage:
    """Raise ValueError for an invalid URL; the message omits its values, which may be secret."""
    parts = urlsplit(url)
    if parts.scheme == "file":
        if parts.netloc not in ("", "localhost") or not parts.path.startswith("/") or parts.query:
            raise ValueError("expected file:///absolute/path")
        return LocalStorage(
            name,
            Path(unquote(parts.path)).resolve(),
            file_mode=settings.STORAGE_FILE_MODE,
            max_mapped=settings.STORAGE_MAPPED_FILES,
        )
    if parts.scheme == "s3":
        return _in_bucket(name, S3Address.from_url(url))
    raise ValueError("expected file:///… or s3://…")


def _in_bucket(name: str, address: S3Address) -> Storage:
    # Importing boto3 takes a quarter of a second and 20 MB, so it is only imported if needed.
    from catalogue.storage.s3 import S3Storage
    from catalogue.storage.s3_client import S3Limits

    # Not the system's temporary folder, which is often in memory: a chromosome is large.
    staging = Path(settings.HTSGETSITE_HOME) / "staging" / name
    return S3Storage(name, address, limits=S3Limits.from_settings(), staging=staging)


def storages() -> list[Storage]:
    """Return every configured storage, in the order of the setting."""
    return [storage(name) for name in settings.HTSGETSITE_STORAGES]


def locate(path: Path) -> tuple[str, str] | None:
    """Return the local storage that contains a file, as (storage name, key); of nested ones the innermost."""
    resolved = path.resolve()
    containing = [
        each for each in storages() if isinstance(each, LocalStorage) and resolved.is_relative_to(each.root)
    ]
    if not containing:
        return None
    innermost = max(containing, key=lambda each: len(each.root.parts))
    return innermost.name, resolved.relative_to(innermost.root).as_posix()


def _forget(*, setting: str, **_: object) -> None:
    if setting in {"HTSGETSITE_STORAGES", "HTSGETSITE_HOME"} or setting.startswith("STORAGE_"):
        storage.cache_clear()


setting_changed.connect(_forget)
