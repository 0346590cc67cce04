"""Fills a site with rows of files and sequences that are stored nowhere, to measure lists and searches."""

from django.db import connection, transaction

#: Sequences of one blob; every hundredth is known by its digests alone.
_SEQUENCES = """
INSERT INTO catalogue_sequence (id, md5, sha512t24u, length, circular, molecule, blob_id, "offset")
SELECT n, decode(md5(n::text), 'hex'), substr(sha512(n::text::bytea), 1, 24), 1000 + n %% 77777, false, 'dna',
       CASE WHEN n %% 100 > 0 THEN %s END, CASE WHEN n %% 100 > 0 THEN 0 END
  FROM generate_series(1, %s) AS n
"""
_ACCESSION = "chr(65 + (n %% 26)::int) || chr(65 + (n / 26 %% 26)::int) || lpad(n::text, 8, '0')"
#: A name like an accession of the INSDC for each, and for every tenth one like a random contig's at UCSC.
_ALIASES = f"""
INSERT INTO catalogue_alias (authority_id, name, sequence_id)
SELECT (SELECT id FROM catalogue_namingauthority WHERE name = named.authority), named.name, n
  FROM generate_series(1, %s) AS n CROSS JOIN LATERAL (
       SELECT 'insdc' AS authority, {_ACCESSION} || '.1' AS name
       UNION ALL SELECT 'ucsc', format('chr%%s_%%sv1_random', n %% 22 + 1, {_ACCESSION}) WHERE n %% 10 = 0) AS named
 ORDER BY named.name
"""
_COLLECTIONS = """
INSERT INTO catalogue_sequencecollection (name, description, visibility, created)
SELECT format('assembly_%%s', n), '', CASE WHEN n %% 10 = 0 THEN 'private' ELSE 'public' END, now()
  FROM generate_series(%s, %s) AS n
"""
_MEMBERS = """
INSERT INTO catalogue_collectionmember (collection_id, position, name, sequence_id)
SELECT c.id, p, CASE WHEN p < 22 THEN format('chr%%s', p + 1) ELSE format('%%s_scaffold_%%s', right(c.name, 3), p) END,
       1 + (c.id * 7919 + p * 13) %% %s
  FROM catalogue_sequencecollection AS c CROSS JOIN generate_series(0, %s - 1) AS p
 WHERE c.name LIKE 'assembly\\_%%'
"""
_GENOMES = """
INSERT INTO catalogue_genome (genome_id, assembly_accession, assembly_name, scientific_name, common_name, release,
    provider, is_reference, content, genes, transcripts, ingested, authority_id, collection_id)
SELECT 'genome' || c.id, '', c.name, '', '', '', '', false, substr(sha512(c.name::bytea), 1, 24), 0, 0, now(),
       (SELECT id FROM catalogue_namingauthority WHERE name = 'ensembl'), c.id
  FROM catalogue_sequencecollection AS c WHERE c.name LIKE 'assembly\\_%%' ORDER BY c.id LIMIT %s
"""
_REGIONS = """
INSERT INTO catalogue_region (genome_id, position, name, code, longest_gene, longest_transcript, sequence_id)
SELECT id, 0, 'chr1', 'chromosome', 1000, 1000, 1 FROM catalogue_genome
"""
#: A quarter has no symbol, another one that says no more than a number.
_GENES = """
INSERT INTO catalogue_gene (genome_id, region_id, start, "end", strand, unversioned_stable_id, version, symbol, so_term,
    biotype, source, dbxrefs, tags, name, name_source, name_accession, synonyms)
SELECT genome.id, region.id, n * 1000, n * 1000 + 900, 1, format('ENSG%%s', lpad(n::text, 11, '0')), 1,
       CASE n %% 4 WHEN 0 THEN '' WHEN 1 THEN format('LOC%%s', 100000 + n)
                   ELSE translate(upper(substr(md5(n::text), 1, 4)), '0123456789', 'GHIJKLMNOP') || n %% 10 END,
       'gene', 'protein_coding', '', '{}', '{}', 'made gene ' || n, '', '', '{}'
  FROM catalogue_genome AS genome JOIN catalogue_region AS region ON region.genome_id = genome.id
 CROSS JOIN generate_series(1, %s) AS n
"""

