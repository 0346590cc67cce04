"""Measure one look-up in a small and in a large catalogue (`python -m bench.refget_lookup`).

Both catalogues are in one database, each in its own schema, and take turns, so that other work on the machine affects
both equally. The cache of the process is cleared before each look-up, so that each goes to PostgreSQL.
"""

import argparse
import hashlib
import random
import time
from collections.abc import Callable
from statistics import median

from bench.refget_site import own_site

LENGTH = 400


def digests(number: int) -> tuple[bytes, bytes]:
    """Return the md5 and the 24 bytes of SHA-512 of row `number`: digests of the number, not of residues."""
    text = b"%d" % number
    return hashlib.md5(text).digest(), hashlib.sha512(text).digest()[:24]


def fill(schema: str, count: int) -> None:
    """Make the tables of sequences in `schema`, with `count` rows of sequences and names, by COPY."""
    from django.db import connection

    with connection.cursor() as cursor:
        cursor.execute(f"CREATE SCHEMA {schema}")
        for table in ("residueblob", "sequence", "alias"):
            cursor.execute(
                f"CREATE TABLE {schema}.catalogue_{table} (LIKE public.catalogue_{table} INCLUDING ALL)"
            )
        cursor.execute(f"INSERT INTO {schema}.catalogue_residueblob VALUES (1, 'sequences', 'packed', 1)")
        cursor.execute("SELECT id FROM catalogue_namingauthority WHERE name = 'refseq'")
        authority = cursor.fetchone()[0]
        sequences = (
            f'COPY {schema}.catalogue_sequence (id, md5, sha512t24u, length, circular, molecule, blob_id, "offset")'
            " FROM STDIN"
        )
        with cursor.copy(sequences) as copy:
            for number in range(1, count + 1):
                md5, sha = digests(number)
                copy.write_row((number, md5, sha, LENGTH, False, "protein", 1, number * LENGTH))
        with cursor.copy(
            f"COPY {schema}.catalogue_alias (id, authority_id, name, sequence_id) FROM STDIN"
        ) as copy:
            for number in range(1, count + 1):
                copy.write_row((number, authority, f"NP_{number:09}.1", number))
        cursor.execute(f"ANALYZE {schema}.catalogue_sequence")
        cursor.execute(f"ANALYZE {schema}.catalogue_alias")


def by_md5(number: int) -> str:
    return digests(number)[0].hex()


def by_ga4gh(number: int) -> str:
    from catalogue.formats.digests import sq_name

    return sq_name(digests(number)[1])


def by_authority(number: int) -> str:
    return f"refseq:NP_{number:09}.1"


def by_name(number: int) -> str:
    return f"NP_{number:09}.1"


def latency(schema: str, count: int, spell: Callable[[int], str], chosen: random.Random, looks: int) -> float:
    """Return the median seconds of a look-up of a random row."""
    from django.db import connection

    from catalogue import queries

    seen = []
    with connection.cursor() as cursor:
        cursor.execute(f"SET search_path TO {schema}, public")
    for _ in range(looks):
        number = chosen.randrange(1, count + 1)
        identifier = spell(number)
        queries.forget_sequences()
        began = time.perf_counter()
        record = queries.sequence(identifier)
        seen.append(time.perf_counter() - began)
        if record.pk != number:
            raise SystemExit(f"{identifier} gave row {record.pk}")
    return median(seen)


def main() -> None:
    """Print the medians in microseconds and their ratio, for each kind of identifier."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--small", type=int, default=10_000)
    parser.add_argument("--large", type=int, default=3_000_000)
    parser.add_argument("--looks", type=int, default=1000, help="a round, of each kind")
    parser.add_argument("--rounds", type=int, default=7)
    options = parser.parse_args()
    kinds = {"md5": by_md5, "SQ.": by_ga4gh, "authority:name": by_authority, "bare name": by_name}
    with own_site():
        sizes = {"small": options.small, "large": options.large}
        for schema, count in sizes.items():
            began = time.perf_counter()
            fill(schema, count)
            print(f"{count} sequences and as many names copied in {time.perf_counter() - began:.1f} s")
        chosen = random.Random(3)
        for kind, spell in kinds.items():
            seen: dict[str, list[float]] = {schema: [] for schema in sizes}
            for _ in range(options.rounds):
                for schema, count in sizes.items():
                    seen[schema].append(latency(schema, count, spell, chosen, options.looks))
            small, large = (median(seen[schema]) * 1e6 for schema in sizes)
            print(f"{kind:15} {small:6.0f} µs   {large:6.0f} µs   ratio {large / small:.2f}")


if __name__ == "__main__":
    main()
