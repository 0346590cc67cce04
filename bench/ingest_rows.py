"""Measure what PostgreSQL alone takes for the rows of many sequences (`python -m bench.ingest_rows`).

Rows like those of a million proteins with the three names of UniProt are inserted by one statement a table, in the
order in which the ingest inserts them, into copies of the catalogue's tables: without an index, with the primary key,
and with all indexes. No file is parsed, nothing is hashed and no constraint between tables is checked, so that an
ingest cannot be quicker than this.
"""

import argparse
import time
from statistics import median

from bench.refget_site import own_site

#: A table, its rows, and their order: what the ingest inserts.
_ROWS = {
    "catalogue_sequence": """
        INSERT INTO {copy} (md5, sha512t24u, length, circular, molecule, blob_id, "offset")
        SELECT md5, substr(sha512(md5), 1, 24), 400, false, 'protein', 1, n * 400 FROM made ORDER BY md5
        ON CONFLICT DO NOTHING""",
    "catalogue_alias": """
        INSERT INTO {copy} (name, authority_id, sequence_id)
        SELECT form.name COLLATE "C", form.authority, n FROM made, LATERAL (
            SELECT 'A0A' || substr(digits, 1, 3) || 'A' || substr(digits, 4) AS accession
            FROM lpad((n % 1000000)::text, 6, '0') AS digits) AS made_name, LATERAL (VALUES
            (accession, 1), (accession || '_HUMAN', 1), ('GENE' || n, 2)) AS form (name, authority)
        ORDER BY 1, 2, 3 ON CONFLICT DO NOTHING""",
}
_KINDS = {"without an index": "", "with the primary key": "key", "with all indexes": "all"}


def main() -> None:
    """Print seconds and sequences a second for each table and kind."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--sequences", type=int, default=1_000_000)
    parser.add_argument("--rounds", type=int, default=3)
    options = parser.parse_args()
    with own_site():
        from django.db import connection

        with connection.cursor() as cursor:
            cursor.execute("SET work_mem = '64MB'")
            cursor.execute(
                "CREATE TEMPORARY TABLE made AS SELECT n, decode(md5(n::text), 'hex') AS md5 "
                "FROM generate_series(1, %s) AS n",
                [options.sequences],
            )
            cursor.execute("ANALYZE made")
            seconds: dict[tuple[str, str], list[float]] = {}
            for _ in range(options.rounds):
                for kind, indexes in _KINDS.items():
                    for table, insert in _ROWS.items():
                        taken = inserted(cursor, table, insert, indexes)
                        seconds.setdefault((table, kind), []).append(taken)
    for kind in _KINDS:
        each = {table: median(seconds[table, kind]) for table in _ROWS}
        rate = options.sequences / sum(each.values())
        told = ", ".join(f"{table} {taken:.1f} s" for table, taken in each.items())
        print(f"{kind}: {told}; {rate:,.0f} sequences a second")


def inserted(cursor, table: str, insert: str, indexes: str) -> float:  # type: ignore[no-untyped-def]
    """Return the seconds of the statement into an empty copy of a table, which is removed again."""
    including = (
        "INCLUDING ALL" if indexes == "all" else "INCLUDING DEFAULTS INCLUDING IDENTITY INCLUDING GENERATED"
    )
    cursor.execute(f"CREATE TABLE copied (LIKE {table} {including})")
    if indexes == "key":
        cursor.execute("ALTER TABLE copied ADD PRIMARY KEY (id)")
    began = time.perf_counter()
    cursor.execute(insert.format(copy="copied"))
    taken = time.perf_counter() - began
    cursor.execute("DROP TABLE copied")
    return taken


if __name__ == "__main__":
    main()
