"""Killed and concurrent ingests: nothing is visible in part or registered twice, and a new run completes them."""

import hashlib
import random
from io import StringIO
from pathlib import Path
from typing import Any

import pytest
from django.core.management import call_command
from django.db import connection, transaction

from catalogue.ingest.fasta.residues import LONG
from catalogue.models import IngestRun, Sequence, SequenceCollection
from tests.catalogue.made_fasta import held_residues, make_fasta, make_protein, make_residues, registered
from tests.catalogue.made_ingests import count_steps, finish, kill_at, start_ingest

OPTIONS = {"authority": "lab"}


def _store_in(settings: Any, folder: Path) -> None:
    folder.mkdir()
    settings.HTSGETSITE_STORAGES = {**settings.HTSGETSITE_STORAGES, "sequences": folder.as_uri()}


def _empty_catalogue() -> None:
    with connection.cursor() as cursor:
        cursor.execute(
            "TRUNCATE catalogue_sequence, catalogue_residueblob, catalogue_sequencecollection CASCADE"
        )


def _held_at_one_moment() -> dict[str, bytes]:
    """What is held. The database may still commit for a process that was killed, so one snapshot is looked at."""
    with transaction.atomic():
        with connection.cursor() as cursor:
            cursor.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ")
        held = held_residues()
        assert Sequence.objects.count() == len(held)
        return held


def _make_files(folder: Path) -> tuple[list[str], list[dict[str, bytes]]]:
    """Three files that share sequences: long ones, many short ones, and both; and their records."""
    proteins = {f"p{number}": make_protein(100, seed=number) for number in range(800)}
    chromosomes = {f"contig{number}": make_residues(2 * LONG + number, seed=number) for number in range(4)}
    shared = {
        "contig1": chromosomes["contig1"],
        "again": proteins["p7"],
        "plasmid [topology=circular]": b"ACGT" * 50,
    }
    contents = [
        chromosomes,
        proteins,
        shared | {f"q{number}": make_protein(90, seed=number) for number in range(300)},
    ]
    names = ["genome.fa", "proteins.fa.gz", "mixed.fa"]
    return [
        str(make_fasta(folder / name, records)) for name, records in zip(names, contents, strict=True)
    ], contents


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize(("rounds", "kills"), [(3, 4), pytest.param(20, 10, marks=pytest.mark.long)])
def test_killed_at_any_step_it_leaves_whole_files_and_a_re_run_completes_them(
    settings: Any, tmp_path: Path, rounds: int, kills: int
) -> None:
    paths, contents = _make_files(tmp_path)
    expected = [{hashlib.md5(residues).hexdigest() for residues in records.values()} for records in contents]

    _store_in(settings, tmp_path / "undisturbed")
    steps = count_steps("ingest_fasta", *paths, **OPTIONS)
    undisturbed = registered()
    assert len(undisturbed["sequences"]) == len(set().union(*expected))

    rng = random.Random(1)
    killed = 0
    seen = set()
    for number in range(rounds):
        _empty_catalogue()
        stored = tmp_path / f"stored{number}"
        _store_in(settings, stored)
        for _ in range(kills):
            killed += kill_at(rng.randint(1, steps), "ingest_fasta", *paths, **OPTIONS)
            held = _held_at_one_moment()
            # Each file is there as a whole or not at all, in the order in which they were given.
            seen.add(len(held))
            assert set(held) in [set().union(*expected[:files]) for files in range(len(paths) + 1)]
            for md5, residues in held.items():
                assert hashlib.md5(residues).hexdigest() == md5
        call_command("ingest_fasta", *paths, **OPTIONS, stdout=StringIO())
        assert registered() == undisturbed
        assert not list((stored / ".staging").glob("ingest-*"))
        assert not IngestRun.objects.filter(outcome="running").exists()
    assert killed > rounds * kills // 2
    assert len(seen) > 1
    assert IngestRun.objects.filter(outcome="interrupted").count() > killed // 4


@pytest.mark.django_db(transaction=True)
def test_ingests_at_once_neither_wait_for_ever_nor_add_anything_twice(settings: Any, tmp_path: Path) -> None:
    paths, contents = _make_files(tmp_path)
    together = {
        hashlib.md5(residues).hexdigest(): residues for records in contents for residues in records.values()
    }
    for number in range(3):
        _empty_catalogue()
        _store_in(settings, tmp_path / f"stored{number}")
        orders = [paths, paths[::-1], [paths[number], *paths]]
        for process in [start_ingest("ingest_fasta", *order, **OPTIONS) for order in orders]:
            finish(process)
        assert held_residues() == together
        names = registered()["names"]
        assert len(names) == len({(name, md5) for _, name, md5 in names}) == sum(map(len, contents)) - 1
        assert not IngestRun.objects.filter(outcome="running").exists()


@pytest.mark.django_db(transaction=True)
def test_one_collection_recorded_by_several_at_once(settings: Any, tmp_path: Path) -> None:
    paths, contents = _make_files(tmp_path)
    _store_in(settings, tmp_path / "stored")
    for process in [start_ingest("ingest_fasta", paths[0], collection="set") for _ in range(3)]:
        finish(process)
    assert SequenceCollection.objects.get().members.count() == len(contents[0])
