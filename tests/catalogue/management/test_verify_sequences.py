"""`manage.py verify_sequences`: finds every way in which what is stored can differ from what is registered."""

from io import StringIO
from pathlib import Path
from typing import Any

import pytest
from django.core.management import call_command
from django.core.management.base import CommandError

from catalogue import queries
from catalogue.ingest.fasta.residues import LONG
from catalogue.models import Sequence
from catalogue.storage import PIECE
from tests.catalogue.made_fasta import make_fasta, make_residues

pytestmark = pytest.mark.django_db


@pytest.fixture
def stored(stored: Path, tmp_path: Path) -> Path:
    """The storage of residues with two long sequences and many short ones."""
    records = {"long": make_residues(LONG), "longer": make_residues(3 * PIECE + 7)}
    records |= {f"s{number}": make_residues(1 + 500 * number, seed=number) for number in range(100)}
    call_command(
        "ingest_fasta", str(make_fasta(tmp_path / "x.fa", records)), authority="lab", stdout=StringIO()
    )
    return stored


def verify(*arguments: str, **options: Any) -> str:
    out = StringIO()
    call_command("verify_sequences", *arguments, stdout=out, stderr=StringIO(), **options)
    return out.getvalue()


def differences(*arguments: str, **options: Any) -> list[str]:
    err = StringIO()
    with pytest.raises(CommandError):
        call_command("verify_sequences", *arguments, stdout=StringIO(), stderr=err, **options)
    return err.getvalue().splitlines()


def blob(stored: Path, name: str) -> Path:
    row = Sequence.objects.get(pk=queries.sequence(f"lab:{name}").pk)
    assert row.blob is not None
    return stored / row.blob.key


def test_all_is_well(stored: Path) -> None:
    Sequence.objects.create(md5=b"0123456789abcdef", length=5)
    length = LONG + 3 * PIECE + 7 + sum(1 + 500 * number for number in range(100))
    assert verify() == f"102 sequences with {length:,} residues read; 0 differences; 1 known but not held\n"
    assert verify(sample=10).startswith("10 sequences with")
    assert verify(sample=1000).startswith("102 sequences with")
    assert verify("lab:s3", "lab:long").startswith(f"2 sequences with {1501 + LONG:,} residues")


@pytest.mark.parametrize(
    ("name", "at"),
    [("long", 0), ("longer", -1), ("s99", 5), pytest.param("longer", 2 * PIECE, marks=pytest.mark.long)],
)
def test_a_residue_that_changed(stored: Path, name: str, at: int) -> None:
    record = queries.sequence(f"lab:{name}")
    assert record.residues is not None
    path = blob(stored, name)
    data = bytearray(path.read_bytes())
    data[record.residues.offset + at % record.length] ^= 6
    path.write_bytes(data)
    (found,) = differences()
    assert found.startswith(f"{record.ga4gh}: what is stored has md5 ")
    assert record.md5.hex() in found
    assert differences(f"lab:{name}") == [found]
    assert "0 differences" in verify("lab:s50")


def test_objects_that_are_missing_cut_short_or_longer(stored: Path) -> None:
    blob(stored, "long").unlink()
    longer = blob(stored, "longer")
    longer.write_bytes(longer.read_bytes()[:-1])
    pack = blob(stored, "s0")
    pack.write_bytes(pack.read_bytes() + b"A")
    found = differences()
    assert len(found) == 4
    assert any("the object is missing, and 1 sequence with it" in line for line in found)
    assert any(f"bytes instead of {3 * PIECE + 7:,}" in line for line in found)
    assert any("ends too early" in line for line in found)


def test_rows_that_changed(stored: Path) -> None:
    row = queries.sequence("lab:s7")
    Sequence.objects.filter(pk=row.pk).update(length=row.length - 1)
    (found,) = differences()
    assert found.startswith(f"{row.ga4gh}: ")


def test_what_cannot_be_looked_at(stored: Path) -> None:
    for arguments, options in ((["lab:nobody"], {}), ([], {"sample": 0})):
        with pytest.raises(CommandError):
            call_command("verify_sequences", *arguments, **options, stdout=StringIO())
