"""Each field of the root type: what it finds, and how it says that there is nothing."""

from typing import Any

import pytest
from django.test import Client

from catalogue.formats.digests import sequence_digests
from tests.annotation_app.made_annotation import World, make_world
from tests.annotation_app.made_queries import ask, data
from tests.catalogue.made_rows import make_alias

pytestmark = pytest.mark.django_db


def failed(client: Client, query: str) -> dict[str, Any]:
    """The only error of a query whose root field is null."""
    answer = ask(client, query)
    assert list(answer["data"].values()) == [None]
    (error,) = answer["errors"]
    return dict(error)


def test_the_version(client: Client) -> None:
    api = data(client, "{ version { api { major minor patch } } }")["version"]["api"]
    assert all(part.isdigit() for part in api.values())


@pytest.mark.parametrize("name", ["by_id", "byId"])
@pytest.mark.parametrize("stable_id", ["GENE1.3", "GENE1"])
def test_a_gene(world: World, client: Client, name: str, stable_id: str) -> None:
    query = (
        f'{{ gene({name}: {{genome_id: "made", stable_id: "{stable_id}"}}) {{ type stable_id unversioned_stable_id '
        "version symbol name so_term alternative_symbols alternative_names transcript_count genome_id } }"
    )
    assert data(client, query)["gene"] == {
        "type": "Gene", "stable_id": "GENE1.3", "unversioned_stable_id": "GENE1", "version": 3, "symbol": "BRCA2",
        "name": "a made gene", "so_term": "gene", "alternative_symbols": ["FAD", "FAD1"], "alternative_names": [],
        "transcript_count": 3, "genome_id": "made",
    }  # fmt: skip


@pytest.mark.parametrize(
    "stable_id", ["GENE1.2", "GENE1.", "gene1", "GENE", "", "GENE1.3.3", "a\\u0000b", "\\ud800"]
)
def test_no_gene(world: World, client: Client, stable_id: str) -> None:
    query = f'{{ gene(by_id: {{genome_id: "made", stable_id: "{stable_id}"}}) {{ stable_id }} }}'
    if stable_id == "\\ud800":
        assert ask(client, query)["errors"][0]["extensions"]["code"] == "GRAPHQL_PARSE_FAILED"
        return
    error = failed(client, query)
    told = stable_id.encode().decode("unicode_escape")
    assert error["message"] == f"Failed to find gene with ids: stable_id={told}, genome_id=made"
    assert error["extensions"] == {"code": "GENE_NOT_FOUND", "stable_id": told, "genome_id": "made"}
    assert error["path"] == ["gene"]


def test_genes_by_symbol(world: World, client: Client) -> None:
    query = '{ genes(by_symbol: {genome_id: "%s", symbol: "%s"}) { stable_id } }'
    assert data(client, query % ("made", "BRCA2"))["genes"] == [{"stable_id": "GENE1.3"}]
    for genome_id, symbol in (("made", "brca2"), ("made", ""), ("other", "BRCA2")):
        error = failed(client, query % (genome_id, symbol))
        assert error["message"] == f"Failed to find gene with ids: symbol={symbol}, genome_id={genome_id}"
        assert error["extensions"] == {"code": "GENE_NOT_FOUND", "symbol": symbol, "genome_id": genome_id}


@pytest.mark.parametrize(
    "argument",
    [
        'by_id: {genome_id: "made", stable_id: "TX1.8"}',
        'byId: {genome_id: "made", stable_id: "TX1"}',
        'by_symbol: {genome_id: "made", symbol: "BRCA2-201"}',
        'bySymbol: {genome_id: "made", symbol: "BRCA2-201"}',
    ],
)
def test_a_transcript(world: World, client: Client, argument: str) -> None:
    query = f"{{ transcript({argument}) {{ stable_id symbol gene {{ stable_id }} }} }}"
    assert data(client, query)["transcript"] == {
        "stable_id": "TX1.8", "symbol": "BRCA2-201", "gene": {"stable_id": "GENE1.3"},
    }  # fmt: skip
    error = failed(client, query.replace('"made"', '"other"'))
    assert error["extensions"]["code"] == "TRANSCRIPT_NOT_FOUND"


