"""Where bytes lie: named storages with ranged reads, atomic writes and listings, on disks and in S3.

A storage is named in `HTSGETSITE_STORAGES` and described by a URL; only this room knows what a URL, a path or a bucket
is. Everybody else holds an `ObjectRef`: storage name and key. It may import `catalogue.errors` and `catalogue.formats`.
"""

from functools import cache
from pathlib import Path
from urllib.parse import unquote, urlsplit

from django.conf import settings
from django.core.signals import setting_changed

from catalogue.errors import StorageMisconfigured
from catalogue.storage.interface import PIECE, ObjectStat, SignedUrl, Storage, StoredObject
from catalogue.storage.local import LocalStorage
from catalogue.storage.s3_address import S3Address

__all__ = [
    "FILES",
    "PIECE",
    "SEQUENCES",
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
#: The storage of data files that the site keeps itself; always configured.
FILES = "files"


@cache
def storage(name: str) -> Storage:
    """Return the storage of that name. Raises StorageMisconfigured where no usable setting describes it."""
    try:
        url = settings.HTSGETSITE_STORAGES[name]
    except KeyError:
        raise StorageMisconfigured(f"no storage is named {name!r}") from None
    try:
        return _from_url(name, url)
    except ValueError as error:
        raise StorageMisconfigured(f"the URL of storage {name!r} cannot be used: {error}") from None


def _from_url(name: str, url: str) -> Storage:
    """Raise ValueError for a bad URL; the text repeats no value of it, which may be a secret."""
    parts = urlsplit(url)
    if parts.scheme == "file":
        if parts.netloc not in ("", "localhost") or not parts.path.startswith("/") or parts.query:
            raise ValueError("expected file:///absolute/path")
        return LocalStorage(name, Path(unquote(parts.path)).resolve(), file_mode=settings.STORAGE_FILE_MODE)
    if parts.scheme == "s3":
        return _in_bucket(name, S3Address.from_url(url))
    raise ValueError("expected file:///… or s3://…")


def _in_bucket(name: str, address: S3Address) -> Storage:
    # Importing boto3 takes a quarter of a second and 20 MB, which a site without buckets need not spend.
    from catalogue.storage.s3 import S3Storage
    from catalogue.storage.s3_client import S3Limits

    # Not the system's folder for temporary files: that is often memory, and a chromosome is large.
    staging = Path(settings.HTSGETSITE_HOME) / "staging" / name
    return S3Storage(name, address, limits=S3Limits.from_settings(), staging=staging)


def storages() -> list[Storage]:
    """Return every configured storage, in the order of the setting."""
    return [storage(name) for name in settings.HTSGETSITE_STORAGES]


def locate(path: Path) -> tuple[str, str] | None:
    """Return the local storage that contains a file, as (storage name, key); the innermost where they nest."""
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
