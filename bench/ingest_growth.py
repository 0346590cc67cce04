"""Measure how ingests and look-ups slow down as a catalogue grows (`python -m bench.ingest_growth`).

Files of proteins with the three names of UniProt are ingested one after the other into one catalogue, each by a command
of its own; between the first and the others any number of rows may be made by SQL, which takes less time. At last
look-ups in that catalogue take turns with look-ups in a copy of its first rows, in another schema.
"""

import argparse
import os
import random
import time
from collections.abc import Callable
from statistics import median

from bench.ingest_fasta import ingest, protein, uniprot_header, wrapped
from bench.refget_site import own_site

TABLES = ("residueblob", "sequence", "alias")
#: Rows like those of proteins with three names, for the numbers from one on up to another.
_MADE = (
    """
    INSERT INTO catalogue_sequence (id, md5, sha512t24u, length, circular, molecule, blob_id, "offset")
    SELECT 1000000000 + n, decode(md5(n::text), 'hex'), substr(sha512(decode(md5(n::text), 'hex')), 1, 24), 400, false,
        'protein', (SELECT min(id) FROM catalogue_residueblob), 0
    FROM generate_series(%s::int, %s::int - 1) AS n ORDER BY 2""",
    """
    INSERT INTO catalogue_alias (name, authority_id, sequence_id)
    SELECT form.name COLLATE "C", (SELECT authority_id FROM catalogue_alias WHERE name LIKE '%%\\_HUMAN' LIMIT 1),
        1000000000 + n
    FROM generate_series(%s::int, %s::int - 1) AS n, LATERAL (
        SELECT 'B0' || chr(65 + n / 1000000) || substr(digits, 1, 3) || 'A' || substr(digits, 4) AS accession
        FROM lpad((n %% 1000000)::text, 6, '0') AS digits) AS made, LATERAL (VALUES
        (accession), (accession || '_HUMAN'), (upper(to_hex(n)))) AS form (name)
    ORDER BY 1, 2, 3""",
)