@pytest.mark.parametrize(
    ("field", "told"),
    [
        ("gene { type }", "by_id"),
        ("transcript { type }", "by_symbol or by_id"),
        (
            'transcript(by_id: {genome_id: "a", stable_id: "b"}, bySymbol: {genome_id: "a", symbol: "b"}) { type }',
            "by_",
        ),
        ("product { type }", "by_id"),
        ('product(genome_id: "a") { type }', "by_id"),
        ('overlap_region(genomeId: "a", start: 1, end: 2) { genes { type } }', "by_slice"),
        ("genome { genome_id }", "by_genome_id"),
        ("genomes { genome_id }", "by_keyword or by_assembly_accession_id"),
        ("genomes(by_keyword: {}) { genome_id }", "exactly one of assembly_accession_id"),
        ('genomes(by_keyword: {common_name: "a", tolid: "b"}) { genome_id }', "exactly one of"),
        ("genomes(by_keyword: {release_version: 1}) { genome_id }", "exactly one of"),
    ],
)
def test_arguments_that_are_missing_or_too_many(client: Client, field: str, told: str) -> None:
    error = failed(client, f"{{ {field} }}")
    assert told in error["message"] and error["extensions"] == {"code": "BAD_USER_INPUT"}


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("TX1.8", ["TX1.8"]), ("tx1", ["TX1.8"]), ("TX1.7", []), ("brca2-203", ["TX3"]), ("BRCA2", []), ("", []),
        ("a\\u0000", []),
    ],
)  # fmt: skip
def test_search(world: World, client: Client, text: str, found: list[str]) -> None:
    make_world("other")
    query = """{ transcript_search(search_payload: {query: "%s", genome_ids: %s, page: 1, per_page: 10}) {
      meta { total_hits page per_page } matches { stable_id genome_id } } }"""
    for genome_ids, times in (('["made", "other", "none"]', 2), ('["other"]', 1), ("[]", 0)):
        results = data(client, query % (text, genome_ids))["transcript_search"]
        assert results["meta"] == {"total_hits": len(found) * times, "page": 1, "per_page": 10}
        assert [match["stable_id"] for match in results["matches"]] == found * times


def test_pages(world: World, client: Client) -> None:
    for name in "abc":
        make_world(name)
    query = """{ transcript_search(
      search_payload: {query: "TX1", genome_ids: ["a", "b", "c"], page: %d, per_page: %d}
    ) { meta { total_hits page per_page } matches { genome_id } } }"""
    for page, per_page, found in ((1, 2, "ab"), (2, 2, "c"), (3, 2, ""), (1, 3, "abc"), (4, 1, "")):
        results = data(client, query % (page, per_page))["transcript_search"]
        assert results["meta"] == {"total_hits": 3, "page": page, "per_page": per_page}
        assert [match["genome_id"] for match in results["matches"]] == list(found)
    of_gene = """{ gene(by_id: {genome_id: "made", stable_id: "GENE1"}) { transcripts_page(page: %d, per_page: %d) {
      transcripts { stable_id } page_metadata { total_count page per_page } } } }"""
    for page, per_page, stable_ids in ((1, 2, ["TX1.8", "TX2.1"]), (2, 2, ["TX3"]), (9, 2, [])):
        results = data(client, of_gene % (page, per_page))["gene"]["transcripts_page"]
        assert results["page_metadata"] == {"total_count": 3, "page": page, "per_page": per_page}
        assert [transcript["stable_id"] for transcript in results["transcripts"]] == stable_ids
    for page, per_page in ((0, 1), (-1, 1), (1, 0), (1, -1), (1, 1001), (2**31 - 1, 1000)):
        for asked in (query, of_gene):
            (error,) = ask(client, asked % (page, per_page))["errors"]
            assert error["extensions"]["code"] == "BAD_USER_INPUT"


@pytest.mark.parametrize(
    "argument",
    [
        'by_id: {genome_id: "made", stable_id: "PROT1.2"}',
        'by_id: {genome_id: "made", stable_id: "PROT1"}',
        'genome_id: "made", stable_id: "PROT1.2"',
    ],
)
def test_a_product_with_its_context(world: World, client: Client, argument: str) -> None:
    query = f"""{{ product({argument}) {{ type stable_id version length so_term genome_id family_matches {{ score }}
      sequence {{ checksum alphabet {{ value accession_id }} }} sequence_checksum
      product_generating_context {{ default product_type cds {{ protein_length }} product {{ stable_id }} }} }} }}"""
    product = data(client, query)["product"]
    checksum = sequence_digests(b"M" + b"KVL" * 33).md5_hex
    assert product == {
        "type": "Protein", "stable_id": "PROT1.2", "version": 2, "length": 100, "so_term": "polypeptide",
        "genome_id": "made", "family_matches": [], "sequence_checksum": checksum,
        "sequence": {
            "checksum": checksum,
            "alphabet": {"value": "protein", "accession_id": "sequence_alphabet.protein"},
        },
        "product_generating_context": {
            "default": True, "product_type": "Protein", "cds": {"protein_length": 100},
            "product": {"stable_id": "PROT1.2"},
        },
    }  # fmt: skip
    error = failed(client, query.replace('"made"', '"other"'))
    assert error["extensions"]["code"] == "PRODUCT_NOT_FOUND"
    assert set(error["extensions"]) == {"code", "product_id", "genome_id"}


