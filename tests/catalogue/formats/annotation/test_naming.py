"""Ids, symbols, tags and references in the words of every provider, and what files say about themselves."""

import pytest

from catalogue.formats.annotation import naming
from catalogue.formats.annotation.headers import Headers, whole_sequence
from catalogue.formats.annotation.lines import Directive, Line
from catalogue.formats.annotation.models import Gene, StableId, Transcript


def described_gene(**attributes: str) -> Gene:
    gene = Gene(naming.gene_id(attributes), 1, 0, 0, 1, 1, "gene")
    naming.describe_gene(gene, attributes)
    return gene


def described_transcript(**attributes: str) -> Transcript:
    transcript = Transcript(naming.transcript_id(attributes), 1, (), [], "mRNA")
    naming.describe_transcript(transcript, attributes)
    return transcript


@pytest.mark.parametrize(
    ("attributes", "expected"),
    [
        (
            {"ID": "gene:ENSG00000139618", "gene_id": "ENSG00000139618", "version": "19"},
            ("ENSG00000139618", 19),
        ),
        ({"ID": "ENSG00000139618.19", "gene_id": "ENSG00000139618.19"}, ("ENSG00000139618", 19)),
        ({"ID": "gene-BRCA2", "gene": "BRCA2"}, ("BRCA2", None)),
        ({"ID": "gene-b0001", "locus_tag": "b0001"}, ("b0001", None)),
        ({"ID": "AT1G01010", "Name": "NAC001"}, ("AT1G01010", None)),
        ({"gene_id": "ENSG00000228572.7_PAR_Y"}, ("ENSG00000228572.7_PAR_Y", None)),
        ({"ID": "Y74C9A.3"}, ("Y74C9A.3", None)),
        ({"ID": "x", "version": "banana"}, ("x", None)),
    ],
)
def test_ids_of_genes(attributes: dict[str, str], expected: tuple[str, int | None]) -> None:
    assert naming.gene_id(attributes) == StableId(*expected)


@pytest.mark.parametrize(
    ("identifier", "expected"),
    [
        ("rna-NM_000059.4", ("NM_000059", 4)),
        ("transcript:ENST00000380152", ("ENST00000380152", None)),
        ("AT1G01010.1", ("AT1G01010.1", None)),
        ("Y74C9A.3.1", ("Y74C9A.3.1", None)),
        ("MSTRG.12.1", ("MSTRG.12.1", None)),
        ("g12345.t1", ("g12345.t1", None)),
    ],
)
def test_ids_of_transcripts(identifier: str, expected: tuple[str, int | None]) -> None:
    assert naming.transcript_id({"ID": identifier}) == StableId(*expected)


def test_ids_of_proteins_and_exons() -> None:
    assert naming.protein_id({"ID": "cds-1", "protein_id": "NP_000050.3"}) == StableId("NP_000050", 3)
    assert naming.protein_id({"ID": "x", "locus_tag": "b0001"}) == StableId("b0001")
    assert naming.protein_id({"ID": "x"}) is None
    assert naming.exon_id({"exon_id": "ENSE00001184784", "version": "4"}) == "ENSE00001184784.4"
    assert naming.exon_id({"ID": "exon-NM_000059.4-1"}) == "NM_000059.4-1"


def test_a_gene_of_ensembl() -> None:
    gene = described_gene(
        ID="gene:ENSG00000139618", Name="BRCA2", biotype="protein_coding", gene_id="ENSG00000139618", version="19",
        description="BRCA2 DNA repair associated [Source:HGNC Symbol%3BAcc:HGNC:1101]",
    )  # fmt: skip
    assert (gene.symbol, gene.name, gene.biotype) == (
        "BRCA2",
        "BRCA2 DNA repair associated",
        "protein_coding",
    )
    assert (gene.name_source, gene.name_accession) == ("HGNC Symbol", "HGNC:1101")


def test_a_gene_of_ncbi() -> None:
    gene = described_gene(
        ID="gene-BRCA2", Name="BRCA2", gene="BRCA2", description="BRCA2 DNA repair associated",
        gene_biotype="protein_coding", gene_synonym="BRCC2,BROVCA2", Dbxref="GeneID:675,HGNC:HGNC:1101",
    )  # fmt: skip
    assert (gene.symbol, gene.synonyms) == ("BRCA2", ["BRCC2", "BROVCA2"])
    assert gene.dbxrefs == ["GeneID:675", "HGNC:HGNC:1101"]


def test_a_product_is_no_symbol() -> None:
    assert described_gene(ID="X_1", Name="Protein of X", product="Protein of X", locus_tag="X_1").symbol == ""
    assert described_gene(ID="AT1G01010", Name="AT1G01010").symbol == ""


