"""Provides reference sequences to htslib by md5: a folder in the layout of its REF_CACHE, filled from the catalogue.

CRAM records are decoded and encoded against them. A sequence in a separate local file is linked; any other is copied
once. Files in the folder can be removed at any time.
"""

import os
from collections.abc import Iterable
from contextlib import suppress
from pathlib import Path

from django.conf import settings
from django.db.models import Exists, OuterRef, Q, QuerySet

from catalogue.models import Contig, Sequence
from catalogue.queries.contigs import FileContig
from catalogue.storage import storage


def reference_folder() -> Path:
    """Return the folder, in which the file `ab/cd/rest` of an md5 holds upper-case residues."""
    return Path(settings.HTSGETSITE_HOME) / "references"


def hold_references(contigs: Iterable[FileContig]) -> list[FileContig]:
    """Put the sequences of the contigs into the folder; return the contigs whose residues are not held here.

    Raises StorageError if stored residues cannot be read.
    """
    wanted = list(contigs)
    paths = {contig.md5: _path(contig.md5) for contig in wanted if contig.md5 is not None}
    there = {md5 for md5, path in paths.items() if path.exists()}
    if missing := paths.keys() - there:
        rows = Sequence.objects.filter(md5__in=list(missing), blob__isnull=False).select_related("blob")
        for row in rows.defer("sha512t24u"):
            _hold(row, paths[bytes(row.md5)])
            there.add(bytes(row.md5))
    return [contig for contig in wanted if contig.md5 not in there]


def contigs_without_residues(file_pk: int) -> QuerySet[Contig]:
    """Return the contigs with records of a file whose reference residues are not held, in their order."""
    contigs = Contig.objects.filter(file_id=file_pk).exclude(index=b"").order_by("number")
    # The sequence of the header's md5 may have been registered after the file.
    held = Sequence.objects.filter(md5=OuterRef("md5"), blob__isnull=False)
    return contigs.filter(~Exists(held), Q(sequence=None) | Q(sequence__blob=None))


def _path(md5: bytes) -> Path:
    name = md5.hex()
    return reference_folder() / name[:2] / name[2:4] / name[4:]


def _hold(row: Sequence, path: Path) -> None:
    """Link or copy the residues of a sequence to a path, whole or not at all; a killed process leaves nothing else."""
    assert row.blob is not None and row.offset is not None
    held = storage(row.blob.storage)
    local = held.local_path(row.blob.key)
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    if path.is_symlink():
        # The file that it led to was moved.
        path.unlink(missing_ok=True)
    # Another process may be faster.
    with suppress(FileExistsError):
        if local is not None and row.blob.size == row.length:
            path.symlink_to(local)
            return
        with open(os.open(path.parent, os.O_TMPFILE | os.O_WRONLY, 0o600), "wb") as unnamed:
            unnamed.writelines(held.stream(row.blob.key, row.offset, row.length))
            unnamed.flush()
            # With a folder given, the link is to the open file and not to the entry in /proc.
            folder = os.open(path.parent, os.O_PATH)
            try:
                os.link(f"/proc/self/fd/{unnamed.fileno()}", path, src_dir_fd=folder)
            finally:
                os.close(folder)
