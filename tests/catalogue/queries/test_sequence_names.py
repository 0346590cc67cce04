"""Sequences and genes by parts of their names: what is found, by which index, and for whom."""

import re

import pytest
from django.db import connection
from django.db.models import F
from django.test.utils import CaptureQueriesContext

from catalogue.access import ANONYMOUS, Viewer
from catalogue.models import Alias, CollectionMember, Gene, Genome, NamingAuthority, Region, Sequence
from catalogue.models.text_search import is_accession
from catalogue.queries.search import search
from tests.catalogue.made_access import make_grant, make_user, viewer_for
from tests.catalogue.made_collections import make_collection
from tests.catalogue.made_rows import make_alias, make_sequence

pytestmark = pytest.mark.django_db

ACCESSIONS = (
    "NC_000001.11", "NM_000546.6", "CM000663.2", "GL000192", "NZ_CP012345.1", "ENST00000456328.2", "ENSP00000354587",
    "AAAA01000001.1", "P04637", "P04637-2", "A0A0B4J2F2", "P53_HUMAN", "A0A0B4J2F2_MOUSE", "UPI000012AB34",
    "UniRef90_P04637", "123456789", "contig_of_00012", "protein123456", "LOC100287102", "ENSMUSG00000059552.14",
)  # fmt: skip
OTHERS = (
    "chr1", "MT", "chr1_KI270706v1_random", "chrUn_GL000195v1", "HLA-A*01:01:01:01", "HSCHR6_MHC_APD_CTG1",
    "contig77", "scaffold_1234", "SCAF_123",
    "chr1_12345_alt", "A1BG", "BRCA1", "C9orf72", "NODE_1_length_50000_cov_3", "2L", "ünï_chr", "tig 00001234",
)  # fmt: skip


def names(text: str, *, viewer: Viewer = ANONYMOUS) -> list[str]:
    return [row.name for row in search(text, viewer=viewer, count=10).sequences]


def make_genes(*symbols: str, private: bool = False) -> Genome:
    collection = make_collection(f"genome of {symbols[0]}", {"1": b"ACGT" * len(symbols[0])}, private=private)
    member = CollectionMember.objects.get(collection=collection)
    genome = Genome.objects.create(
        genome_id=f"with {symbols[0]}", collection=collection, content=bytes(24), genes=1, transcripts=1,
        authority=NamingAuthority.objects.get(name="ensembl"),
    )  # fmt: skip
    region = Region.objects.create(genome=genome, position=0, name="1", sequence=member.sequence)
    for number, symbol in enumerate(symbols):
        Gene.objects.create(
            genome=genome, region=region, start=number, end=number + 1, strand=1, so_term="gene", symbol=symbol,
            unversioned_stable_id=f"ENSG{number:011}",
        )  # fmt: skip
    return genome


@pytest.mark.parametrize("unit", ["a", "ü", "ABC\\%"])
def test_trigrams_of_texts_of_every_length(unit: str) -> None:
    for text in [(unit * 90)[:length] for length in range(90)]:
        with connection.cursor() as cursor:
            cursor.execute("SELECT catalogue_trigrams(%s)", [text])
            (found,) = cursor.fetchone() or ([],)
        low = text.lower().encode()
        assert [bytes(one) for one in found] == [low[at : at + 3] for at in range(len(low) - 2)]


def test_what_is_an_accession() -> None:
    sequence = make_sequence(b"ACGT")
    for name in (*ACCESSIONS, *OTHERS):
        make_alias(sequence, f"insdc:{name}")
    found = Alias.objects.annotate(accession=is_accession(F("name"))).values_list("name", "accession")
    assert {name for name, accession in found if accession} == set(ACCESSIONS)


@pytest.mark.parametrize(
    ("name", "parts"),
    [
        (
            "chr1_KI270706v1_random",
            ["KI270706", "ki270706V1", "_random", "r1_", "chr1_KI270706v1_random", "706"],
        ),
        ("HLA-A*01:01:01:01", ["A*01:01", "*01", "-A*"]),
        ("contig77", ["tig7", "g77", "CONTIG"]),
        ("100%_a\\b", ["00%", "%_a", "a\\b"]),
        ("Ünï_chromosome", ["nï_c", "ünï", "some"]),
        ("NC_001416.1", ["1416", "001416", "0001416"[1:], "1416.1", "C_001416", "nc_0014", "001416."]),
        ("GCA_000001405.15", ["1405", "1405.15"]),
    ],
)
def test_parts_by_which_a_sequence_is_found(name: str, parts: list[str]) -> None:
    make_sequence(b"ACGT", f"lab:{name}")
    make_sequence(b"TTTT", "lab:chr1", "lab:GL999999.1", "lab:xyz", "lab:1005_a")
    for part in parts:
        assert names(part) == [f"lab:{name}"], part


