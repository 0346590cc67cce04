"""Measure the pages for researchers on a large catalogue (`python -m bench.portal_pages`).

The catalogue has rows only, made by SQL: 3,000,000 sequences with an alias each, 100,000 files in 20 datasets of which
half are controlled, one file with 10,000 contigs. Pages are asked for in this process, without a network, each several
times in turns after a first one that is not counted; by nobody, and by an account with grants on two of the datasets.
At last it measures what indexes of aliases cost an ingest.
"""

import argparse
import time
from collections.abc import Callable
from statistics import median
from typing import Any

from bench.refget_site import own_site
from bench.seqcol import fill_sequences

SEQUENCES, FILES, DATASETS, CONTIGS = 3_000_000, 100_000, 20, 10_000
LIMIT_MS = 300


def main() -> None:
    """Print the medians of every page, and which of them are over the limit."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=15)
    parser.add_argument("--sequences", type=int, default=SEQUENCES)
    parser.add_argument("--files", type=int, default=FILES)
    options = parser.parse_args()
    with own_site():
        started = time.monotonic()
        fill_sequences(options.sequences)
        fill_aliases(options.sequences)
        fill_files(options.files)
        fill_collections()
        print(f"rows made in {time.monotonic() - started:.0f} s")
        pages(options.rounds)
        alias_indexes()


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


def pages(rounds: int) -> None:
    """Print median and largest time and the number of queries of each page, for both viewers."""
    from django.contrib.auth.models import User
    from django.test import Client

    from catalogue.models import Dataset
    from tests.catalogue.made_access import make_grant

    user = User.objects.create_user("ada")
    for slug in ("study-1", "study-3"):
        make_grant(Dataset.objects.get(slug=slug), user)
    signed_in = Client(headers={"host": "localhost"})
    signed_in.force_login(user)
    over = []
    print(f"{'page':34}{'nobody ms':>12}{'max':>8}{'queries':>9}{'account ms':>12}{'max':>8}{'queries':>9}")
    for name, path in targets().items():
        figures = []
        for client in (Client(headers={"host": "localhost"}), signed_in):
            times, queries = measured(client, path, rounds)
            figures.append(f"{median(times):12.1f}{max(times):8.1f}{queries:9}")
            if median(times) > LIMIT_MS:
                over.append(name)
        print(f"{name:34}{''.join(figures)}")
    print("over the limit:", ", ".join(over) or "none")


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


def targets() -> dict[str, str]:
    """Return the pages by name."""
    from catalogue.formats.collections import digest_text
    from catalogue.models import Sequence
    from catalogue.models.sequences import SequenceCollection

    large = SequenceCollection.objects.select_related("content").get(name="insdc:GCA_000000000.1")
    assert large.content is not None
    digest = digest_text(bytes(large.content.digest))
    sequence, used = Sequence.objects.order_by("-pk")[777], Sequence.objects.get(pk=1)
    alias = sequence.aliases.get()
    return {
        "home": "/",
        "datasets": "/datasets/",
        "dataset of 25,000 files": "/datasets/study-2",
        "the same, last pages": f"/datasets/study-2?after={last_file()}",
        "the same, filtered by sample": "/datasets/study-2?q=SAMN10077",
        "the same, filtered by nothing": "/datasets/study-2?q=absent",
        "file": "/files/reads/study-2/run/000005",
        "file of 10,000 contigs": f"/files/reads/{file_id()}",
        "the same, another page": f"/files/reads/{file_id()}?after=9000&contig=9",
        "its commands": f"/files/reads/{file_id()}?part=commands&region=contig77:1-100",
        "sequence": f"/sequences/{sequence}",
        "sequence in 100,000 files": f"/sequences/{used}",
        "collections": "/collections/",
        "collection of 10,000": f"/collections/{digest}",
        "the same, filtered": f"/collections/{digest}?q=chr99",
        "search: an id": "/search?q=study-2/run/000005",
        "search: a sample": "/search?q=SAMN10050000",
        "search: part of a sample": "/search?q=1005000",
        "search: part of every sample": "/search?q=SAMN1",
        "search: a closed dataset's part": "/search?q=study-1/run",
        "search: part of every id": "/search?q=run",
        "search: nothing": "/search?q=xyzzy",
        "search: two letters": "/search?q=AB",
        "search: an alias": f"/search?q={alias}",
        "search: beginning of an alias": f"/search?q={alias.name[:6]}",
        "search: an MD5": f"/search?q={bytes(sequence.md5).hex()}",
        "search: beginning of an MD5": f"/search?q={bytes(sequence.md5).hex()[:8]}",
        "search: a digest": f"/search?q={sequence}",
        "search: an assembly": "/search?q=GCA_0000004",
        "search: a title": "/search?q=Study+number",
    }


def last_file() -> int:
    """Return the file before the last page of the large dataset."""
    from catalogue.models import DataFile

    rows = DataFile.objects.filter(dataset__slug="study-2").order_by("-htsget_id")
    return int(rows.values_list("pk", flat=True)[20])


def alias_indexes() -> None:
    """Print how long 100,000 new aliases take with the indexes that there are, and with one of trigrams besides."""
    from django.db import connection, transaction

    insert = """
        INSERT INTO catalogue_alias (authority_id, name, sequence_id)
        SELECT (SELECT id FROM catalogue_namingauthority WHERE name = 'ensembl'),
               'ENST' || lpad((n::bigint * 7919 %% 100000000000)::text, 11, '0') || '.' || n %% 9, n
        FROM generate_series(1, 100000) AS n ORDER BY 2"""
    trigrams = "CREATE TABLE trigrams AS SELECT name FROM catalogue_alias LIMIT 0"
    index = "CREATE INDEX ON trigrams USING gin (catalogue_trigrams(name))"

    def timed(work: Callable[[], None]) -> float:
        started = time.perf_counter()
        work()
        return time.perf_counter() - started

    def plain() -> None:
        with transaction.atomic():
            execute(insert)
            transaction.set_rollback(True)

    with connection.cursor() as cursor:
        cursor.execute(trigrams)
        cursor.execute(index)
    seconds = median(timed(plain) for _ in range(3))
    more = (
        "INSERT INTO trigrams SELECT 'ENST' || lpad((n::bigint * 7919 %% 100000000000)::text, 11, '0') FROM "
    )
    extra = timed(lambda: execute(more + "generate_series(1, 100000) AS n"))
    print(f"100,000 aliases: {seconds:.2f} s; an index of their trigrams alone: {extra:.2f} s more")


if __name__ == "__main__":
    main()
