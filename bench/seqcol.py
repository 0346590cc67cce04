"""Measure sequence collections (`python -m bench.seqcol`): comparison, search by sequence, digests during ingest.

Requests go through all of Django in this process, without a network, after a first one that is not counted. Ingests
with and without digests take turns, each with new sequences.
"""

import argparse
import os
import random
import resource
import time
from contextlib import ExitStack
from pathlib import Path
from statistics import median
from unittest import mock

from bench.refget_site import own_site

HUMAN, LARGE = 3_366, 100_000
HOLDERS, HELD = 100_000, 5


def fill_sequences(count: int) -> None:
    """Make rows of sequences, with digests of their numbers."""
    from django.db import connection

    with connection.cursor() as cursor:
        cursor.execute(
            """
            INSERT INTO catalogue_sequence (id, md5, sha512t24u, length, circular, molecule)
            SELECT n, decode(md5(n::text), 'hex'), substr(sha512(n::text::bytea), 1, 24), 1000 + n %% 77777, false,
                'dna'
            FROM generate_series(1, %s) AS n""",
            [count],
        )
        cursor.execute("SELECT setval(pg_get_serial_sequence('catalogue_sequence', 'id'), %s)", [count])
        cursor.execute("ANALYZE catalogue_sequence")


def make_pair(size: int, *, first: int) -> tuple[str, str]:
    """Make two collections of `size` sequences: the second in another order, a tenth renamed, a tenth replaced."""
    from catalogue.formats.collections import digest_text
    from catalogue.ingest.collection_digests import digest_collection
    from catalogue.models import CollectionMember, SequenceCollection

    rng = random.Random(size)
    numbers = list(range(first, first + size))
    names = [f"contig{number}" for number in numbers]
    shuffled = list(zip(names, numbers, strict=True))
    rng.shuffle(shuffled)
    other = [
        (f"{name}_renamed" if rng.random() < 0.1 else name, number + size if rng.random() < 0.1 else number)
        for name, number in shuffled
    ]
    digests = []
    for side, members in enumerate((list(zip(names, numbers, strict=True)), other)):
        collection = SequenceCollection.objects.create(name=f"{size} {side}")
        CollectionMember.objects.bulk_create(
            CollectionMember(collection=collection, position=position, name=name, sequence_id=number)
            for position, (name, number) in enumerate(members)
        )
        digest_collection(collection.pk)
        collection.refresh_from_db()
        assert collection.content is not None
        digests.append(digest_text(bytes(collection.content.digest)))
    return digests[0], digests[1]


def fill_holders() -> None:
    """Make many collections: one sequence is in all of them, the others in a few; digests are of numbers."""
    from django.db import connection

    with connection.cursor() as cursor:
        cursor.execute(
            """
            INSERT INTO catalogue_collectioncontent
                (id, digest, lengths, name_length_pairs, names, sequences, sorted_name_length_pairs,
                 sorted_sequences, size)
            SELECT 1000 + n, d, d, d, d, d, d, d, %s
            FROM (SELECT n, substr(sha512(n::text::bytea), 1, 24) AS d FROM generate_series(1, %s) AS n) AS made""",
            [HELD, HOLDERS],
        )
        # Deferred triggers run for each row at the end of a transaction, so many short transactions are faster.
        for first in range(1, HOLDERS, 1000):
            cursor.execute(
                """
                INSERT INTO catalogue_sequencecollection (id, name, description, visibility, created)
                SELECT 1000 + n, 'assembly ' || n, '', 'public', now() FROM generate_series(%s, %s) AS n""",
                [first, first + 999],
            )
        cursor.execute(
            """
            INSERT INTO catalogue_collectionmember (collection_id, position, name, sequence_id)
            SELECT 1000 + n, p, 'chr' || p, CASE p WHEN 0 THEN 1 ELSE 2 + (n * 7 + p * 13) %% 90000 END
            FROM generate_series(1, %s) AS n, generate_series(0, %s) AS p""",
            [HOLDERS, HELD - 1],
        )
        cursor.execute(
            "UPDATE catalogue_sequencecollection SET content_id = id WHERE id BETWEEN 1001 AND %s",
            [1000 + HOLDERS],
        )
        for table in ("collectioncontent", "sequencecollection", "collectionmember"):
            cursor.execute(f"VACUUM ANALYZE catalogue_{table}")