#: Rows of reads named `run0/sample0000000` and so on; every thousandth file is missing, every tenth is VCF.
_FILES = """
INSERT INTO catalogue_datafile (
    dataset_id, kind, htsget_id, format, storage, key, size, etag, source, source_etag, header, header_end, has_eof,
    index_kind, index_source, index_etag, index_built, version, samples, assembly, sort_order, state, state_reason,
    state_since, ingested)
SELECT dataset.id, CASE WHEN n %% 10 = 0 THEN 'variants' ELSE 'reads' END,
       format('run%%s/sample%%s', n %% 40, lpad(n::text, 7, '0')), CASE WHEN n %% 10 = 0 THEN 'VCF' ELSE 'BAM' END,
       'files', format('data/%%s/%%s.bam', substr(digest, 1, 2), substr(digest, 3)), 1000 + n, md5(n::text),
       format('/archive/2026/%%s/%%s.bam', n %% 40, n), md5(n::text), '\\x00', 100, true, 'CSI', '', '', false, '1.6',
       ARRAY[format('donor%%s', n %% 50000), format('tumour%%s', n)], 'GRCh38', 'coordinate',
       CASE WHEN n %% 1000 = 0 THEN 'missing' ELSE 'ready' END, '', now(), now() - n * interval '1 second'
  FROM generate_series(1, %s) AS n
  CROSS JOIN LATERAL (SELECT encode(sha256(n::text::bytea), 'hex')) AS hashed (digest)
  JOIN catalogue_dataset AS dataset ON dataset.slug = format('set%%s', n %% 20)
"""
_CONTIGS = """
INSERT INTO catalogue_contig (file_id, number, name, length, sequence_id, index)
SELECT file.id, number, format('chr%%s', number + 1), 1000000 - number, NULL, ''
  FROM catalogue_datafile AS file CROSS JOIN generate_series(0, %s - 1) AS number
"""
#: 10,000 in all for the first file.
_MANY_CONTIGS = """
INSERT INTO catalogue_contig (file_id, number, name, length, sequence_id, index)
SELECT (SELECT min(id) FROM catalogue_datafile), number, format('contig%%s', number), 1000 + number, NULL, ''
  FROM generate_series(%s, 9999) AS number
"""


def make_file_rows(files: int, *, contigs: int = 0) -> None:
    """Add files in twenty datasets, each with so many contigs without a sequence, and the first with 10,000."""
    from catalogue.models import Dataset

    Dataset.objects.bulk_create([Dataset(slug=f"set{number}") for number in range(20)])
    with connection.cursor() as cursor:
        cursor.execute(_FILES, [files])
        cursor.execute(_CONTIGS, [contigs])
        cursor.execute(_MANY_CONTIGS, [contigs])
        cursor.execute("ANALYZE")


_RUNS = """
INSERT INTO catalogue_ingestrun
    (command, actor, of_account, arguments, dry_run, queued, started, finished, outcome, summary)
SELECT 'ingest_bam', 'steward', false, jsonb_build_object('dataset', format('set%%s', n %% 20)), false, now(),
       now() - n * interval '1 minute', now(), CASE WHEN n %% 10 = 0 THEN 'failed' ELSE 'succeeded' END, '{}'
  FROM generate_series(1, %s) AS n
"""
_INPUTS = """
INSERT INTO catalogue_ingestedfile (run_id, source, outcome, message, counts, paths)
SELECT id, format('files:data/%%s.bam', n), CASE n WHEN 1 THEN 'failed' ELSE 'added' END, '', '{}', '[]'
  FROM catalogue_ingestrun CROSS JOIN generate_series(1, 30) AS n
"""
_EVENTS = """
INSERT INTO catalogue_auditevent (happened, kind, outcome, actor, credential, request_id, dataset, target, detail)
SELECT now() - n * interval '10 seconds', 'ticket', 'granted', format('reader%%s', n %% 2000), 'token', '',
       format('set%%s', n %% 20), format('/reads/run%%s/sample%%s', n %% 40, lpad((n %% 100000)::text, 7, '0')), '{}'
  FROM generate_series(1, %s) AS n
"""

