"""What the rows of manifests name: objects, formats and ids."""

from collections.abc import Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Final, Self
from urllib.parse import urlsplit

from django.conf import settings
from django.core.exceptions import SuspiciousFileOperation

from catalogue.errors import CatalogueError
from catalogue.formats import FormatError
from catalogue.formats.headers import FileFormat
from catalogue.formats.manifests import Location, ManifestRow, Problem, read_manifest
from catalogue.formats.registry import SPECS, sniff, strip_suffix
from catalogue.formats.spec import FileKind
from catalogue.ingest.files.discovery import FoundFile
from catalogue.ingest.files.stated import Stated
from catalogue.ingest.outcomes import InputResult, Outcome
from catalogue.storage.object_ref import ObjectRef
from catalogue.storage.s3_address import S3Address

MAX_BYTES: Final = 256 << 20
_READ_FAULTS: Final = (CatalogueError, FormatError, OSError, ValueError, SuspiciousFileOperation)


class ManifestRefusedError(CatalogueError):
    """A manifest or a row of it cannot be used."""


@dataclass(frozen=True, slots=True)
class Manifest:
    """The text of a manifest, its name, and the folder from which its relative paths start."""

    name: str
    text: str
    folder: str

    @classmethod
    def read(cls, path: Path) -> Self:
        """Read a file. Raises ManifestRefusedError, OSError."""
        if path.stat().st_size > MAX_BYTES:
            raise ManifestRefusedError(f"{path} is larger than {MAX_BYTES:,} bytes; split it")
        try:
            return cls(path.name, path.read_text(encoding="utf-8"), str(path.resolve().parent))
        except UnicodeDecodeError as error:
            raise ManifestRefusedError(f"{path} is not text in UTF-8, at byte {error.start:,}") from error

    def as_json(self) -> dict[str, Any]:
        """Return it as keyword arguments of this class."""
        return asdict(self)


@dataclass(frozen=True, slots=True)
class NamedFile:
    """A row that can be used: the row, what it names, and whether that are reads or variants."""

    row: ManifestRow
    kind: FileKind
    found: FoundFile


def named_files(manifest: Manifest, *, id_prefix: str = "") -> Iterator[NamedFile | InputResult]:
    """Yield what each row names, or the result of one that cannot be used; objects are looked at only where needed."""
    try:
        items = read_manifest(manifest.text)
    except FormatError as error:
        yield InputResult(manifest.name, Outcome.FAILED, str(error))
        return
    for item in items:
        if isinstance(item, Problem):
            yield _refused(manifest, item.line, "", item.reason)
        elif isinstance(item, Location):
            yield from _of_location(manifest, item)
        else:
            yield _of_row(manifest, item, id_prefix)


def _of_row(manifest: Manifest, row: ManifestRow, id_prefix: str) -> NamedFile | InputResult:
    try:
        ref, links = _ref(row.path, manifest.folder)
        index = _ref(row.index, manifest.folder)[0] if row.index else None
        stem, promised = strip_suffix(Path(ref.key).name)
        spec = SPECS[FileFormat(row.format)] if row.format else promised
        kind = spec.kind if spec else SPECS[sniff(ref.reader(ref.stat()))].kind
    except _READ_FAULTS as error:
        return _refused(manifest, row.line, row.path, str(error))
    stated = Stated(
        index=index,
        format=FileFormat(row.format) if row.format else None,
        sample=row.sample,
        md5=row.md5,
        sha256=row.sha256,
    )
    found = FoundFile(
        source=_source(manifest, row.line, row.path),
        ref=ref,
        links=links,
        htsget_id=row.id or id_prefix + stem,
        expected=True,
        stated=stated,
    )
    return NamedFile(row, kind, found)


def _of_location(manifest: Manifest, location: Location) -> Iterator[NamedFile | InputResult]:
    """Yield the files of a location of htsget-rs: those that its server would find."""
    try:
        ref, _ = _ref(location.url, manifest.folder)
        rows = list(_exact(ref, location) if location.exact else _below(ref, location))
    except _READ_FAULTS as error:
        yield _refused(manifest, location.line, location.url, str(error))
        return
    if not rows:
        yield _refused(manifest, location.line, location.url, "there is no file that it could mean")
    for row in rows:
        yield _of_row(manifest, row, "")


def _exact(ref: ObjectRef, location: Location) -> Iterator[ManifestRow]:
    suffixes = [suffix for spec in SPECS.values() for suffix in spec.suffixes]
    for found, _ in ref.find_existing([ref.key + suffix for suffix in suffixes]):
        yield ManifestRow(line=location.line, path=str(found), id=location.id)


def _below(ref: ObjectRef, location: Location) -> Iterator[ManifestRow]:
    folder = ref.key.rstrip("/") + "/" if ref.key.strip("/") else ""
    for key, _ in ref.backend.list(folder + location.id):
        stem, spec = strip_suffix(key.removeprefix(folder))
        if spec is not None:
            yield ManifestRow(line=location.line, path=str(ref.with_key(key)), id=stem)


def _ref(text: str, folder: str) -> tuple[ObjectRef, tuple[ObjectRef, ...]]:
    """Return the object of a path, `storage:key`, or URL of file or S3, and the links to it."""
    url = urlsplit(text)
    if url.scheme == "s3":
        return _in_bucket(url.netloc, url.path.lstrip("/")), ()
    name, colon, key = text.partition(":")
    if colon and name in settings.HTSGETSITE_STORAGES:
        return ObjectRef(name, key), ()
    path = Path(folder, text.removeprefix("file://"))
    link = (ObjectRef.of_path(path),) if path.is_symlink() else ()
    return ObjectRef.in_storage(path), link


def _in_bucket(bucket: str, key: str) -> ObjectRef:
    for name, url in settings.HTSGETSITE_STORAGES.items():
        if urlsplit(url).scheme == "s3":
            address = S3Address.from_url(url)
            if address.bucket == bucket and key.startswith(address.prefix):
                return ObjectRef(name, key.removeprefix(address.prefix))
    raise ManifestRefusedError(
        f"no storage of this site is in the bucket {bucket!r}; add one to HTSGETSITE_STORAGES"
    )


def _source(manifest: Manifest, line: int, path: str) -> str:
    return f"{path or 'a row'} ({manifest.name}, line {line})"


def _refused(manifest: Manifest, line: int, path: str, reason: str) -> InputResult:
    return InputResult(_source(manifest, line, path), Outcome.FAILED, reason)
