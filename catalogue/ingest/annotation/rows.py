"""The rows of an annotation: collected in temporary tables, then registered in the transaction of the release."""

from collections.abc import Iterable, Mapping, Sequence
from hashlib import sha512
from typing import Any, Final, Self

from django.db import connection

from catalogue.formats.digests import SHA512T24U_BYTES
from catalogue.ingest.annotation.derive import Batch, ContextRow, GeneRow, TranscriptRow
from catalogue.ingest.annotation.options import CDS_SUFFIX, AnnotationRefused, Release
from catalogue.ingest.outcomes import Outcome
from catalogue.ingest.transactions import advisory_lock
from catalogue.models import Genome, NamingAuthority, RegionCode

_FEATURE: Final = (
    ("region", "int8"), ("start", "int8"), ("end", "int8"), ("strand", "int2"), ("unversioned_stable_id", "text"),
    ("version", "int4"), ("symbol", "text"), ("so_term", "text"), ("biotype", "text"), ("source", "text"),
    ("dbxrefs", "text[]"), ("tags", "text[]"),
)  # fmt: skip
_TYPES: Final = {
    "gene": (
        ("number", "int8"), *_FEATURE, ("name", "text"), ("name_source", "text"), ("name_accession", "text"),
        ("synonyms", "text[]"),
    ),
    "transcript": (
        ("number", "int8"), ("gene", "int8"), *_FEATURE, ("exon_starts", "int8[]"), ("exon_ends", "int8[]"),
        ("exon_ids", "text[]"), ("exon_strands", "int2[]"), ("exon_regions", "int8[]"), ("cdna", "bytea"),
        ("canonical", "bool"), ("mane", "text"), ("gencode_basic", "bool"), ("tsl", "int2"), ("appris", "text"),
    ),
    "context": (
        ("transcript", "int8"), ("number", "int2"), ("product", "bytea"), ("product_id", "text"),
        ("product_version", "int4"), ("product_name", "text"), ("product_dbxrefs", "text[]"), ("cds", "bytea"),
        ("cds_start", "int8"), ("cds_end", "int8"), ("segment_starts", "int8[]"), ("segment_ends", "int8[]"),
        ("start_phases", "int2[]"), ("end_phases", "int2[]"), ("genetic_code", "int2"),
    ),
}  # fmt: skip
_DROP: Final = "DROP TABLE IF EXISTS arriving_gene, arriving_transcript, arriving_context"
# Rows with a number of their own get their keys here, so that rows below them can name these.
_KEYS: Final = {
    kind: f", id int8 NOT NULL DEFAULT nextval(pg_get_serial_sequence('catalogue_{kind}', 'id'))"
    for kind in ("gene", "transcript")
}


def _columns(kind: str, prefix: str = "") -> str:
    return ", ".join(f'{prefix}"{name}"' for name, _ in _TYPES[kind])


def _shared(kind: str, *without: str) -> str:
    """Return the columns that the temporary and the lasting table have in common."""
    names = (name for name, _ in _TYPES[kind] if name not in {"number", "region", *without})
    return ", ".join(f'"{name}"' for name in names)


# S608: the statements are put together from the constants above.
_INSERT_REGIONS: Final = """
    INSERT INTO catalogue_region (genome_id, position, name, sequence_id, code, longest_gene, longest_transcript)
    SELECT %(genome)s, position, name, sequence_id, coalesce(code.code, ''), 0, 0
    FROM catalogue_collectionmember
    LEFT JOIN unnest(%(positions)s::int8[], %(codes)s::text[]) AS code (position, code) USING (position)
    WHERE collection_id = %(collection)s ORDER BY position"""
_INSERT_GENES: Final = f"""
    INSERT INTO catalogue_gene (id, genome_id, region_id, {_shared("gene")})
    SELECT arrived.id, %(genome)s, region.id, {", ".join(f"arrived.{name}" for name in _shared("gene").split(", "))}
    FROM arriving_gene AS arrived
    JOIN catalogue_region AS region ON region.genome_id = %(genome)s AND region.position = arrived.region
    ORDER BY arrived.number"""  # noqa: S608
_OF_TRANSCRIPT: Final = _shared("transcript", "gene", "cdna", "exon_regions")
_INSERT_TRANSCRIPTS: Final = f"""
    INSERT INTO catalogue_transcript (id, genome_id, gene_id, region_id, cdna_id, exon_regions, {_OF_TRANSCRIPT})
    SELECT arrived.id, %(genome)s, gene.id, region.id, cdna.id,
        CASE arrived.exon_regions WHEN '{{}}' THEN '{{}}' ELSE ARRAY(
            SELECT other.id FROM unnest(arrived.exon_regions) WITH ORDINALITY AS exon (position, n)
            JOIN catalogue_region AS other ON other.genome_id = %(genome)s AND other.position = exon.position
            ORDER BY n) END,
        {", ".join(f"arrived.{name}" for name in _OF_TRANSCRIPT.split(", "))}
    FROM arriving_transcript AS arrived
    JOIN arriving_gene AS gene ON gene.number = arrived.gene
    JOIN catalogue_region AS region ON region.genome_id = %(genome)s AND region.position = arrived.region
    LEFT JOIN catalogue_sequence AS cdna ON cdna.md5 = arrived.cdna
    ORDER BY arrived.number"""  # noqa: S608
