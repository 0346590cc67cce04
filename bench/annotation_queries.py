"""Measure GraphQL queries about annotation (`python -m bench.annotation_queries`), with 250,000 transcripts held.

Requests go through all of Django in this process, without a network, after a first one of their kind that is not
counted; kinds take turns. It prints medians by the clock, and processor time of this process and of PostgreSQL for one
request: on a busy machine only the latter say how long a request takes by itself.
"""

import argparse
import contextlib
import json
import os
import random
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from statistics import median
from typing import Any

import psutil

from bench.annotation_made import symbol
from bench.refget_site import own_site

SEED = """query GetTranscriptSequences($symbol: String!, $genome_id: String!) {
  genes(by_symbol: {symbol: $symbol, genome_id: $genome_id}) {
    stable_id unversioned_stable_id version symbol
    transcripts { stable_id symbol type metadata { mane { value } canonical { value } }
      product_generating_contexts { product_type cdna { sequence { checksum } } cds { sequence { checksum } }
        product_type product { stable_id sequence { checksum } } } } } }"""
VIEW = """query ($symbol: String!, $genome_id: String!) {
  genes(by_symbol: {symbol: $symbol, genome_id: $genome_id}) { stable_id slice { region { name } location { start } }
    transcripts { stable_id slice { location { start end length } region { name } strand { code } }
      relative_location { start end } metadata { biotype { label } canonical { value label definition } }
      spliced_exons { relative_location { start end } exon { stable_id slice { location { length } } } }
      product_generating_contexts { product_type cds { relative_start relative_end } cdna { length }
        phased_exons { start_phase end_phase exon { stable_id } } product { stable_id length } } } } }"""
OVERLAP = """query ($genome_id: String!, $region: String!, $start: Int!, $end: Int!) {
  overlap_region(by_slice: {genome_id: $genome_id, region_name: $region, start: $start, end: $end}) {
    genes { stable_id symbol } transcripts { stable_id spliced_exons { relative_location { start end } } } } }"""
VERSION = "{ version { api { major } } }"


@dataclass(slots=True)
class Timings:
    """Seconds of each request by the clock, and of all of them by the processors."""

    clock: list[float] = field(default_factory=list)
    here: float = 0.0
    database: float = 0.0
    answer: int = 0

    def __str__(self) -> str:
        count = len(self.clock)
        return (
            f"{median(self.clock) * 1e3:.1f} ms at the median; processor: {self.here / count * 1e3:.1f} ms here, "
            f"{self.database / count * 1e3:.1f} ms PostgreSQL; {self.answer / count / 1e3:.1f} KB"
        )


_SEQUENCES = """
INSERT INTO catalogue_sequence (id, md5, sha512t24u, length, circular, molecule)
SELECT n, decode(md5(n::text), 'hex'), substr(sha512(n::text::bytea), 1, 24), 30000000, false,
       CASE WHEN n > 2 * %(transcripts)s THEN 'protein' ELSE 'dna' END
  FROM generate_series(1, 3 * %(transcripts)s) AS n"""
_REGIONS = """
INSERT INTO catalogue_region (genome_id, position, name, code, sequence_id, longest_gene, longest_transcript)
SELECT %(genome)s, n - 1, n, 'chromosome', n, 10000, 10000 FROM generate_series(1, 24) AS n"""
_GENES = """
INSERT INTO catalogue_gene (id, genome_id, region_id, start, "end", strand, unversioned_stable_id, version, symbol,
       so_term, biotype, source, dbxrefs, tags, name, name_source, name_accession, synonyms)
SELECT n, %(genome)s, region.id, n / 24 * 11000, n / 24 * 11000 + 9000, 1 - 2 * (n %% 2),
       'ENSG' || lpad(n::text, 11, '0'), 3, 'MADE' || n, 'gene', 'protein_coding', 'havana', ARRAY['HGNC:' || n], '{}',
       'made gene ' || n, 'HGNC Symbol', 'HGNC:' || n, '{}'
  FROM generate_series(0, %(genes)s - 1) AS n
  JOIN catalogue_region AS region ON region.genome_id = %(genome)s AND region.position = n %% 24"""
_TRANSCRIPTS = """
INSERT INTO catalogue_transcript (id, genome_id, gene_id, region_id, start, "end", strand, unversioned_stable_id,
       version, symbol, so_term, biotype, source, dbxrefs, tags, exon_starts, exon_ends, exon_ids, exon_strands,
       exon_regions, cdna_id, canonical, mane, gencode_basic, tsl, appris)
SELECT n, %(genome)s, gene.id, gene.region_id, gene.start, gene.start + 7900, gene.strand,
       'ENST' || lpad(n::text, 11, '0'), 5, gene.symbol || '-' || n, 'mRNA', 'protein_coding', 'havana', '{}', '{}',
       ARRAY(SELECT gene.start + 1000 * i FROM generate_series(0, 7) AS i ORDER BY i * gene.strand),
       ARRAY(SELECT gene.start + 1000 * i + 250 FROM generate_series(0, 7) AS i ORDER BY i * gene.strand),
       ARRAY(SELECT 'ENSE' || n || '.' || i FROM generate_series(0, 7) AS i), '{}', '{}',
       n, n %% 4 = 0, CASE WHEN n %% 4 = 0 THEN 'select' ELSE '' END, true, 1, ''
  FROM generate_series(1, %(transcripts)s) AS n
  JOIN catalogue_gene AS gene ON gene.id = (n - 1)::bigint * %(genes)s / %(transcripts)s"""