def main() -> None:
    """Print the rate of each file, the sizes of tables, and look-ups in many rows and in few."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--files", type=int, default=10)
    parser.add_argument("--proteins", type=int, default=1_000_000, help="in each file")
    parser.add_argument("--made", type=int, default=0, help="rows by SQL after the first file, in millions")
    parser.add_argument("--small", type=int, default=10_000, help="rows of the small catalogue")
    parser.add_argument("--looks", type=int, default=500, help="a round, of each kind")
    parser.add_argument("--rounds", type=int, default=7)
    options = parser.parse_args()
    source = bytes(random.Random(1).choices(b"ACDEFGHIKLMNPQRSTVWY", k=1 << 20))
    with own_site() as home:
        rates = []
        for at in range(options.files):
            path = home / "proteins.fa"
            with path.open("wb") as file:
                for number in range(at * options.proteins, (at + 1) * options.proteins):
                    file.write(
                        b">" + uniprot_header(number).encode() + b"\n" + wrapped(protein(number, source))
                    )
            seconds, resident = ingest(path)
            rates.append(options.proteins / seconds)
            print(
                f"file {at + 1}: {seconds:.1f} s, {rates[-1]:,.0f} proteins a second, {rates[0] / rates[-1]:.2f} times"
                f" as long as the first; {resident / 1e6:.0f} MB resident; load {os.getloadavg()[0]:.1f}",
                flush=True,
            )
            if at == 0 and options.made:
                make_rows(options.made)
        print(sizes(), flush=True)
        look_up(options.files * options.proteins, options.small, source, options.looks, options.rounds)


def make_rows(millions: int) -> None:
    """Make so many million sequences with three names each, a million at a time."""
    from django.db import connection

    began = time.perf_counter()
    with connection.cursor() as cursor:
        cursor.execute("SET work_mem = '256MB'")
        # Constraints between tables hold by construction, and are there again for the files that follow.
        cursor.execute(
            "SELECT conrelid::regclass, quote_ident(conname), pg_get_constraintdef(oid) FROM pg_constraint"
            " WHERE contype = 'f' AND conrelid IN ('catalogue_sequence'::regclass, 'catalogue_alias'::regclass)"
        )
        constraints = cursor.fetchall()
        for table, name, _ in constraints:
            cursor.execute(f"ALTER TABLE {table} DROP CONSTRAINT {name}")
        for million in range(millions):
            for insert in _MADE:
                cursor.execute(insert, [million * 1_000_000, (million + 1) * 1_000_000])
        for table, name, definition in constraints:
            cursor.execute(f"ALTER TABLE {table} ADD CONSTRAINT {name} {definition} NOT VALID")
        cursor.execute("ANALYZE catalogue_sequence, catalogue_alias")
    connection.close()
    print(f"{millions} million rows made in {time.perf_counter() - began:.0f} s", flush=True)


def sizes() -> str:
    """Return the sizes of the tables with their indexes."""
    from django.db import connection

    told = []
    with connection.cursor() as cursor:
        for table in TABLES:
            cursor.execute(f"VACUUM ANALYZE catalogue_{table}")
            cursor.execute(
                f"SELECT pg_table_size('catalogue_{table}'), pg_indexes_size('catalogue_{table}'),"
                f" (SELECT reltuples::bigint FROM pg_class WHERE relname = 'catalogue_{table}')"
            )
            rows, indexes, count = cursor.fetchone()
            told.append(
                f"{table} {count:,} rows, {rows / 1e6:,.0f} MB and {indexes / 1e6:,.0f} MB of indexes"
            )
    return "; ".join(told)


def look_up(large: int, small: int, source: bytes, looks: int, rounds: int) -> None:
    """Compare look-ups among all rows with those among the first ones."""
    from django.db import connection

    from catalogue.formats.digests import sequence_digests

    with connection.cursor() as cursor:
        cursor.execute("CREATE SCHEMA small")
        for table in TABLES:
            cursor.execute(
                f"CREATE TABLE small.catalogue_{table} (LIKE public.catalogue_{table} INCLUDING ALL)"
            )
        cursor.execute("INSERT INTO small.catalogue_residueblob SELECT * FROM public.catalogue_residueblob")
        chosen = "SELECT id FROM public.catalogue_sequence ORDER BY id LIMIT %s"
        for table, column in (("sequence", "id"), ("alias", "sequence_id")):
            cursor.execute(
                f"INSERT INTO small.catalogue_{table} SELECT * FROM public.catalogue_{table}"
                f" WHERE {column} IN ({chosen})",
                [small],
            )
            cursor.execute(f"ANALYZE small.catalogue_{table}")
        # Ids are not in the order of the file: names of what was copied.
        cursor.execute("SELECT name FROM small.catalogue_alias WHERE name LIKE '%\\_HUMAN' ORDER BY name")
        few = [_number(name) for (name,) in cursor.fetchall()]
    spellings: dict[str, Callable[[int], str]] = {
        "md5": lambda number: sequence_digests(protein(number, source)).md5_hex,
        "SQ.": lambda number: sequence_digests(protein(number, source)).sq,
        "bare name": lambda number: uniprot_header(number).split("|")[1],
    }
    rng = random.Random(3)
    with connection.cursor() as cursor:
        cursor.execute("SELECT count(*) FROM public.catalogue_sequence")
        (rows,) = cursor.fetchone()
    for kind, spell in spellings.items():
        seen: dict[str, list[float]] = {"small": [], "public": []}
        for _ in range(rounds):
            for schema, among in (("small", few), ("public", range(large))):
                numbers = rng.choices(among, k=looks)
                seen[schema].append(_latency(schema, [spell(number) for number in numbers]))
        few_rows, many_rows = (median(seen[schema]) * 1e6 for schema in ("small", "public"))
        print(
            f"{kind:10} {few_rows:6.0f} µs among {small:,}, {many_rows:6.0f} µs among {rows:,}: "
            f"ratio {many_rows / few_rows:.2f}",
            flush=True,
        )


def _number(name: str) -> int:
    """Return the number that `uniprot_header` made a name of."""
    a, b, c, d = (ord(name[at]) - 65 for at in (2, 3, 4, 6))
    return int(name[9:].split("_")[0]) * 26**4 + ((d * 26 + c) * 26 + b) * 26 + a


def _latency(schema: str, identifiers: list[str]) -> float:
    """Return the median seconds of a look-up, without what the process remembers."""
    from django.db import connection

    from catalogue import queries

    with connection.cursor() as cursor:
        cursor.execute(f"SET search_path TO {schema}, public")
    seen = []
    for identifier in identifiers:
        queries.forget_sequences()
        began = time.perf_counter()
        queries.sequence(identifier)
        seen.append(time.perf_counter() - began)
    return median(seen)


if __name__ == "__main__":
    main()
