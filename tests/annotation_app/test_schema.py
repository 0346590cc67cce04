"""The schema as a whole: every field of every type answers, and every word of Ensembl's is there."""

import re
from typing import Any

import pytest
from django.test import Client
from graphql import (
    GraphQLField,
    GraphQLInputObjectType,
    GraphQLInterfaceType,
    GraphQLObjectType,
    get_named_type,
    is_required_argument,
    validate_schema,
)

from annotation_app.execution import schema
from tests.annotation_app.made_annotation import World
from tests.annotation_app.made_queries import data

pytestmark = pytest.mark.django_db

#: Types that stand for what an annotation file cannot tell: lists of them are always empty.
NEVER = {
    "Dataset", "FamilyMatch", "SequenceFamily", "ClosestDataProvider", "Mapping", "GenomicLocation",
    "RegionOntologyTerm", "RegionOntologySource",
}  # fmt: skip
ARGUMENTS = {
    "gene": '(by_id: {genome_id: "made", stable_id: "GENE1"})',
    "genes": '(by_symbol: {genome_id: "made", symbol: "BRCA2"})',
    "transcript": '(by_id: {genome_id: "made", stable_id: "TX1"})',
    "transcript_search": '(search_payload: {query: "tx1", genome_ids: ["made"], page: 1, per_page: 10})',
    "product": '(by_id: {genome_id: "made", stable_id: "PROT1"})',
    "overlap_region": '(by_slice: {genome_id: "made", region_name: "1", start: 1, end: 9000})',
    "region": '(by_name: {genome_id: "made", name: "1"})',
    "regions": '(by_genome_id: {genome_id: "made"})',
    "genome": '(by_genome_id: {genome_id: "made"})',
    "genomes": '(by_assembly_accession_id: {assembly_accession_id: "GCA_000000001.1"})',
    "transcripts_page": "(page: 1, per_page: 2)",
}


def selection(type: Any, seen: set[str]) -> str:
    """Every field of a type, and of the types behind them where they come for the first time."""
    if not isinstance(type, GraphQLObjectType):
        return ""
    if type.name in seen:
        return "{ __typename }"
    seen.add(type.name)
    fields = [
        f"{name}{ARGUMENTS.get(name, '') if field.args else ''} {selection(get_named_type(field.type), seen)}"
        for name, field in type.fields.items()
    ]
    return "{ __typename " + " ".join(fields) + " }"


def types_in(answer: Any) -> set[str]:
    if isinstance(answer, list):
        return set().union(*map(types_in, answer)) if answer else set()
    if not isinstance(answer, dict):
        return set()
    return {answer.get("__typename", "")}.union(*map(types_in, answer.values()))


def test_the_schema_is_valid() -> None:
    assert not validate_schema(schema())


def test_every_field_answers(world: World, client: Client, settings: Any) -> None:
    settings.GRAPHQL_MAX_FIELDS, settings.GRAPHQL_MAX_DEPTH = 5000, 100
    seen: set[str] = set()
    query = selection(schema().query_type, seen)
    objects = {
        name
        for name, type in schema().type_map.items()
        if isinstance(type, GraphQLObjectType) and not name.startswith("__")
    }
    assert seen == objects
    # Each object says its type, so that a type without an object shows.
    assert objects - types_in(data(client, query)) == NEVER


def test_every_type_field_and_argument_has_a_name_in_the_case_of_ensembl() -> None:
    odd = {"byId", "bySymbol", "genomeId", "regionName"}
    for type in schema().type_map.values():
        fields: dict[str, GraphQLField] = (
            getattr(type, "fields", {}) if not type.name.startswith("__") else {}
        )
        for name, field in fields.items():
            assert re.fullmatch("[a-z][a-z0-9_]*", name), f"{type.name}.{name}"
            for argument, described in getattr(field, "args", {}).items():
                assert re.fullmatch("[a-z][a-z0-9_]*", argument) or argument in odd
                if argument in odd:
                    assert described.deprecation_reason and not is_required_argument(described)


#: Types and fields of Ensembl's published schema, whose names clients write.
ENSEMBL = {
    "Query": "version gene genes transcript transcript_search product overlap_region region regions genome genomes",
    "Gene": (
        "type stable_id unversioned_stable_id version symbol name so_term transcripts transcripts_page "
        "transcript_count slice external_references alternative_symbols alternative_names metadata"
    ),
    "Transcript": (
        "type stable_id unversioned_stable_id version symbol so_term slice external_references relative_location "
        "product_generating_contexts spliced_exons introns metadata gene genome_id"
    ),
    "ProductGeneratingContext": (
        "product_type default cds five_prime_utr three_prime_utr product phased_exons cdna"
    ),
    "CDNA": "type start end relative_start relative_end length sequence sequence_checksum",
    "CDS": (
        "type start end relative_start relative_end protein_length nucleotide_length sequence sequence_checksum"
    ),
    "UTR": "type start end length sequence_checksum",
    "Exon": "type stable_id unversioned_stable_id version slice so_term",
    "SplicedExon": "index relative_location exon",
    "PhasedExon": "index start_phase end_phase exon",
    "Intron": "type index slice so_term relative_location sequence_checksum",
    "Product": (
        "type stable_id unversioned_stable_id version so_term length sequence sequence_checksum "
        "external_references family_matches mappings product_generating_context"
    ),
    "FamilyMatch": "sequence_family via relative_location score evalue hit_location",
    "SequenceFamily": "source accession_id name url description",
    "Slice": "region location strand default",
    "Location": "start end length",
    "Region": "name length code topology assembly sequence metadata",
    "Strand": "code value",
    "Sequence": "alphabet checksum",
    "SequenceAlphabet": "accession_id label value definition description",
    "Assembly": "assembly_id id name accession_id accessioning_body organism regions default tolid",
    "Organism": "scientific_name scientific_parlance_name species id assemblies is_reference_organism",
    "Species": "scientific_name ncbi_common_name alternative_names taxon_id organisms",
    "Genome": (
        "genome_id assembly_accession scientific_name release_number release_date taxon_id tol_id parlance_name "
        "genome_tag is_reference assembly dataset"
    ),
    "TranscriptMetadata": "gencode_basic biotype appris tsl mane canonical",
    "TranscriptManeMetadata": "value label definition description ncbi_transcript",
    "GeneMetadata": "biotype name",
    "GeneNameMetadata": "accession_id value url source",
    "ExternalReference": "accession_id name description assignment_method url source",
    "ExternalDB": "id name description url release",
    "TranscriptsPage": "transcripts page_metadata",
    "PageMetadata": "total_count page per_page",
    "Locus": "genes transcripts",
    "IdInput": "genome_id stable_id",
    "SymbolInput": "genome_id symbol",
    "SliceInput": "genome_id region_name start end",
    "TranscriptIdGenomeIdsInput": "query genome_ids page per_page",
    "GenomeBySpecificKeywordInput": (
        "tolid assembly_accession_id assembly_name ensembl_name common_name scientific_name "
        "scientific_parlance_name species_taxonomy_id release_version"
    ),
}


@pytest.mark.parametrize("name", ENSEMBL)
def test_the_types_of_ensembl(name: str) -> None:
    type = schema().type_map[name]
    assert isinstance(type, GraphQLObjectType | GraphQLInterfaceType | GraphQLInputObjectType)
    assert set(ENSEMBL[name].split()) <= set(type.fields)
