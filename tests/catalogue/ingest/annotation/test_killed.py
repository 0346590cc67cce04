"""Killed at any step, an ingest leaves the former release or the new one, whole; a new run completes it."""

import random
from pathlib import Path
from typing import Any

import pytest
from django.db import connection, transaction

from catalogue.models import IngestRun
from tests.catalogue.made_genomes import make_genome
from tests.catalogue.made_gff3 import write_ensembl
from tests.catalogue.made_ingests import count_steps, finish, kill_at, start_ingest
from tests.catalogue.made_releases import annotate, annotated, register


def _held_at_one_moment() -> dict[str, list[Any]]:
    """What is registered. The database may still commit for a process that was killed, so one snapshot is looked at."""
    with transaction.atomic():
        with connection.cursor() as cursor:
            cursor.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ")
        return annotated()


def _make_releases(folder: Path, genes: int) -> list[Path]:
    """Two releases of one genome that differ in most rows, so that one replaces the other."""
    paths = []
    for number in range(2):
        genome = make_genome(1, genes=genes)
        register(folder, genome.chromosomes)
        if number:
            for gene in genome.genes[::2]:
                gene.transcripts = gene.transcripts[:1]
        path = folder / f"release{number}.gff3"
        path.write_text("".join(f"{line}\n" for line in write_ensembl(genome)))
        paths.append(path)
    return paths


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize(("genes", "kills"), [(40, 4), pytest.param(2000, 20, marks=pytest.mark.long)])
def test_killed_again_and_again_and_repeated_to_the_same_rows(tmp_path: Path, genes: int, kills: int) -> None:
    paths = _make_releases(tmp_path, genes)
    options = {"collection": "made", "release": "1"}
    states = [annotated()]
    steps = []
    for path in paths:
        steps.append(count_steps("ingest_gff3", str(path), **options))
        states.append(annotated())
    assert states[0]["genes"] == [] != states[1]["transcripts"] != states[2]["transcripts"]
    # The names of the first release without a version moved; those with one stay.
    annotate(paths[0], "--release=1")
    states[1] = annotated()
    rng = random.Random(1)
    killed = 0
    for number in range(kills):
        path, after = paths[(number + 1) % 2], states[2 - number % 2]
        before = _held_at_one_moment()
        killed += kill_at(rng.randint(1, steps[(number + 1) % 2]), "ingest_gff3", str(path), **options)
        held = _held_at_one_moment()
        assert held in (before, after)
        finish(start_ingest("ingest_gff3", str(path), **options))
        assert annotated() == after
        assert not IngestRun.objects.filter(outcome="running").exists()
    assert killed > kills // 2


@pytest.mark.django_db(transaction=True)
def test_several_at_once_give_one_of_the_releases(tmp_path: Path) -> None:
    paths = _make_releases(tmp_path, 20)
    annotate(paths[0], "--release=1")
    first = annotated()
    annotate(paths[1], "--release=1")
    second = annotated()
    options = {"collection": "made", "release": "1"}
    for _ in range(2):
        for process in [start_ingest("ingest_gff3", str(path), **options) for path in (*paths, paths[0])]:
            finish(process)
        held = annotated()
        assert {name: rows for name, rows in held.items() if name != "names"} in [
            {name: rows for name, rows in state.items() if name != "names"} for state in (first, second)
        ]