_INSERT_PRODUCTS: Final = """
    INSERT INTO catalogue_product (genome_id, unversioned_stable_id, version, sequence_id, name, dbxrefs)
    SELECT DISTINCT ON (product_id COLLATE "C", product_version, product)
        %(genome)s, product_id, product_version, sequence.id, product_name, product_dbxrefs
    FROM arriving_context JOIN catalogue_sequence AS sequence ON sequence.md5 = product
    ORDER BY product_id COLLATE "C", product_version, product, transcript, number"""
_OF_CONTEXT: Final = (
    "number, cds_start, cds_end, segment_starts, segment_ends, start_phases, end_phases, genetic_code"
)
_INSERT_CONTEXTS: Final = f"""
    INSERT INTO catalogue_productgeneratingcontext (transcript_id, product_id, cds_id, {_OF_CONTEXT})
    SELECT transcript.id, product.id, cds.id, {", ".join(f"arrived.{name}" for name in _OF_CONTEXT.split(", "))}
    FROM arriving_context AS arrived
    JOIN arriving_transcript AS transcript ON transcript.number = arrived.transcript
    LEFT JOIN catalogue_sequence AS cds ON cds.md5 = arrived.cds
    LEFT JOIN (
        SELECT made.*, sequence.md5 FROM catalogue_product AS made
        JOIN catalogue_sequence AS sequence ON sequence.id = made.sequence_id WHERE made.genome_id = %(genome)s
    ) AS product ON product.md5 = arrived.product AND product.unversioned_stable_id = arrived.product_id
        AND product.version IS NOT DISTINCT FROM arrived.product_version
    ORDER BY arrived.transcript, arrived.number"""  # noqa: S608
_INSERT_DERIVED: Final = """
    INSERT INTO catalogue_derivedsequence (genome_id, sequence_id)
    SELECT %(genome)s, id FROM catalogue_sequence WHERE md5 IN (
        SELECT cdna FROM arriving_transcript UNION SELECT cds FROM arriving_context
        UNION SELECT product FROM arriving_context)
    ORDER BY id"""
_MEASURE_REGIONS: Final = """
    UPDATE catalogue_region AS region SET longest_{kind} = found.longest
    FROM (SELECT region_id, max("end" - start) AS longest FROM catalogue_{kind} WHERE genome_id = %(genome)s
          GROUP BY region_id) AS found
    WHERE region.id = found.region_id"""
# A name without version means what the release says now; another genome may still mean what it meant before.
_MOVE_NAMES: Final = """
    DELETE FROM catalogue_alias AS alias USING (
        SELECT * FROM (
            {former} EXCEPT
            SELECT arriving.name, held.id FROM ({arriving}) AS arriving
            JOIN catalogue_sequence AS held ON held.md5 = arriving.md5
        ) AS gone WHERE name IN (SELECT name FROM ({arriving}) AS arriving)
        EXCEPT {others}
    ) AS moved, catalogue_namingauthority AS authority
    WHERE lower(authority.name) = lower(%(authority)s) AND alias.authority_id = authority.id
        AND alias.name = moved.name AND alias.sequence_id = moved.sequence_id"""
_REMOVE: Final = (
    "DELETE FROM catalogue_productgeneratingcontext WHERE transcript_id IN "
    "(SELECT id FROM catalogue_transcript WHERE genome_id = %(genome)s)",
    *(
        f"DELETE FROM catalogue_{table} WHERE genome_id = %(genome)s"  # noqa: S608
        for table in ("derivedsequence", "product", "transcript", "gene", "region")
    ),
)
_TABLES: Final = (
    "catalogue_region, catalogue_gene, catalogue_transcript, catalogue_product, catalogue_productgeneratingcontext, "
    "catalogue_derivedsequence"
)