_PRODUCTS = """
INSERT INTO catalogue_product (id, genome_id, unversioned_stable_id, version, sequence_id, name, dbxrefs)
SELECT n, %(genome)s, 'ENSP' || lpad(n::text, 11, '0'), 2, 2 * %(transcripts)s + n, '', '{}'
  FROM generate_series(1, %(transcripts)s) AS n WHERE n %% 20 < 9"""
_CONTEXTS = """
INSERT INTO catalogue_productgeneratingcontext (transcript_id, number, product_id, cds_id, cds_start, cds_end,
       segment_starts, segment_ends, start_phases, end_phases, genetic_code)
SELECT transcript.id, 0, product.id, %(transcripts)s + product.id, 0, 2000, exon_starts, exon_ends,
       '{0,1,2,0,1,2,0,1}', '{1,2,0,1,2,0,1,2}', 1
  FROM catalogue_product AS product JOIN catalogue_transcript AS transcript ON transcript.id = product.id"""


@contextlib.contextmanager
def annotated_site(genes: int, transcripts: int) -> Iterator[None]:
    """Set up a site with the rows of a release of this size; its sequences are known, and not held."""
    with own_site():
        from django.db import connection

        from catalogue.models import Genome, NamingAuthority, SequenceCollection

        collection = SequenceCollection.objects.create(name="made")
        genome = Genome.objects.create(
            genome_id="made", collection=collection, authority=NamingAuthority.objects.all()[0],
            content=bytes(24), genes=genes, transcripts=transcripts,
        )  # fmt: skip
        sizes = {"genome": genome.pk, "genes": genes, "transcripts": transcripts}
        with connection.cursor() as cursor:
            for statement in (_SEQUENCES, _REGIONS, _GENES, _TRANSCRIPTS, _PRODUCTS, _CONTEXTS):
                cursor.execute(statement, sizes)
            cursor.execute("VACUUM ANALYZE")
        yield


def backend_seconds() -> float:
    """Return the processor seconds of the process of PostgreSQL that serves this connection."""
    from django.db import connection

    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_backend_pid()")
        times = psutil.Process(cursor.fetchone()[0]).cpu_times()
    return float(times.user + times.system)


def variables(rng: random.Random, genes: int) -> dict[str, Any]:
    """Return random variables for any of the queries."""
    start = rng.randrange(1, 20_000_000)
    return {
        "genome_id": "made", "symbol": symbol(rng.randrange(genes)), "region": str(rng.randint(1, 24)),
        "start": start, "end": start + 250_000,
    }  # fmt: skip


def measure(queries: dict[str, str], *, genes: int, rounds: int) -> dict[str, Timings]:
    """Send each query `rounds` times, in turns of ten."""
    from django.test import Client

    client, rng = Client(), random.Random(1)
    timings = {name: Timings() for name in queries}
    for turn in range(rounds // 10 + 1):
        for name, query in queries.items():
            taken = timings[name]
            before, own = backend_seconds(), time.process_time()
            for _ in range(10):
                body = {"query": query, "variables": variables(rng, genes) if "$" in query else {}}
                text, began = json.dumps(body), time.perf_counter()
                response = client.post("/graphql", text, content_type="application/json")
                if turn:
                    taken.clock.append(time.perf_counter() - began)
                    taken.answer += len(response.content)
                assert response.status_code == 200 and b'"errors"' not in response.content, response.content[
                    :500
                ]
            if turn:
                taken.here += time.process_time() - own
                taken.database += backend_seconds() - before
    return timings


def main() -> None:
    """Print a line for each query."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--genes", type=int, default=60_000)
    parser.add_argument("--transcripts", type=int, default=250_000)
    parser.add_argument("--rounds", type=int, default=200)
    arguments = parser.parse_args()
    for name in ("THROTTLE_GRAPHQL_ADDRESS", "THROTTLE_GRAPHQL_USER"):
        os.environ[name] = "none"
    os.environ["ALLOWED_HOSTS"] = "testserver"
    queries = {
        "no look-up": VERSION, "the documented script's": SEED, "all exons of a gene": VIEW, "250 kbp": OVERLAP,
    }  # fmt: skip
    with annotated_site(arguments.genes, arguments.transcripts):
        for name, taken in measure(queries, genes=arguments.genes, rounds=arguments.rounds).items():
            print(f"{name}: {taken}", flush=True)


if __name__ == "__main__":
    main()
