"""Print the sequences of genes: their canonical transcripts' cDNA, coding sequence and protein.

`python walk_from_gene.py URL ACCESSION SYMBOL…` finds the genome by its assembly accession and each gene by its symbol,
and fetches every residue from refget by its checksum, in two ways that must agree.
"""

import hashlib
import sys
from typing import Any

import requests
from gql import Client, gql
from gql.transport.aiohttp import AIOHTTPTransport
from refget import RefGetClient

GENOME = gql("""
query Genome($accession: String!) {
  genomes(by_assembly_accession_id: {assembly_accession_id: $accession}) { genome_id }
}
""")
GENES = gql("""
query Sequences($genome: String!, $symbol: String!) {
  genes(by_symbol: {genome_id: $genome, symbol: $symbol}) {
    transcripts {
      stable_id
      metadata { canonical { value } }
      product_generating_contexts {
        cdna { length sequence { checksum } }
        cds { nucleotide_length sequence { checksum } }
        product { stable_id length sequence { checksum } }
      }
    }
  }
}
""")


def main(url: str, accession: str, *symbols: str) -> None:
    """Walk from the accession to the residues."""
    client = Client(transport=AIOHTTPTransport(url=f"{url}/graphql"), fetch_schema_from_transport=True)
    genome = client.execute(GENOME, variable_values={"accession": accession})["genomes"][0]["genome_id"]
    for symbol in symbols:
        found = client.execute(GENES, variable_values={"genome": genome, "symbol": symbol})
        for gene in found["genes"]:
            for transcript in gene["transcripts"]:
                if transcript["metadata"]["canonical"]:
                    for context in transcript["product_generating_contexts"]:
                        show(url, transcript["stable_id"], context)


def show(url: str, stable_id: str, context: dict[str, Any]) -> None:
    """Print a line for each sequence of a context."""
    for kind, length in (("cdna", "length"), ("cds", "nucleotide_length"), ("product", "length")):
        part = context[kind]
        checksum = part["sequence"]["checksum"]
        residues = fetch(url, checksum)
        if len(residues) != part[length] or hashlib.md5(residues.encode()).hexdigest() != checksum:
            raise SystemExit(f"{stable_id}: the {kind} is not what its length and checksum say")
        name = part.get("stable_id", stable_id)
        sys.stdout.write(f"{name}\t{kind}\tlength:{len(residues)}\tretrieved_checksum:{checksum}\n")


def fetch(url: str, checksum: str) -> str:
    """Fetch residues by their checksum, with requests and with the refget client."""
    answer = requests.get(f"{url}/sequence/{checksum}", headers={"Accept": "text/plain"}, timeout=60)
    answer.raise_for_status()
    if RefGetClient(f"{url}/sequence/").refget(checksum) != answer.text:
        raise SystemExit(f"{checksum}: two clients have different residues")
    return answer.text


main(*sys.argv[1:])