class AnnotationTables:
    """Context manager of the temporary tables of one release; one at a time per database session."""

    def __init__(self) -> None:
        self._content = sha512()

    def __enter__(self) -> Self:
        _execute(_DROP)
        for kind, types in _TYPES.items():
            columns = ", ".join(f'"{name}" {sql_type}' for name, sql_type in types)
            _execute(f"CREATE TEMPORARY TABLE arriving_{kind} ({columns}{_KEYS.get(kind, '')})")
        return self

    def __exit__(self, *_: object) -> None:
        if not connection.needs_rollback and connection.is_usable():
            _execute(_DROP)

    def add(self, batch: Batch) -> None:
        """Add the rows of some genes."""
        self._copy("gene", batch.genes)
        self._copy("transcript", batch.transcripts)
        self._copy("context", batch.contexts)

    def _copy(self, kind: str, rows: Iterable[GeneRow | TranscriptRow | ContextRow]) -> None:
        sql = f"COPY arriving_{kind} ({_columns(kind)}) FROM STDIN WITH (FORMAT BINARY)"
        with connection.cursor() as cursor, cursor.copy(sql) as copy:
            copy.set_types([sql_type for _, sql_type in _TYPES[kind]])
            for row in rows:
                self._content.update(repr(tuple(row)).encode())
                copy.write_row(row)

    def register(
        self, release: Release, *, collection: int, codes: Mapping[int, RegionCode], counts: Mapping[str, int]
    ) -> Outcome:
        """Register the release; its sequences are registered already. Call it in a transaction.

        Returns UNCHANGED if the genome has this content, else ADDED or REPLACED. Raises AnnotationRefused.
        """
        digest = self._content.copy()
        digest.update(repr((release, sorted(codes.items()))).encode())
        content = digest.digest()[:SHA512T24U_BYTES]
        advisory_lock(f"genome {release.genome_id}")
        former = Genome.objects.filter(genome_id=release.genome_id).first()
        if former is not None and former.collection_id != collection:
            raise AnnotationRefused(
                f"genome {release.genome_id!r} is of another collection, {former.collection.name!r}; "
                "--genome-id gives this one an id of its own"
            )
        if former is not None and bytes(former.content) == content:
            return Outcome.UNCHANGED
        genome = _save_genome(former, release, collection, content, counts)
        parameters = {
            "genome": genome.pk,
            "collection": collection,
            "positions": list(codes),
            "codes": [str(code) for code in codes.values()],
        }
        if former is not None:
            _move_names(genome.pk, release.authority)
            for statement in _REMOVE:
                _execute(statement, parameters)
        _insert(parameters)
        return Outcome.ADDED if former is None else Outcome.REPLACED


def remove_genome(pk: int) -> None:
    """Delete a genome with everything that lies on it; its sequences and their names stay. Call it in a transaction."""
    for statement in (*_REMOVE, "DELETE FROM catalogue_genome WHERE id = %(genome)s"):
        _execute(statement, {"genome": pk})


def _insert(parameters: Mapping[str, Any]) -> None:
    _execute("ANALYZE arriving_gene, arriving_transcript, arriving_context")
    for statement in (
        _INSERT_REGIONS,
        _INSERT_GENES,
        _INSERT_TRANSCRIPTS,
        _INSERT_PRODUCTS,
        _INSERT_CONTEXTS,
        _INSERT_DERIVED,
        _MEASURE_REGIONS.format(kind="gene"),
        _MEASURE_REGIONS.format(kind="transcript"),
    ):
        _execute(statement, parameters)
    # The first queries come before the database's own statistics.
    _execute(f"ANALYZE {_TABLES}")


def _move_names(genome: int, authority: str) -> None:
    """Delete the names without version that the former content of a genome gave to sequences of other content now."""
    own, others = f"genome_id = {genome}", f"genome_id <> {genome}"
    transcripts = (
        "SELECT unversioned_stable_id AS name, cdna_id AS sequence_id FROM catalogue_transcript WHERE {}"
    )
    coding = (
        "SELECT unversioned_stable_id AS name, context.cds_id AS sequence_id FROM catalogue_transcript "
        "JOIN catalogue_productgeneratingcontext AS context ON context.transcript_id = catalogue_transcript.id WHERE {}"
    )
    products = "SELECT unversioned_stable_id AS name, sequence_id FROM catalogue_product WHERE {}"
    arriving_coding = (
        "SELECT transcript.unversioned_stable_id AS name, context.cds AS md5 FROM arriving_context AS context "
        "JOIN arriving_transcript AS transcript ON transcript.number = context.transcript"
    )
    for named, former, arriving in (
        (
            authority,
            transcripts,
            "SELECT unversioned_stable_id AS name, cdna AS md5 FROM arriving_transcript",
        ),
        (authority + CDS_SUFFIX, coding, arriving_coding),
        (authority, products, "SELECT product_id AS name, product AS md5 FROM arriving_context"),
    ):
        statement = _MOVE_NAMES.format(
            former=former.format(own),
            others=former.format(others),
            arriving=arriving,
        )
        _execute(statement, {"authority": named})


def _save_genome(
    genome: Genome | None, release: Release, collection: int, content: bytes, counts: Mapping[str, int]
) -> Genome:
    genome = genome or Genome(genome_id=release.genome_id, collection_id=collection)
    genome.authority = NamingAuthority.objects.filter(name__iexact=release.authority).first() or (
        NamingAuthority.objects.create(name=release.authority)
    )
    for name in (
        "assembly_accession",
        "assembly_name",
        "scientific_name",
        "common_name",
        "taxon_id",
        "release",
        "release_date",
        "provider",
        "is_reference",
    ):
        setattr(genome, name, getattr(release, name))
    genome.content = content
    genome.genes, genome.transcripts = counts["genes"], counts["transcripts"]
    genome.save()
    return genome


def _execute(sql: str, parameters: Mapping[str, Any] | Sequence[Any] | None = None) -> None:
    with connection.cursor() as cursor:
        cursor.execute(sql, parameters)
