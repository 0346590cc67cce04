"""Measure what registering many small files takes at least (`python -m bench.ingest_file_rows`).

Two things that an ingest cannot do without, each by itself: reading the header and the index of a file, in one process;
and the rows of files with 25 contigs and their samples, inserted by one statement a table into copies of the tables:
without an index, with the primary key, and with all indexes, without constraints between tables and without triggers.
"""

import argparse
import time
from statistics import median

from bench.ingest_files import CONTIGS, make_bam
from bench.refget_site import own_site

_COLUMNS = """dataset_id, kind, htsget_id, format, storage, key, size, etag, source, source_etag, header, header_end,
 has_eof, index_kind, index_source, index_etag, index_built, version, samples, assembly, sort_order, state,
 state_reason, state_since, ingested"""
_ROWS = {
    "catalogue_datafile": f"""
        INSERT INTO {{copy}} ({_COLUMNS})
        SELECT 1, 'reads', 's' || n, 'BAM', 'files', 'indexed/s' || n || '.bam', 30000, '75-18e' || md5(n::text), '',
            '', decode(repeat(md5(n::text), 30), 'hex'), 480, true, 'BAI', 'files:indexed/s' || n || '.bam.bai',
            '6a-18e' || md5(n::text), false, '1.6', ARRAY['sample' || n], '', 'coordinate', 'ready', '', now(), now()
        FROM generate_series(1, %s) AS n""",
    "catalogue_contig": """
        INSERT INTO {copy} (file_id, number, name, length, md5, sequence_id, mapped, unmapped, index, chosen)
        SELECT n, c, 'chr' || c, 1000000, decode(md5(c::text), 'hex'), c, 8, 0, decode(repeat(md5(n::text), 10), 'hex'),
            false
        FROM generate_series(1, %s) AS n, generate_series(1, 25) AS c""",
    "catalogue_filesample": """
        INSERT INTO {copy} (dataset_id, name, file_id) SELECT 1, 'sample' || n, n FROM generate_series(1, %s) AS n""",
    "catalogue_ingestedfile": """
        INSERT INTO {copy} (run_id, source, outcome, message, counts, paths)
        SELECT 1, 'files:indexed/s' || n || '.bam', 'added', '', '{{"contigs": 25, "linked": 25}}'::jsonb,
            jsonb_build_array('reads/s' || n)
        FROM generate_series(1, %s) AS n""",
}
_KINDS = {"without an index": "", "with the primary key": "key", "with all indexes": "all"}


def main() -> None:
    """Print seconds and files a second."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--files", type=int, default=10_000)
    parser.add_argument("--read", type=int, default=300, help="files to read")
    parser.add_argument("--rounds", type=int, default=3)
    options = parser.parse_args()
    with own_site() as home:
        reading(home, options.read, options.rounds)
        from django.db import connection

        with connection.cursor() as cursor:
            seconds: dict[tuple[str, str], list[float]] = {}
            for _ in range(options.rounds):
                for kind, indexes in _KINDS.items():
                    for table, insert in _ROWS.items():
                        taken = inserted(cursor, table, insert, indexes, options.files)
                        seconds.setdefault((table, kind), []).append(taken)
        for kind in _KINDS:
            each = {table: median(seconds[table, kind]) for table in _ROWS}
            told = ", ".join(f"{table} {taken:.2f} s" for table, taken in each.items())
            print(f"{kind}: {told}; {options.files / sum(each.values()):,.0f} files a second")


def reading(home, files: int, rounds: int) -> None:  # type: ignore[no-untyped-def]
    """Print what reading a file takes, without the database."""
    from catalogue.formats.spec import FileKind
    from catalogue.ingest.files.indexing import ReadJob
    from catalogue.ingest.files.reader import read_file
    from catalogue.storage import FILES
    from catalogue.storage.object_ref import ObjectRef

    (home / "files").mkdir(exist_ok=True)
    for number in range(files):
        make_bam(home / "files" / f"s{number}.bam", number=number, index=True)
    jobs = [ReadJob(ObjectRef(FILES, f"s{number}.bam"), FileKind.READS) for number in range(files)]
    taken = []
    for _ in range(rounds):
        began = time.process_time()
        for job in jobs:
            read_file(job)
        taken.append((time.process_time() - began) / files)
    print(f"reading a file of {len(CONTIGS)} contigs: {1000 * median(taken):.2f} ms of processor time")


def inserted(cursor, table: str, insert: str, indexes: str, files: int) -> float:  # type: ignore[no-untyped-def]
    """Return the seconds of the statement into an empty copy of a table, which is removed again."""
    including = (
        "INCLUDING ALL" if indexes == "all" else "INCLUDING DEFAULTS INCLUDING IDENTITY INCLUDING GENERATED"
    )
    cursor.execute(f"CREATE TABLE copied (LIKE {table} {including})")
    if indexes == "key":
        keys = {"catalogue_filesample": "dataset_id, name, file_id"}.get(table, "id")
        cursor.execute(f"ALTER TABLE copied ADD PRIMARY KEY ({keys})")
    began = time.perf_counter()
    cursor.execute(insert.format(copy="copied"), [files])
    taken = time.perf_counter() - began
    cursor.execute("DROP TABLE copied")
    return taken


if __name__ == "__main__":
    main()
