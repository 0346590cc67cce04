"""The rows of one FASTA file: collected in temporary tables, then registered in one transaction.

Temporary tables hold the data that grows with the file, so memory is bounded for any number of records. Rows are
inserted in the order of their md5 (names in the order of names), so that concurrent ingests of the same sequences do
not deadlock; the database's constraints decide which of them adds a row.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Final, NamedTuple, Self

from django.db import connection

from catalogue.errors import ObjectMissing
from catalogue.formats.fasta import FastaFault
from catalogue.formats.fasta_names import HEADER_AUTHORITIES, NameUnder
from catalogue.ingest.fasta.residues import Arrived, Pack, StagedBlob, long_key
from catalogue.models import NamingAuthority, ResidueBlob
from catalogue.storage import storage

_TABLES = (
    """CREATE TEMPORARY TABLE arriving_record (
        position bigint, line bigint, name text, md5 bytea, sha512t24u bytea, length bigint,
        circular boolean, molecule text, blob integer, "offset" bigint)""",
    # Records with a blob have residues that are not stored yet.
    "CREATE UNIQUE INDEX arriving_fresh ON arriving_record (md5) WHERE blob IS NOT NULL",
    "CREATE TEMPORARY TABLE arriving_name (authority integer, name text, md5 bytea)",
)
_DROP = "DROP TABLE IF EXISTS arriving_record, arriving_name"

# LIMIT prevents a join: each batch is looked up by index, whatever the planner's statistics are.
_LOOK_UP = """
    SELECT asked.n - 1, held.sha512t24u, held.blob_id, arrived.sha512t24u
    FROM unnest(%s::bytea[]) WITH ORDINALITY AS asked (md5, n)
    LEFT JOIN LATERAL (
        SELECT sha512t24u, blob_id FROM catalogue_sequence WHERE md5 = asked.md5 LIMIT 1) AS held ON true
    LEFT JOIN LATERAL (
        SELECT sha512t24u FROM arriving_record WHERE md5 = asked.md5 AND blob IS NOT NULL LIMIT 1) AS arrived ON true
    WHERE held.sha512t24u IS NOT NULL OR arrived.sha512t24u IS NOT NULL"""

_ADD_BLOBS = """
    INSERT INTO catalogue_residueblob (storage, key, size)
    SELECT %s, key, size FROM unnest(%s::text[], %s::bigint[]) AS staged (key, size) ORDER BY key
    ON CONFLICT (storage, key) DO UPDATE SET size = EXCLUDED.size RETURNING key, id"""

_ADD_SEQUENCES = """
    INSERT INTO catalogue_sequence (md5, sha512t24u, length, circular, molecule, blob_id, "offset")
    SELECT md5, sha512t24u, length, circular, molecule, (%s::bigint[])[blob + 1], "offset"
    FROM arriving_record WHERE blob IS NOT NULL ORDER BY md5
    ON CONFLICT DO NOTHING"""

# Locks sequences that are known without residues, or whose blob is lost.
_LOCK_UNHELD = """
    SELECT 1 FROM catalogue_sequence
    WHERE md5 IN (SELECT md5 FROM arriving_record WHERE blob IS NOT NULL)
        AND (blob_id IS NULL OR blob_id = ANY(%s))
    ORDER BY md5 FOR UPDATE"""
_FILL = """
    UPDATE catalogue_sequence AS held SET
        sha512t24u = arrived.sha512t24u, length = arrived.length,
        molecule = CASE held.molecule WHEN '' THEN arrived.molecule ELSE held.molecule END,
        blob_id = (%s::bigint[])[arrived.blob + 1], "offset" = arrived."offset"
    FROM arriving_record AS arrived
    WHERE arrived.blob IS NOT NULL AND held.md5 = arrived.md5 AND (held.blob_id IS NULL OR held.blob_id = ANY(%s))"""

_LOCK_LINEAR = """
    SELECT 1 FROM catalogue_sequence
    WHERE md5 IN (SELECT md5 FROM arriving_record WHERE circular) AND NOT circular ORDER BY md5 FOR UPDATE"""
_MAKE_CIRCULAR = """
    UPDATE catalogue_sequence SET circular = true
    WHERE md5 IN (SELECT md5 FROM arriving_record WHERE circular) AND NOT circular"""
# Names from a private collection belong to it, unless they are already public.
_ADD_NAMES = """
    INSERT INTO catalogue_alias (name, authority_id, sequence_id, collection_id)
    SELECT DISTINCT arrived.name COLLATE "C", authority.id, catalogue_sequence.id, %(collection)s::bigint
    FROM arriving_name AS arrived JOIN catalogue_sequence USING (md5)
    JOIN unnest(%(authorities)s::bigint[]) WITH ORDINALITY AS authority (id, n) ON authority.n = arrived.authority + 1
    WHERE %(collection)s::bigint IS NULL OR NOT EXISTS (
        SELECT 1 FROM catalogue_alias AS known
        WHERE known.name = arrived.name AND known.authority_id = authority.id
            AND known.sequence_id = catalogue_sequence.id AND known.collection_id IS NULL)
    ORDER BY 1, 2, 3
    ON CONFLICT DO NOTHING"""
_DUPLICATE_NAME = """
    SELECT name, min(line), max(line) FROM arriving_record GROUP BY name HAVING count(*) > 1
    ORDER BY max(line) LIMIT 1"""

_NEW_AUTHORITY = """
    INSERT INTO catalogue_namingauthority (name, description, private) VALUES (%s, %s, %s) ON CONFLICT DO NOTHING"""
_PUBLISH_AUTHORITIES = "UPDATE catalogue_namingauthority SET private = false WHERE private AND id = ANY(%s)"


class Row(NamedTuple):
    """One record to be registered."""

    arrived: Arrived
    circular: bool
    molecule: str
    names: list[NameUnder]


@dataclass(frozen=True, slots=True)
class Added:
    """Numbers of rows that a registration added or changed."""

    sequences: int
    filled: int
    made_circular: int
    aliases: int


class RecordTable:
    """Context manager of the temporary tables of one file's records; one at a time per database session.

    `name` is the table of the records, for SQL that joins it: position, line, name, md5 and the registered columns.
    """

    name: Final = "arriving_record"

    def __init__(self, source: str) -> None:
        self._source = source
        self._position = 0
        self._authorities: dict[str, int] = {}
        self._blob_is_whole: dict[int, bool] = {}
        self._circular = False
        self.fresh = 0

    def __enter__(self) -> Self:
        _execute(_DROP)
        for statement in _TABLES:
            _execute(statement)
        return self

    def __exit__(self, *_: object) -> None:
        # A broken session has lost its temporary tables.
        if not connection.needs_rollback and connection.is_usable():
            _execute(_DROP)

    def fresh_of(self, batch: Sequence[Arrived]) -> list[bool]:
        """Return for each record whether its residues are new to the catalogue and to this file.

        Raises FastaFault for a sequence with the md5 of a different one.
        """
        with connection.cursor() as cursor:
            cursor.execute(_LOOK_UP, [[arrived.digests.md5 for arrived in batch]])
            known = {n: digests_and_blob for n, *digests_and_blob in cursor.fetchall()}
        fresh: list[bool] = []
        here: dict[bytes, bytes] = {}
        for n, arrived in enumerate(batch):
            md5, sha512t24u = arrived.digests.md5, arrived.digests.sha512t24u
            held, blob, before = known.get(n, (None, None, None))
            if any(
                digest is not None and bytes(digest) != sha512t24u for digest in (held, before, here.get(md5))
            ):
                reason = f"another sequence with the same md5 {md5.hex()} is registered"
                raise FastaFault(
                    reason, source=self._source, line=arrived.header.line, record=arrived.header.name
                )
            is_held = blob is not None and self._is_whole(blob)
            fresh.append(not is_held and before is None and md5 not in here)
            here[md5] = sha512t24u
        return fresh

    def _is_whole(self, blob: int) -> bool:
        """Return whether the object of a blob exists, in its size. Raises StorageUnavailable."""
        if blob not in self._blob_is_whole:
            row = ResidueBlob.objects.get(pk=blob)
            try:
                self._blob_is_whole[blob] = storage(row.storage).stat(row.key).size == row.size
            except ObjectMissing:
                self._blob_is_whole[blob] = False
        return self._blob_is_whole[blob]

    def add(self, rows: Sequence[Row], places: Iterable[tuple[int, int] | None]) -> None:
        """Add records; `places` are (blob number, offset) for those with new residues, else None."""
        with connection.cursor() as cursor:
            with cursor.copy("COPY arriving_record FROM STDIN WITH (FORMAT BINARY)") as copy:
                copy.set_types(
                    ["int8", "int8", "text", "bytea", "bytea", "int8", "bool", "text", "int4", "int8"]
                )
                for row, place in zip(rows, places, strict=True):
                    header, digests = row.arrived.header, row.arrived.digests
                    blob, offset = place if place is not None else (None, None)
                    copy.write_row(
                        (
                            self._position,
                            header.line,
                            header.name,
                            digests.md5,
                            digests.sha512t24u,
                            row.arrived.length,
                            row.circular,
                            row.molecule,
                            blob,
                            offset,
                        )
                    )
                    self._position += 1
                    self.fresh += place is not None
                    self._circular |= row.circular
            with cursor.copy("COPY arriving_name FROM STDIN WITH (FORMAT BINARY)") as copy:
                copy.set_types(["int4", "text", "bytea"])
                for row in rows:
                    for authority, name in row.names:
                        number = self._authorities.setdefault(authority, len(self._authorities))
                        copy.write_row((number, name, row.arrived.digests.md5))

    def verify_names(self) -> None:
        """Raise FastaFault for the first name that two records share."""
        with connection.cursor() as cursor:
            cursor.execute(_DUPLICATE_NAME)
            twice = cursor.fetchone()
        if twice is not None:
            name, first, last = twice
            reason = f"the record at line {first} has the same name"
            raise FastaFault(reason, source=self._source, line=last, record=name)

    def register(
        self, storage_name: str, blobs: Sequence[StagedBlob | None], *, collection: int | None = None
    ) -> Added:
        """Add missing rows to the catalogue; the blobs, in the order of their numbers, are in one storage.

        `collection` is the private collection that the names belong to, if any. Call it in a transaction.
        """
        with connection.cursor() as cursor:
            cursor.execute("SET LOCAL work_mem = '64MB'")
            cursor.execute("ANALYZE arriving_record, arriving_name")
            staged = [blob for blob in blobs if blob is not None]
            cursor.execute(
                _ADD_BLOBS, [storage_name, [blob.key for blob in staged], [blob.size for blob in staged]]
            )
            by_key = dict(cursor.fetchall())
            numbered = [None if blob is None else by_key[blob.key] for blob in blobs]
            cursor.execute(_ADD_SEQUENCES, [numbered])
            sequences, filled, made_circular = cursor.rowcount, 0, 0
            if sequences < self.fresh:
                lost = [blob for blob, is_whole in self._blob_is_whole.items() if not is_whole]
                cursor.execute(_LOCK_UNHELD, [lost])
                cursor.execute(_FILL, [numbered, lost])
                filled = cursor.rowcount
            if self._circular:
                cursor.execute(_LOCK_LINEAR)
                cursor.execute(_MAKE_CIRCULAR)
                made_circular = cursor.rowcount
            for name in sorted(self._authorities):
                description = HEADER_AUTHORITIES.get(name, "")
                cursor.execute(
                    _NEW_AUTHORITY, [name, description, collection is not None and not description]
                )
            authorities = self._authority_ids()
            if collection is None:
                cursor.execute(_PUBLISH_AUTHORITIES, [authorities])
            cursor.execute(_ADD_NAMES, {"authorities": authorities, "collection": collection})
            return Added(sequences, filled, made_circular, cursor.rowcount)

    def _authority_ids(self) -> list[int]:
        """Return the primary keys of the authorities, in the order of their numbers in the tables."""
        known = {name.lower(): pk for pk, name in NamingAuthority.objects.values_list("pk", "name")}
        return [known[name.lower()] for name in self._authorities]


def place_residues(
    batch: Sequence[Row], records: "RecordTable", pack: Pack, blobs: list[StagedBlob | None]
) -> list[tuple[int, int] | None]:
    """Put new residues into the pack or a separate blob; return (blob number, offset) per record, None if known."""
    places: list[tuple[int, int] | None] = []
    packed: list[bytes] = []
    offset = pack.size
    for row, fresh in zip(batch, records.fresh_of([row.arrived for row in batch]), strict=True):
        arrived = row.arrived
        if not fresh:
            if arrived.staged is not None:
                arrived.staged.unlink()
            places.append(None)
        elif arrived.residues:
            places.append((0, offset))
            packed.append(arrived.residues)
            offset += arrived.length
        else:
            places.append((len(blobs), 0))
            blobs.append(StagedBlob(arrived.staged, long_key(arrived.digests), arrived.length))
    pack.append(packed)
    return places


def _execute(sql: str) -> None:
    with connection.cursor() as cursor:
        cursor.execute(sql)