def test_a_region_by_name_and_by_alias(world: World, client: Client) -> None:
    query = """{ region(by_name: {genome_id: "made", name: "%s"}) { name length code topology sequence { checksum }
      metadata { ontology_terms { value } } assembly { assembly_id id name accession_id accessioning_body default tolid
      regions { name } organism { scientific_name species { taxon_id } } } } }"""
    sequence = world.genome.regions.get(name="ring").sequence
    make_alias(sequence, "ucsc:chrRing")
    region = data(client, query % "ring")["region"]
    assert region == {
        "name": "ring", "length": 1000, "code": None, "topology": "circular",
        "sequence": {"checksum": sequence_digests(world.residues["ring"]).md5_hex},
        "metadata": {"ontology_terms": []},
        "assembly": {
            "assembly_id": "made assembly", "id": "made assembly", "name": "Made1", "default": True, "tolid": None,
            "accession_id": "GCA_000000001.1", "accessioning_body": "INSDC",
            "regions": [{"name": "1"}, {"name": "ring"}],
            "organism": {"scientific_name": "Homo factus", "species": {"taxon_id": 9606}},
        },
    }  # fmt: skip
    for name in ("chrRing", "ucsc:chrRing", "UCSC:chrRing"):
        assert data(client, query % name)["region"] == region
    # An alias of two regions means neither of them.
    make_alias(world.genome.regions.get(name="1").sequence, "ucsc:chrRing")
    for name in ("chrRing", "chrring", "", "2"):
        error = failed(client, query % name)
        assert error["message"] == f"Failed to find region with ids: genome_id=made, name={name}"
        assert error["extensions"]["code"] == "REGION_NOT_FOUND"
    assert [
        row["name"]
        for row in data(client, '{ regions(by_genome_id: {genome_id: "made"}) { name } }')["regions"]
    ] == [
        "1",
        "ring",
    ]


def test_overlaps(world: World, client: Client) -> None:
    query = """{ overlap_region(by_slice: {genome_id: "made", region_name: "%s", start: %d, end: %d}) {
      genes { stable_id } transcripts { stable_id } } }"""

    def found(region: str, start: int, end: int) -> tuple[str, str]:
        locus = data(client, query % (region, start, end))["overlap_region"]
        genes, transcripts = ([row["stable_id"] for row in locus[name]] for name in ("genes", "transcripts"))
        return " ".join(genes), " ".join(transcripts)

    assert found("1", 1, 1000) == ("", "")
    assert found("1", 1, 1001) == ("GENE1.3", "TX1.8")
    assert found("1", 2901, 5000) == ("GENE1.3", "TX1.8")
    assert found("1", 3001, 5001) == ("GENE2", "TX4")
    assert found("1", 1, 10_000) == ("GENE1.3 GENE2", "TX1.8 TX3 TX2.1 TX4")
    assert found("ring", 1, 1) == found("ring", 80, 90) == found("ring", 951, 951) == ("GENE3.1", "TX5.1")
    assert found("ring", 81, 950) == ("", "")
    assert found("ring", 990, 5) == ("GENE3.1", "TX5.1")
    older = """{ overlap_region(genomeId: "made", regionName: "1", start: 5001, end: 5001) { genes { symbol } } }"""
    assert data(client, older)["overlap_region"]["genes"] == [{"symbol": "TP53"}]
    for region, start, end in (("1", 0, 5), ("1", 6, 5), ("1", -3, 5), ("ring", -1, 5)):
        assert failed(client, query % (region, start, end))["extensions"]["code"] == "BAD_USER_INPUT"
    assert failed(client, query % ("2", 1, 5))["extensions"]["code"] == "REGION_NOT_FOUND"


GENOME = """{ genome_id assembly_accession scientific_name release_number release_label release_date taxon_id tol_id
  parlance_name genome_tag is_reference provider_name assembly { name } dataset { name } }"""


