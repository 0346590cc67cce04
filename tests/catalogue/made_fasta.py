"""Builders of FASTA files, and what the catalogue holds after they were ingested."""

import gzip
import random
from collections.abc import Iterable, Mapping
from functools import cache
from io import StringIO
from pathlib import Path
from typing import Any

import pysam
import pytest
from django.core.management import CommandError, call_command

from catalogue import queries
from catalogue.models import Alias, CollectionMember, Sequence
from catalogue.storage import SEQUENCES, storage


@cache
def make_residues(length: int, *, seed: int = 0, letters: str = "ACGT") -> bytes:
    """Random residues, the same for the same seed."""
    return "".join(random.Random(f"{seed} {length}").choices(letters, k=length)).encode()


def make_protein(length: int, *, seed: int = 0) -> bytes:
    """A random protein."""
    return make_residues(length, seed=seed, letters="ACDEFGHIKLMNPQRSTVWY")


def fasta_text(records: Mapping[str, bytes], *, width: int = 60, newline: bytes = b"\n") -> bytes:
    """FASTA of records by header line."""
    lines: list[bytes] = []
    for header, residues in records.items():
        lines.append(b">" + header.encode())
        lines += [residues[at : at + width] for at in range(0, len(residues), width)]
    return newline.join(lines) + newline


def make_fasta(path: Path, records: Mapping[str, bytes], *, width: int = 60, newline: bytes = b"\n") -> Path:
    """Writes a FASTA file: gzip for .gz, bgzip for .bgz, plain otherwise."""
    text = fasta_text(records, width=width, newline=newline)
    path.parent.mkdir(parents=True, exist_ok=True)
    if path.suffix == ".gz":
        path.write_bytes(gzip.compress(text))
    elif path.suffix == ".bgz":
        with pysam.BGZFile(str(path), "w", None) as file:
            file.write(text)
    else:
        path.write_bytes(text)
    return path


def held_residues() -> dict[str, bytes]:
    """The stored residues of every sequence that is held, by md5."""
    held = {}
    for row in Sequence.objects.exclude(blob=None).select_related("blob"):
        assert row.blob is not None and row.offset is not None
        held[bytes(row.md5).hex()] = storage(row.blob.storage).read_range(
            row.blob.key, row.offset, row.length
        )
    return held


def registered() -> dict[str, list[Any]]:
    """Every row that an ingest leaves, without keys of the database and times, and every stored object."""
    sequences = Sequence.objects.values_list(
        "md5",
        "sha512t24u",
        "length",
        "circular",
        "molecule",
        "blob__storage",
        "blob__key",
        "blob__size",
        "offset",
    )
    names = Alias.objects.values_list("authority__name", "name", "sequence__md5")
    members = CollectionMember.objects.values_list("collection__name", "position", "name", "sequence__md5")
    return {
        "sequences": _plain(sequences),
        "names": _plain(names),
        "members": _plain(members),
        "objects": [(key, status.size) for key, status in storage(SEQUENCES).list()],
    }


def _plain(rows: Iterable[tuple[Any, ...]]) -> list[Any]:
    plain = [tuple(bytes(cell) if isinstance(cell, memoryview) else cell for cell in row) for row in rows]
    return sorted(plain, key=repr)


def ingest(*arguments: str | Path, **options: Any) -> str:
    """The last line of the command; raises CommandError as it does."""
    out = StringIO()
    call_command("ingest_fasta", *map(str, arguments), stdout=out, stderr=StringIO(), **options)
    return out.getvalue().splitlines()[-1]


def refused(*arguments: str | Path, **options: Any) -> str:
    """What the command says on standard error while it fails."""
    err = StringIO()
    with pytest.raises(CommandError) as caught:
        call_command("ingest_fasta", *map(str, arguments), stdout=StringIO(), stderr=err, **options)
    return f"{err.getvalue()}{caught.value}"


def names_of(identifier: str) -> set[str]:
    """The names of the sequence that an identifier means, with their authorities."""
    return {":".join(alias) for alias in queries.aliases(queries.sequence(identifier))}