_PREVIEW = """
WITH run AS (
    INSERT INTO catalogue_ingestrun
        (command, actor, of_account, arguments, dry_run, queued, started, finished, outcome, summary)
    VALUES ('ingest_bam', 'steward', false, '{"dataset": "set3", "files": ["lake:"]}', true, now(), now(), now(),
            'failed', '{}')
    RETURNING id),
progress AS (
    INSERT INTO catalogue_runprogress (run_id, phase, done, total, unit, started, updated)
    SELECT id, '', %s, %s, 'files', now(), now() FROM run)
INSERT INTO catalogue_ingestedfile (run_id, source, outcome, message, counts, paths, part, work)
SELECT id, format('lake:sample%%s.bam', n), CASE WHEN n %% 100 = 0 THEN 'failed' ELSE 'added' END,
       CASE WHEN n %% 100 = 0 THEN 'it is cut off at byte 4,182,031' ELSE '' END, '{"contigs": 25, "linked": 25}',
       CASE WHEN n %% 100 = 0 THEN '[]' ELSE jsonb_build_array(format('reads/sample%%s', n)) END, n / 50,
       jsonb_build_object('ref', format('lake:sample%%s.bam', n))
  FROM run CROSS JOIN generate_series(1, %s) AS n
"""


def accession(number: int) -> str:
    """Return the accession of the sequence of a number, from 1."""
    return f"{chr(65 + number % 26)}{chr(65 + number // 26 % 26)}{number:08}.1"


def make_sequence_rows(sequences: int) -> None:
    """Add sequences with their names; their primary keys are their numbers, from 1."""
    from catalogue.models import ResidueBlob

    blob = ResidueBlob.objects.create(storage="sequences", key="made", size=1 << 40)
    with connection.cursor() as cursor:
        cursor.execute(_SEQUENCES, [blob.pk, sequences])
        cursor.execute("SELECT setval(pg_get_serial_sequence('catalogue_sequence', 'id'), %s)", [sequences])
        cursor.execute(_ALIASES, [sequences])
        cursor.execute("VACUUM ANALYZE")


def make_assembly_rows(
    assemblies: int, *, members: int, sequences: int, genomes: int = 0, genes: int = 0
) -> None:
    """Add assemblies of so many of the sequences, of which every tenth is private, and genomes with so many genes."""
    with connection.cursor() as cursor:
        # Deferred triggers run for each row at the end of a transaction, so many short transactions are faster.
        for first in range(1, assemblies + 1, 100):
            with transaction.atomic():
                cursor.execute(_COLLECTIONS, [first, min(first + 99, assemblies)])
        cursor.execute(_MEMBERS, [sequences, members])
        cursor.execute(_GENOMES, [genomes])
        cursor.execute(_REGIONS)
        cursor.execute(_GENES, [genes])
        cursor.execute("VACUUM ANALYZE")


def make_run_rows(runs: int, *, events: int) -> None:
    """Add runs of 30 inputs each, and events of tickets."""
    with connection.cursor() as cursor:
        cursor.execute(_RUNS, [runs])
        cursor.execute(_INPUTS)
        cursor.execute(_EVENTS, [events])
        cursor.execute("VACUUM ANALYZE")


def make_preview_rows(inputs: int) -> None:
    """Add a preview of so many files that is over; every hundredth fails."""
    with connection.cursor() as cursor:
        cursor.execute(_PREVIEW, [inputs, inputs, inputs])
        cursor.execute("VACUUM ANALYZE catalogue_ingestedfile")