def test_a_transcript_of_gencode() -> None:
    transcript = described_transcript(
        ID="ENST00000380152.8", transcript_id="ENST00000380152.8", transcript_name="BRCA2-201",
        transcript_type="protein_coding", transcript_support_level="5 (assigned to previous version 7)",
        tag="basic,Ensembl_canonical,MANE_Select,appris_principal_1,CCDS", ccdsid="CCDS9344.1", hgnc_id="HGNC:1101",
        havana_transcript="OTTHUMT00000046000.2",
    )  # fmt: skip
    assert (transcript.stable_id, transcript.symbol) == (StableId("ENST00000380152", 8), "BRCA2-201")
    assert (transcript.canonical, transcript.mane, transcript.gencode_basic) == (True, "select", True)
    assert (transcript.appris, transcript.tsl, transcript.tags) == ("principal1", 5, ["CCDS"])
    assert transcript.dbxrefs == ["HGNC:HGNC:1101", "CCDS:CCDS9344.1", "HAVANA:OTTHUMT00000046000.2"]


def test_a_transcript_of_ncbi() -> None:
    transcript = described_transcript(
        ID="rna-NM_000059.4", Name="NM_000059.4", transcript_id="NM_000059.4", tag="MANE Select,RefSeq Select"
    )
    assert (transcript.symbol, transcript.mane, transcript.tags) == ("", "select", ["RefSeq Select"])
    assert described_transcript(ID="x", tag="MANE Plus Clinical").mane == "plus_clinical"
    assert described_transcript(ID="x", transcript_support_level="NA").tsl is None


def headers(*lines: str) -> Headers:
    found = Headers()
    for number, line in enumerate(lines, start=1):
        found.read_directive(Directive(number, line))
    return found


def test_headers_of_ensembl() -> None:
    found = headers(
        "sequence-region   1 1 248956422", "genome-build  GRCh38.p14", "genome-build-accession GCA_000001405.29",
        "genebuild-last-updated 2023-03",
    )  # fmt: skip
    found.read_source("ensembl_havana")
    assert (found.provider, found.assembly_name, found.assembly_accession) == (
        "Ensembl", "GRCh38.p14", "GCA_000001405.29",
    )  # fmt: skip
    assert found.lengths == {"1": (248956422, 1)}
    assert (found.release, found.release_date) == ("", "")


def test_headers_of_ncbi() -> None:
    found = headers(
        "processor NCBI annotwriter", "genome-build-accession NCBI_Assembly:GCF_000001405.40",
        "annotation-source NCBI RefSeq GCF_000001405.40-RS_2023_03",
        "species https://www.ncbi.nlm.nih.gov/Taxonomy/Browser/wwwtax.cgi?id=9606",
    )  # fmt: skip
    assert (found.provider, found.assembly_accession, found.taxon_id) == ("NCBI", "GCF_000001405.40", 9606)
    assert found.release == "NCBI RefSeq GCF_000001405.40-RS_2023_03"


def test_headers_of_gencode_and_bacteria() -> None:
    found = headers(
        "description: evidence-based annotation of the human genome (GRCh38), version 44 (Ensembl 110)",
        "provider: GENCODE", "date: 2023-03-01",
    )  # fmt: skip
    assert (found.provider, found.release, found.release_date) == ("GENCODE", "44", "2023-03-01")
    assert headers("Annotated with Bakta").provider == "Bakta"
    prokka = Headers()
    prokka.read_source("Prodigal:002006")
    assert prokka.provider == "Prokka"


@pytest.mark.parametrize(
    ("kind", "attributes", "code", "circular"),
    [
        ("chromosome", {"Is_circular": "true"}, "chromosome", True),
        ("region", {"genome": "chromosome"}, "chromosome", False),
        ("region", {"genome": "plasmid", "plasmid-name": "pX", "Is_circular": "true"}, "plasmid", True),
        ("region", {"genome": "mitochondrion", "Is_circular": "true"}, "chromosome", True),
        ("supercontig", {}, "scaffold", False),
        ("region", {"genome": "genomic"}, "scaffold", False),
    ],
)
def test_lines_about_whole_sequences(
    kind: str, attributes: dict[str, str], code: str, circular: bool
) -> None:
    found = whole_sequence(Line(1, "1", "x", kind, 0, 9, 1, None, attributes))
    assert found is not None
    assert (found.code, found.circular) == (code, circular)
    assert whole_sequence(Line(1, "1", "x", "gene", 0, 9, 1, None, attributes)) is None
    assert whole_sequence(Line(1, "1", "x", kind, 5, 9, 1, None, attributes)) is None