@pytest.mark.parametrize(
    "field",
    [
        'genome(by_genome_id: {genome_id: "made"})',
        'genome(by_genome_uuid: {genome_uuid: "made"})',
        'genome(by_genome_uuid: {genome_uuid: "made", release_version: 110.2})',
        'genomes(by_assembly_accession_id: {assembly_accession_id: "GCA_000000001.1"})',
        'genomes(by_keyword: {assembly_accession_id: "gca_000000001.1"})',
        'genomes(by_keyword: {assembly_name: "made1"})',
        'genomes(by_keyword: {ensembl_name: "made"})',
        'genomes(by_keyword: {common_name: "made HUMAN"})',
        'genomes(by_keyword: {scientific_name: "homo factus", release_version: 110.2})',
        'genomes(by_keyword: {scientific_parlance_name: "made human"})',
        'genomes(by_keyword: {species_taxonomy_id: "9606"})',
    ],
)
def test_genomes(world: World, client: Client, field: str) -> None:
    answer = data(client, f"{{ found: {field} {GENOME} }}")["found"]
    assert (answer[0] if isinstance(answer, list) else answer) == {
        "genome_id": "made", "assembly_accession": "GCA_000000001.1", "scientific_name": "Homo factus",
        "release_number": 110.2, "release_label": "110.2", "release_date": "2026-01-31", "taxon_id": 9606,
        "tol_id": None, "parlance_name": "made human", "genome_tag": None, "is_reference": True, "provider_name": "us",
        "assembly": {"name": "Made1"}, "dataset": [],
    }  # fmt: skip


@pytest.mark.parametrize(
    "field",
    [
        'genome(by_genome_id: {genome_id: "MADE"})',
        'genome(by_genome_uuid: {genome_uuid: "made", release_version: 110})',
        'genomes(by_assembly_accession_id: {assembly_accession_id: "GCA_000000001"})',
        'genomes(by_keyword: {species_taxonomy_id: "human"})',
        'genomes(by_keyword: {species_taxonomy_id: "99999999999999999999"})',
        'genomes(by_keyword: {tolid: "mHomSap1"})',
        'genomes(by_keyword: {common_name: "made human", release_version: 1})',
        'genomes(by_keyword: {common_name: " "})',
        'genomes(by_keyword: {common_name: "a\\u0000"})',
    ],
)
def test_no_genomes(world: World, client: Client, field: str) -> None:
    error = failed(client, f"{{ found: {field} {{ genome_id }} }}")
    assert error["message"].startswith("Failed to find genome with ids: ")
    assert error["extensions"]["code"] == "GENOME_NOT_FOUND"


def test_what_nothing_told_is_null(client: Client) -> None:
    make_world(
        "made", assembly_accession="", assembly_name="", scientific_name="", common_name="", taxon_id=None,
        release="spring", release_date=None, provider="", is_reference=False,
    )  # fmt: skip
    answer = data(client, f'{{ genome(by_genome_id: {{genome_id: "made"}}) {GENOME} }}')["genome"]
    told = {name: value for name, value in answer.items() if value}
    assert told == {"genome_id": "made", "release_label": "spring", "assembly": {"name": None}}
    assert answer["is_reference"] is False and answer["dataset"] == []
    query = """{ region(by_name: {genome_id: "made", name: "1"}) { assembly { accession_id accessioning_body
      organism { id scientific_name assemblies { id } species { taxon_id ncbi_common_name alternative_names } } } } }"""
    assert data(client, query)["region"]["assembly"] == {
        "accession_id": None,
        "accessioning_body": None,
        "organism": {
            "id": None, "scientific_name": None, "assemblies": [{"id": "made assembly"}],
            "species": {"taxon_id": None, "ncbi_common_name": None, "alternative_names": []},
        },
    }  # fmt: skip


def test_assemblies_of_one_organism(world: World, client: Client) -> None:
    make_world("newer")
    make_world("mouse", taxon_id=10090)
    query = """{ genomes(by_keyword: {species_taxonomy_id: "9606"}) { genome_id
      assembly { organism { assemblies { id } } } } }"""
    found = data(client, query)["genomes"]
    both = [{"id": "made assembly"}, {"id": "newer assembly"}]
    assert [genome["genome_id"] for genome in found] == ["made", "newer"]
    assert all(genome["assembly"]["organism"]["assemblies"] == both for genome in found)
