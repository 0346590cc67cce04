"""A large catalogue, made by SQL, and the times of requests of it; what measurements of pages and of the API share.

It has rows only: sequences with an alias each, files in 20 datasets of which half are controlled, one file and one
assembly of 10,000 contigs.
"""

import argparse
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from statistics import median
from typing import Any

from bench.refget_site import own_site
from bench.seqcol import fill_sequences

SEQUENCES, FILES, DATASETS, CONTIGS = 3_000_000, 100_000, 20, 10_000
#: The aim for the median of every page and list.
LIMIT_MS = 300


@contextmanager
def large_catalogue(description: str | None) -> Iterator[int]:
    """Parse the options that the measurements share, make the catalogue, and yield the number of rounds."""
    parser = argparse.ArgumentParser(description=description)
    parser.add_argument("--rounds", type=int, default=15)
    parser.add_argument("--sequences", type=int, default=SEQUENCES)
    parser.add_argument("--files", type=int, default=FILES)
    parser.add_argument("--database", default="", help="the URL of one with these rows, which stays as it is")
    options = parser.parse_args()
    if options.database:
        with own_site(database=options.database) as home, given_back():
            # The one object of all residues (`bench.made_catalogue`); no sequence is longer.
            made = home / "sequences" / "made"
            made.parent.mkdir(exist_ok=True)
            made.write_bytes(b"A" * 100_000)
            yield options.rounds
        return
    with own_site():
        started = time.monotonic()
        fill_sequences(options.sequences)
        fill_aliases(options.sequences)
        fill_files(options.files)
        fill_collections()
        print(f"rows made in {time.monotonic() - started:.0f} s")
        yield options.rounds


@contextmanager
def given_back() -> Iterator[None]:
    """Take back what is written meanwhile."""
    from django.db import transaction

    with transaction.atomic():
        yield
        transaction.set_rollback(True)


class Table:
    """A table of times that is printed row by row, and which of them are over the limit."""

    def __init__(self, what: str, viewers: dict[str, Any], rounds: int) -> None:
        self._viewers, self._rounds, self._over = viewers, rounds, list[str]()
        print(f"{what:34}" + "".join(f"{name + ' ms':>14}{'max':>8}{'queries':>9}" for name in viewers))

    def row(self, name: str, path: str, *, without: tuple[str, ...] = ()) -> None:
        """Measure a path for each viewer but some, and print median, largest time and number of queries."""
        figures = ""
        for viewer, client in self._viewers.items():
            if viewer in without:
                figures += " " * 31
                continue
            times, queries = measured(client, path, self._rounds)
            figures += f"{median(times):14.1f}{max(times):8.1f}{queries:9}"
            if median(times) > LIMIT_MS:
                self._over.append(f"{name} ({viewer})")
        print(f"{name:34}{figures}")

    def end(self) -> None:
        """Print what is over the limit."""
        print("over the limit:", ", ".join(self._over) or "none")


def measured(client: Any, path: str, rounds: int) -> tuple[list[float], int]:
    """Return the times of a page in milliseconds, and the number of its queries."""
    from django.db import connection

    asked: list[str] = []

    def count(execute: Callable[..., Any], sql: str, *given: Any) -> Any:
        asked.append(sql)
        return execute(sql, *given)

    with connection.execute_wrapper(count):
        response = client.get(path, follow=True)
        assert response.status_code == 200, (path, response.status_code)
    times = []
    for _ in range(rounds):
        started = time.perf_counter()
        client.get(path, follow=True)
        times.append((time.perf_counter() - started) * 1000)
    return times, len(asked)


def execute(sql: str, *parameters: Any) -> None:
    """Run one statement."""
    from django.db import connection

    with connection.cursor() as cursor:
        cursor.execute(sql, parameters)


def fill_aliases(count: int) -> None:
    """Give every sequence a name like an accession of the INSDC."""
    execute(
        """
        INSERT INTO catalogue_alias (authority_id, name, sequence_id)
        SELECT (SELECT id FROM catalogue_namingauthority WHERE name = 'insdc'),
               chr(65 + (n %% 26)::int) || chr(65 + (n / 26 %% 26)::int) || lpad(n::text, 8, '0') || '.1', n
        FROM generate_series(1, %s) AS n ORDER BY 2""",
        count,
    )
    execute("VACUUM ANALYZE catalogue_alias")
    execute("VACUUM ANALYZE catalogue_sequence")


def fill_files(count: int) -> None:
    """Make datasets, files with a sample each, and their contigs."""
    execute(
        """
        INSERT INTO catalogue_dataset (slug, title, description, licence, contact, visibility, created)
        SELECT 'study-' || n, 'Study number ' || n, 'Genomes of study ' || n, 'CC BY', 'data@example.org',
               CASE WHEN n %% 2 = 0 THEN 'public' ELSE 'controlled' END, now()
        FROM generate_series(1, %s) AS n""",
        DATASETS,
    )
    # The first two have half of all files between them: a large public and a large controlled dataset.
    execute(
        """
        INSERT INTO catalogue_datafile
            (dataset_id, kind, htsget_id, format, storage, key, size, etag, source, source_etag, header, header_end,
             has_eof, index_kind, index_source, index_etag, index_built, version, samples, assembly, sort_order, state,
             state_reason, state_since, ingested)
        SELECT d.id, 'reads', d.slug || '/run/' || lpad(n::text, 6, '0'), 'BAM', 'files', 'data/' || n, 1000000 + n,
               'etag' || n, '', '', '\\x00', 65536, true, 'BAI', '', '', false, '1.6', ARRAY['SAMN' || (10000000 + n)],
               'GRCh38', 'coordinate', 'ready', '', now(), now()
        FROM generate_series(1, %s) AS n
        JOIN catalogue_dataset d ON d.slug = 'study-' || CASE WHEN n %% 4 < 2 THEN n %% 2 + 1 ELSE n %% %s + 1 END""",
        count,
        DATASETS,
    )
    execute(
        """
        INSERT INTO catalogue_contig (file_id, number, name, length, sequence_id, mapped, unmapped, index)
        SELECT id, 0, 'chr1', 248956422, 1, 5, 0, '' FROM catalogue_datafile"""
    )
    execute(
        """
        INSERT INTO catalogue_contig (file_id, number, name, length, sequence_id, mapped, unmapped, index)
        SELECT (SELECT id FROM catalogue_datafile WHERE htsget_id = %s), n, 'contig' || n, 1000 + n, n, 5, 0, ''
        FROM generate_series(1, %s) AS n""",
        file_id(),
        CONTIGS,
    )
    for table in ("catalogue_datafile", "catalogue_contig", "catalogue_dataset"):
        execute(f"VACUUM ANALYZE {table}")


def file_id() -> str:
    """Return the id of a file of the large public dataset."""
    return "study-2/run/000001"


def fill_collections() -> None:
    """Make 500 collections of a few sequences, and one as large as a draft genome."""
    from catalogue.ingest.collection_digests import digest_collection
    from catalogue.models import CollectionMember, SequenceCollection

    for number in range(500):
        size = 10_000 if number == 0 else 5
        collection = SequenceCollection.objects.create(name=f"insdc:GCA_{number:09}.1")
        CollectionMember.objects.bulk_create(
            CollectionMember(
                collection=collection, position=at, name=f"chr{at + 1}", sequence_id=number * 5 + at + 1
            )
            for at in range(size)
        )
        digest_collection(collection.pk)