@pytest.mark.parametrize("text", ["c001416", "14161", "416", "NM_001416", "2001416", "1416.2", "6.1"])
def test_what_is_no_part_of_an_accession(text: str) -> None:
    make_sequence(b"ACGT", "refseq:NC_001416.1")
    assert names(text) == []


def test_whole_names_come_before_beginnings_and_parts() -> None:
    for number, name in enumerate(("1_chr7_random", "chr7_x", "chr7")):
        make_sequence(b"ACGT" * (number + 1), f"ucsc:{name}")
    assert names("chr7") == ["ucsc:chr7", "ucsc:chr7_x", "ucsc:1_chr7_random"]
    for number, name in enumerate(("CM01416000.1", "CM014160.1", "CM001416.1")):
        make_sequence(b"GT" * (number + 1), f"insdc:{name}")
    assert names("1416") == ["insdc:CM001416.1", "insdc:CM014160.1", "insdc:CM01416000.1"]


def test_names_within_collections() -> None:
    make_collection("assembly", {"scaffold_of_lab_12": b"ACGT"})
    assert names("of_lab") == ["scaffold_of_lab_12 (assembly)"]
    make_alias(Sequence.objects.get(), "lab:scaffold_of_lab_12")
    assert names("of_lab") == ["lab:scaffold_of_lab_12"]


def test_private_names_are_found_by_readers_of_their_collection_alone() -> None:
    collection = make_collection("secret", {"hidden_contig_part": b"GATTACA"}, private=True)
    public = make_sequence(b"CCCC", "lab:open")
    Alias.objects.create(
        sequence=public, authority=NamingAuthority.objects.get(name="lab"), name="hidden_alias_part",
        collection=collection,
    )  # fmt: skip
    make_alias(Sequence.objects.get(private=True), "lab:CM0777.1")
    make_alias(Sequence.objects.get(private=True), "lab:CM077777.1")
    genome = make_genes("hidden_symbol_part", private=True)
    reader, stranger = make_user("ada"), make_user("eve")
    make_grant(collection, reader)
    make_grant(genome.collection, reader)
    texts = ("den_cont", "den_alias", "M0777.", "77777", "den_symbol", "_part")
    for text in texts:
        for viewer in (ANONYMOUS, viewer_for(stranger)):
            assert search(text, viewer=viewer, count=5).total == 0, text
        assert search(text, viewer=viewer_for(reader), count=5).total > 0, text


def test_genes_by_a_part_of_their_symbol() -> None:
    make_genes("BRCA1", "HLA-DRB1", "C9orf72", "LOC100287102", "")
    found = {
        text: [row.symbol for row in search(text, viewer=ANONYMOUS, count=5).genes]
        for text in ("rca", "DRB", "9ORF")
    }
    assert found == {"rca": ["BRCA1"], "DRB": ["HLA-DRB1"], "9ORF": ["C9orf72"]}
    assert search("rca", viewer=ANONYMOUS, count=5).genes[0].stable_id == "ENSG00000000000"


@pytest.mark.parametrize(
    ("text", "indexes"),
    [
        ("KI270706v1_ran", {"alias_by_part", "member_by_part", "gene_by_part"}),
        ("001416", {"alias_by_number", "alias_by_part", "member_by_part", "gene_by_part"}),
    ],
)
def test_parts_are_found_by_indexes(text: str, indexes: set[str]) -> None:
    make_genes("BRCA1", *(f"G{number:x}" for number in range(300)))
    sequence = make_sequence(b"ACGT", "refseq:NC_001416.1", "ucsc:chr1_KI270706v1_random")
    lab = NamingAuthority.objects.create(name="other")
    Alias.objects.bulk_create(
        Alias(sequence=sequence, authority=lab, name=form.format(number))
        for number in range(300)
        for form in ("contig_{}_x", "CM{:06}.1")
    )
    with connection.cursor() as cursor:
        cursor.execute("ANALYZE catalogue_gene, catalogue_alias")
    with CaptureQueriesContext(connection) as captured:
        search(text, viewer=ANONYMOUS, count=5)
    plans = []
    with connection.cursor() as cursor:
        # So that no plan depends on how few rows there are here.
        cursor.execute("SET LOCAL enable_seqscan = off; SET LOCAL enable_indexscan = off")
        for query in captured:
            if re.search("catalogue_(trigrams|accession_number)", query["sql"]):
                cursor.execute(f"EXPLAIN {query['sql']}")
                plans += [line for (line,) in cursor.fetchall()]
    used = set(re.findall(r"Scan (?:on|using) (\w+_by_(?:part|number))\b", "\n".join(plans)))
    assert indexes <= used, "\n".join(plans)
