"""Clients of annotation, unmodified, from an assembly accession to residues, against the live server."""

import hashlib
import json
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.catalogue.made_annotation import FLAVOURS, Flavour, write_annotation
from tests.catalogue.made_genomes import MadeGene, MadeGenome, make_genome
from tests.conformance.conftest import RunClient
from tests.live import Site, make_site, served
from tests.paths import PROJECT

#: The page with which Ensembl documents its refget service, where it is beside the project.
PAGE = PROJECT.parent / "shared" / "specs" / "ensembl-refget-service.md"
CLIENT = "gql-4.4.0"
WALK = Path(__file__).with_name("walk_from_gene.py")
_PRINTED = re.compile(r"(\S+)\t(cdna|cds|product)\tlength:(\d+)\tretrieved_checksum:(\w+)")

Lines = set[tuple[str, str, int, str]]


@dataclass(frozen=True, slots=True)
class Release:
    """A random genome, annotated as a provider writes it."""

    accession: str
    genome: MadeGenome
    flavour: Flavour

    def coding_genes(self) -> list[MadeGene]:
        """The genes whose canonical transcript makes a protein."""
        return [gene for gene in self.genome.genes if gene.transcripts[0].cds]

    def expected(self, gene: MadeGene) -> Lines:
        """Stable id, kind, length and MD5 of what the canonical transcript has, by slicing and by Biopython."""
        flavour, transcript = self.flavour, gene.transcripts[0]
        if not flavour.tells_selenocysteine:
            transcript.selenocysteine = None
        name = flavour.transcript_name(gene, transcript)
        protein = self.genome.protein(gene, transcript, begins_with_x=flavour.begins_with_x)
        residues = (
            (name, "cdna", self.genome.cdna(gene, transcript)),
            (name, "cds", self.genome.cds(gene, transcript)),
            (flavour.protein_name(gene, transcript), "product", protein),
        )
        return {
            (stable_id, kind, len(text), hashlib.md5(text.encode()).hexdigest())
            for stable_id, kind, text in residues
        }


RELEASES = [
    Release(f"GCA_00000999{number}.7", make_genome(7 + number, genes=16), flavour)
    for number, flavour in enumerate(FLAVOURS)
    if flavour.name in {"ensembl", "gencode"}
]


@pytest.fixture(scope="module")
def annotated(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    """A site that holds the releases, answering."""
    folder = tmp_path_factory.mktemp("annotated")
    site = make_site(folder / "home")
    commands: list[list[str | Path]] = []
    for release in RELEASES:
        name = release.flavour.name
        fasta = release.genome.write_fasta(folder / f"{name}.fa")
        gff = write_annotation(release.genome, release.flavour, folder / f"{name}.gff3")
        commands += [
            ["ingest_fasta", fasta, "--collection", name, "--authority", name],
            ["ingest_gff3", gff, "--collection", name, "--assembly-accession", release.accession],
        ]
    site.prepare(*commands)
    with served(site) as answering:
        yield answering


def printed(output: str) -> Lines:
    """The lines that a script prints."""
    found = [_PRINTED.fullmatch(line) for line in output.splitlines()]
    assert found and all(found), output
    return {(line[1], line[2], int(line[3]), line[4]) for line in found if line is not None}


def script_of_ensembl(site: Site, release: Release, gene: MadeGene, *, use_requests: bool) -> str:
    """The script that Ensembl prints: its two URLs, the accession and the symbol changed, and one client chosen."""
    if not PAGE.exists():
        pytest.skip(f"{PAGE.name} is not beside the project (../shared/specs)")
    (script,) = (
        block
        for block in re.findall(r"```python\n(.*?)```", PAGE.read_text("utf-8"), re.DOTALL)
        if "RefGetClient" in block
    )
    for old, new in {
        '"https://beta.ensembl.org/data/graphql"': f'"{site.url}/graphql"',
        '"https://beta.ensembl.org/data/refget"': f'"{site.url}"',
        '"GCA_000001405.29"': f'"{release.accession}"',
        '"BRCA2"': f'"MADE{gene.number}"',
        "use_requests_refget = True": f"use_requests_refget = {use_requests}",
    }.items():
        assert script.count(old) == 1, old
        script = script.replace(old, new)
    return str(script)


@pytest.mark.parametrize(("release", "use_requests"), [*zip(RELEASES, (True, False), strict=True)])
def test_the_script_of_ensembl(
    annotated: Site, run_client: RunClient, release: Release, use_requests: bool
) -> None:
    """On both strands, and a gene whose coding sequence has no beginning, where there is one."""
    genes = release.coding_genes()
    chosen = {gene.strand: gene for gene in genes}
    chosen[0] = next((gene for gene in genes if gene.transcripts[0].phase), genes[0])
    for gene in {gene.number: gene for gene in chosen.values()}.values():
        script = script_of_ensembl(annotated, release, gene, use_requests=use_requests)
        assert printed(run_client(CLIENT, "-c", script).stdout) == release.expected(gene)


@pytest.mark.parametrize("release", RELEASES, ids=lambda release: release.flavour.name)
def test_a_walk_over_every_gene(annotated: Site, run_client: RunClient, release: Release) -> None:
    genes = release.coding_genes()
    symbols = [f"MADE{gene.number}" for gene in genes]
    done = run_client(CLIENT, WALK, annotated.url, release.accession, *symbols)
    assert printed(done.stdout) == set().union(*map(release.expected, genes))


def test_introspection_and_errors_by_gql(annotated: Site, run_client: RunClient) -> None:
    script = f"""
import json
from gql import Client, gql
from gql.transport.aiohttp import AIOHTTPTransport
from gql.transport.exceptions import TransportQueryError
from gql.transport.requests import RequestsHTTPTransport
from graphql import GraphQLError, print_schema

url = "{annotated.url}/graphql"
client = Client(transport=AIOHTTPTransport(url=url), fetch_schema_from_transport=True)
version = client.execute(gql("{{ version {{ api {{ major }} }} }}"))
seen = {{"version": version, "types": sorted(client.schema.type_map)}}
try:
    client.execute(gql("{{ nothing }}"))
except GraphQLError as error:
    seen["invalid"] = error.message
try:
    client.execute(gql('{{ gene(byId: {{genome_id: "a", stable_id: "b"}}) {{ symbol }} }}'))
except TransportQueryError as error:
    seen["missing"] = error.errors[0]["extensions"]
other = Client(transport=RequestsHTTPTransport(url=url), fetch_schema_from_transport=True)
seen["by requests"] = other.execute(gql("{{ version {{ api {{ major }} }} }}"))
seen["same"] = print_schema(other.schema) == print_schema(client.schema)
print(json.dumps(seen))
"""
    seen = json.loads(run_client(CLIENT, "-c", script).stdout.splitlines()[-1])
    assert seen["version"] == seen["by requests"] == {"version": {"api": {"major": "0"}}}
    assert seen["same"] and {"Gene", "ProductGeneratingContext", "SymbolInput"} <= set(seen["types"])
    assert "nothing" in seen["invalid"]
    assert seen["missing"] == {"code": "GENE_NOT_FOUND", "stable_id": "b", "genome_id": "a"}
