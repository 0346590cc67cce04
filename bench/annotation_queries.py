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
from pathlib import Path
from statistics import median
from typing import Any

from bench.annotation_made import make_annotation, make_genome, symbol
from bench.ingest_annotation import database_seconds
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


@contextlib.contextmanager
def annotated_site(genes: int, transcripts: int) -> Iterator[Path]:
    """Set up a site with a release of this size."""
    from django.core.management import call_command

    with own_site() as home:
        fasta, gff = home / "genome.fa", home / "made.gff3"
        make_genome(fasta, genes=genes)
        make_annotation(gff, genes=genes, transcripts=transcripts)
        call_command("ingest_fasta", str(fasta), "--collection=made", verbosity=0)
        fasta.unlink()
        call_command("ingest_gff3", str(gff), "--collection=made", "--genome-id=made", verbosity=0)
        gff.unlink()
        yield home


def variables(rng: random.Random, genes: int) -> dict[str, Any]:
    """Return random variables for any of the queries."""
    start = rng.randrange(1, 20_000_000)
    return {
        "genome_id": "made", "symbol": symbol(rng.randrange(genes)), "region": str(rng.randint(1, 24)),
        "start": start, "end": start + 250_000,
    }  # fmt: skip


def measure(home: Path, queries: dict[str, str], *, genes: int, rounds: int) -> dict[str, Timings]:
    """Send each query `rounds` times, in turns of ten."""
    from django.test import Client

    client, rng = Client(), random.Random(1)
    timings = {name: Timings() for name in queries}
    for turn in range(rounds // 10 + 1):
        for name, query in queries.items():
            taken = timings[name]
            before, own = database_seconds(home), time.process_time()
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
                taken.database += database_seconds(home) - before
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
    with annotated_site(arguments.genes, arguments.transcripts) as home:
        for name, taken in measure(home, queries, genes=arguments.genes, rounds=arguments.rounds).items():
            print(f"{name}: {taken}", flush=True)


if __name__ == "__main__":
    main()
