"""The folder of references for htslib: residues are there whole or not at all, and nothing else is."""

import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from catalogue.errors import StorageUnavailable
from catalogue.models import ResidueBlob, Sequence
from catalogue.queries import reference_folder
from catalogue.queries.contigs import FileContig
from catalogue.queries.references import hold_references
from catalogue.storage import SEQUENCES, storage
from catalogue.storage.local import LocalStorage
from tests.catalogue.made_rows import make_sequence

pytestmark = pytest.mark.django_db

RESIDUES = b"ACGTTGCA" * 100


@pytest.fixture(autouse=True)
def no_references() -> None:
    shutil.rmtree(reference_folder(), ignore_errors=True)


def contig_of(row: Sequence) -> FileContig:
    return FileContig(number=0, name="1", length=row.length, md5=bytes(row.md5), index=b"")


def files() -> list[Path]:
    return [path for path in reference_folder().rglob("*") if not path.is_dir()]


def make_packed_sequence() -> Sequence:
    """A sequence that shares its object with another, and so cannot be linked."""
    row = make_sequence(RESIDUES)
    other = make_sequence(b"GG" + RESIDUES + b"TT")
    row.blob, row.offset = other.blob, 2
    row.save()
    return row


def test_a_sequence_in_a_file_of_its_own_is_linked() -> None:
    assert hold_references([contig_of(make_sequence(RESIDUES))]) == []
    (path,) = files()
    assert path.is_symlink() and path.read_bytes() == RESIDUES


def test_a_link_that_leads_nowhere_is_replaced() -> None:
    row = make_sequence(RESIDUES)
    hold_references([contig_of(row)])
    assert row.blob is not None
    old = storage(SEQUENCES).local_path(row.blob.key)
    assert old is not None
    old.rename(old.with_name("moved"))
    ResidueBlob.objects.update(key=str(Path(row.blob.key).with_name("moved")))
    assert hold_references([contig_of(row)]) == []
    (path,) = files()
    assert path.read_bytes() == RESIDUES


@pytest.mark.parametrize("faster", [False, True])
def test_a_copy_has_no_name_until_it_is_whole(monkeypatch: pytest.MonkeyPatch, faster: bool) -> None:
    """So a process that is killed meanwhile leaves nothing."""
    row, stream = make_packed_sequence(), LocalStorage.stream

    def watched(self: LocalStorage, *arguments: Any, **more: Any) -> Iterator[bytes]:
        yield from stream(self, *arguments, **more)
        assert not files()
        if faster:
            monkeypatch.setattr(LocalStorage, "stream", stream)
            hold_references([contig_of(row)])

    monkeypatch.setattr(LocalStorage, "stream", watched)
    assert hold_references([contig_of(row)]) == []
    (path,) = files()
    assert not path.is_symlink() and path.read_bytes() == RESIDUES


def test_a_copy_that_fails_leaves_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    row = make_packed_sequence()

    def failing(*_: Any, **__: Any) -> Iterator[bytes]:
        yield RESIDUES[:5]
        raise StorageUnavailable("gone")

    monkeypatch.setattr(LocalStorage, "stream", failing)
    with pytest.raises(StorageUnavailable):
        hold_references([contig_of(row)])
    assert not files()


def test_a_sequence_that_is_not_held_is_told() -> None:
    contig = contig_of(make_sequence(RESIDUES, held=False))
    assert hold_references([contig]) == [contig] and not files()
