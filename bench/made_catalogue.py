"""Fills a site with rows of files that are stored nowhere, to measure lists and searches."""

from django.db import connection

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


def make_file_rows(files: int, *, contigs: int = 0) -> None:
    """Add this many files in twenty datasets, each with so many contigs without a sequence, and analyse the tables."""
    from catalogue.models import Dataset

    Dataset.objects.bulk_create([Dataset(slug=f"set{number}") for number in range(20)])
    with connection.cursor() as cursor:
        cursor.execute(_FILES, [files])
        cursor.execute(_CONTIGS, [contigs])
        cursor.execute("ANALYZE")