def timed(rounds: int, *paths: str, cached: bool = True) -> str:
    """Return the median milliseconds of a GET, and of the processor time of this process for it.

    Without `cached` the cache of arrays is cleared before each request.
    """
    from django.test import Client

    from catalogue.queries import collections as queries

    client = Client()
    times, computed = [], []
    for number in range(rounds + 1):
        path = paths[number % len(paths)]
        if not cached:
            queries._arrays.clear()
        begun, computing = time.perf_counter(), time.process_time()
        response = client.get(path, SERVER_NAME="localhost")
        assert response.status_code == 200, response.content
        times.append(time.perf_counter() - begun)
        computed.append(time.process_time() - computing)
    return f"{median(times[1:]) * 1000:.1f} ms, {median(computed[1:]) * 1000:.1f} ms of it computing"


def sequence_path(number: int) -> str:
    """Return the path that finds the collections with the sequence of a number."""
    import hashlib

    from catalogue.formats.digests import sq_name

    return f"/api/collections/?sequence={sq_name(hashlib.sha512(str(number).encode()).digest()[:24])}"


def write_fasta(path: Path, *, records: int, length: int, seed: int) -> None:
    """Make random proteins or chromosomes."""
    rng = random.Random(seed)
    letters = bytes(b"ACGT"[byte & 3] for byte in range(256))
    with path.open("wb") as file:
        for number in range(records):
            file.write(b">record%d\n" % number)
            residues = rng.randbytes(length).translate(letters)
            file.writelines(residues[at : at + 60] + b"\n" for at in range(0, length, 60))


def ingest_seconds(
    home: Path, *, records: int, length: int, seed: int, digested: bool
) -> tuple[float, float]:
    """Return the seconds that `ingest_fasta --collection` takes, with or without digests.

    The second number is the processor time of this process and of the process of the database for it.
    """
    from django.core.management import call_command

    path = home / "in.fa"
    write_fasta(path, records=records, length=length, seed=seed)
    begun, computing = time.perf_counter(), time.process_time() + database_seconds()
    with open(os.devnull, "w") as silence, ExitStack() as stack:
        if not digested:
            stack.enter_context(mock.patch("catalogue.ingest.fasta.collections.digest_collection"))
        call_command("ingest_fasta", str(path), collection=f"collection {seed}", verbosity=0, stdout=silence)
    return time.perf_counter() - begun, time.process_time() + database_seconds() - computing


def database_seconds() -> float:
    """Return the processor time of the process that serves this connection (proc(5), fields 14 and 15)."""
    from django.db import connection

    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_backend_pid()")
        fields = Path(f"/proc/{cursor.fetchone()[0]}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def main() -> None:
    """Print medians."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=21)
    parser.add_argument("--ingests", type=int, default=3)
    parser.add_argument("--proteins", type=int, default=100_000)
    arguments = parser.parse_args()
    with own_site() as home:
        fill_sequences(2 * (LARGE + HUMAN))
        human, large = make_pair(HUMAN, first=1), make_pair(LARGE, first=1)
        for name, pair in (("3,366 sequences", human), ("100,000 sequences", large)):
            path = f"/comparison/{pair[0]}/{pair[1]}"
            print(f"comparison of two collections of {name}: {timed(arguments.rounds, path, cached=False)}")
            print(f"the same with arrays in the cache: {timed(arguments.rounds, path)}")
        fill_holders()
        rare = [sequence_path(number) for number in range(1000, 1100)]
        print(f"which of 100,002 collections hold a sequence (in a few): {timed(100, *rare)}")
        print(f"the same for one that all hold: {timed(arguments.rounds, sequence_path(1))}")
        for name, records, length in (
            (f"{arguments.proteins:,} of 400 residues", arguments.proteins, 400),
            ("24 of 4 Mb", 24, 4_000_000),
        ):
            spent: dict[bool, list[tuple[float, float]]] = {True: [], False: []}
            for round_ in range(arguments.ingests):
                for digested in (True, False) if round_ % 2 else (False, True):
                    seed = records + 2 * round_ + digested
                    spent[digested].append(
                        ingest_seconds(home, records=records, length=length, seed=seed, digested=digested)
                    )
            for what, values in (("passed", 0), ("computed", 1)):
                made, left_out = (
                    median(taken[values] for taken in spent[digested]) for digested in (True, False)
                )
                print(
                    f"ingest of {name}: {made:.2f} s {what} with digests, {left_out:.2f} s without: "
                    f"{made / left_out:.3f}"
                )
        print(f"peak memory: {resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024:.0f} MB")


if __name__ == "__main__":
    main()
