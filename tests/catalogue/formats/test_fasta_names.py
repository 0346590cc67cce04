"""Header lines as archives write them, and similar lines that must not match."""

import pytest

from catalogue.formats.fasta import Header
from catalogue.formats.fasta_names import (
    NameUnder,
    accession_authority,
    header_names,
    is_circular,
    is_protein,
)


def header(line: str) -> Header:
    name, _, description = line.removeprefix(">").partition(" ")
    return Header(name, description.strip(), 1)


def names(line: str, length: int = 1000) -> list[str]:
    return [":".join(found) for found in header_names(header(line), length=length)]


@pytest.mark.parametrize(
    ("line", "length", "expected"),
    [
        (
            ">1 dna:chromosome chromosome:GRCh38:1:1:248956422:1 REF",
            248956422,
            ["ensembl:1", "GRCh38:1"],
        ),
        (">1 dna_sm:chromosome chromosome:GRCh38:1:1:1000:1", 1000, ["ensembl:1", "GRCh38:1"]),
        (
            ">KI270728.1 dna:scaffold scaffold:GRCh38:KI270728.1:1:1000:1 REF",
            1000,
            ["insdc:KI270728.1", "ensembl:KI270728.1", "GRCh38:KI270728.1"],
        ),
        (
            ">I Saccharomyces_cerevisiae chromosome:R64-1-1:I:1:1000:1 REF",
            1000,
            ["ensembl:I", "R64-1-1:I"],
        ),
        # Y of Ensembl is masked where it pairs with X, a masked chromosome is another sequence, and so is a slice.
        (">Y dna:chromosome chromosome:GRCh38:Y:2781480:56887902:1 REF", 57227415, []),
        (">1 dna_rm:chromosome chromosome:GRCh38:1:1:1000:1 REF", 1000, []),
        (">1 dna:chromosome chromosome:GRCh38:1:1:1000:-1 REF", 1000, []),
        (">1 dna:chromosome chromosome:GRCh38:1:1:999:1 REF", 1000, []),
        (">slice dna:chromosome chromosome:GRCh38:1:1:1000:1 REF", 1000, []),
        (
            ">ENST00000415118.1 cdna chromosome:GRCh38:14:22438547:22438554:1 gene:ENSG00000223997.1 "
            "gene_biotype:TR_D_gene transcript_biotype:TR_D_gene gene_symbol:TRDD1 description:T cell receptor",
            8,
            ["ensembl:ENST00000415118.1", "ensembl_gene:ENSG00000223997.1", "gene_symbol:TRDD1"],
        ),
        (
            ">ENST00000415118.1 cds chromosome:GRCh38:14:22438547:22438554:1 gene:ENSG00000223997.1",
            8,
            ["ensembl_cds:ENST00000415118.1", "ensembl_gene:ENSG00000223997.1"],
        ),
        (
            ">ENST00000347977 ncrna:miRNA chromosome:NCBI35:1:217347790:217347874:-1 gene:ENSG00000195671",
            85,
            ["ensembl:ENST00000347977", "ensembl_gene:ENSG00000195671"],
        ),
        (
            ">ENSP00000269305.4 pep chromosome:GRCh38:17:7661779:7687538:-1 gene:ENSG00000141510.18 "
            "transcript:ENST00000269305.9 gene_biotype:protein_coding gene_symbol:TP53 description:tumor protein",
            393,
            [
                "ensembl:ENSP00000269305.4",
                "ensembl_gene:ENSG00000141510.18",
                "ensembl_transcript:ENST00000269305.9",
                "gene_symbol:TP53",
            ],
        ),
        (
            ">NC_000001.11 Homo sapiens chromosome 1, GRCh38.p14 Primary Assembly",
            248956422,
            ["refseq:NC_000001.11", "GRCh38.p14:1"],
        ),
        (
            ">NC_037328.1 Bos taurus breed Hereford chromosome 1, ARS-UCD1.3, whole genome shotgun sequence",
            158534110,
            ["refseq:NC_037328.1", "ARS-UCD1.3:1"],
        ),
        (
            ">NT_187361.1 Homo sapiens chromosome 1 unlocalized genomic scaffold, GRCh38.p14 Primary Assembly "
            "HSCHR1_CTG1_UNLOCALIZED",
            175055,
            ["refseq:NT_187361.1", "GRCh38.p14:HSCHR1_CTG1_UNLOCALIZED"],
        ),
        (">NC_012920.1 Homo sapiens mitochondrion, complete genome", 16569, ["refseq:NC_012920.1"]),
        (
            ">BK006935.2 TPA_inf: Saccharomyces cerevisiae S288C chromosome I, complete sequence",
            230218,
            ["insdc:BK006935.2"],
        ),
        (">NM_000546.6 Homo sapiens tumor protein p53 (TP53), mRNA", 2512, ["refseq:NM_000546.6"]),
        (">NZ_CP012345.1 Escherichia coli", 9, ["refseq:NZ_CP012345.1"]),
        (">NZ_AAAA01000001.1 contig", 9, ["refseq:NZ_AAAA01000001.1"]),
        (">AAAA02000001.1 contig", 9, ["insdc:AAAA02000001.1"]),
        (">AAA12345.1 a protein [Homo sapiens]", 9, ["insdc:AAA12345.1"]),
        (">NCU00001.1 predicted protein", 9, []),
        (
            ">gi|568336023|gb|CM000663.2| Homo sapiens chromosome 1, GRCh38 reference primary assembly",
            248956422,
            ["gi:568336023", "insdc:CM000663.2"],
        ),
        (
            ">gi|568815364|ref|NT_077402.3| Homo sapiens chromosome 1 genomic scaffold, GRCh38.p7 Primary Assembly "
            "HSCHR1_CTG1",
            9,
            ["gi:568815364", "refseq:NT_077402.3", "GRCh38.p7:HSCHR1_CTG1"],
        ),
        (">ENA|BK006935|BK006935.2 TPA: Saccharomyces cerevisiae", 9, ["insdc:BK006935.2"]),
        (">lcl|NC_000913.3_cds_NP_414542.1_1 [gene=thrL]", 9, []),
        (
            ">WP_003131952.1 30S protein [Lactococcus]\x01Q9CDN0.1 RecName: Full=30S\x01AAK04500.1 x [L. l.]",
            81,
            ["refseq:WP_003131952.1", "insdc:AAK04500.1"],
        ),
        (">chr1", 248956422, ["ucsc:chr1"]),
        (">chrUn_KI270302v1", 2274, ["ucsc:chrUn_KI270302v1"]),
        (">chr6_GL000250v2_alt", 9, ["ucsc:chr6_GL000250v2_alt"]),
        (">chr1 1", 248956422, []),
        (">chromosome1", 9, []),
        (">chrY  AC:CM000686.2  gi:568336000  LN:57227415  hm:10001-2781479  AS:GRCh38", 57227415, []),
        (
            ">ENST00000456328.2|ENSG00000290825.1|OTTHUMG00000002860.3|OTTHUMT00000362751.1|DDX11L2-202|DDX11L2|1657|lncRNA|",
            1657,
            [
                "gencode:ENST00000456328.2",
                "ensembl:ENST00000456328.2",
                "ensembl_gene:ENSG00000290825.1",
                "havana:OTTHUMG00000002860.3",
                "havana:OTTHUMT00000362751.1",
                "gencode:DDX11L2-202",
                "gene_symbol:DDX11L2",
            ],
        ),
        (
            ">ENST00000381578.6_PAR_Y|ENSG00000185960.14_PAR_Y|-|-|ENSG00000185960-201|ENSG00000185960|10|protein_coding|",
            10,
            [
                "gencode:ENST00000381578.6_PAR_Y",
                "ensembl_gene:ENSG00000185960.14_PAR_Y",
                "gencode:ENSG00000185960-201",
                "gene_symbol:ENSG00000185960",
            ],
        ),
        (
            ">ENSP00000493376.2|ENST00000641515.2|ENSG00000186092.7|-|OTTHUMT00000003223.4|OR4F5-201|OR4F5|326",
            326,
            [
                "gencode:ENSP00000493376.2",
                "ensembl:ENSP00000493376.2",
                "ensembl_transcript:ENST00000641515.2",
                "ensembl_gene:ENSG00000186092.7",
                "havana:OTTHUMT00000003223.4",
                "gencode:OR4F5-201",
                "gene_symbol:OR4F5",
            ],
        ),
        (">ENSP1|ENST1|ENSG1|-|-|A-201|A|326", 327, []),
        (
            ">sp|P04637|P53_HUMAN Cellular tumor antigen p53 OS=Homo sapiens OX=9606 GN=TP53 PE=1 SV=4",
            393,
            ["uniprot:P04637", "uniprot:P53_HUMAN", "gene_symbol:TP53"],
        ),
        (
            ">sp|P04637-2|P53_HUMAN Isoform 2 of Cellular tumor antigen p53 OS=Homo sapiens OX=9606 GN=TP53",
            341,
            ["uniprot:P04637-2", "gene_symbol:TP53"],
        ),
        (
            ">tr|A0A024R1R8|A0A024R1R8_HUMAN HCG2014768 OS=Homo sapiens OX=9606 PE=4 SV=1",
            9,
            ["uniprot:A0A024R1R8", "uniprot:A0A024R1R8_HUMAN"],
        ),
        (">sp|nothing|of_this OS=", 9, []),
        (">UniRef90_P04637 Cluster n=2 Tax=Homo RepID=P53_HUMAN", 9, ["uniref:UniRef90_P04637"]),
        (">UPI0000000001 status=active", 9, ["uniparc:UPI0000000001"]),
        (">contig_1 length=100", 9, []),
        (">P12345", 9, []),
        (">ENST00000456328.2", 9, []),
    ],
)
def test_names(line: str, length: int, expected: list[str]) -> None:
    assert names(line, length) == expected


def test_names_too_long_to_keep_are_left_out() -> None:
    assert names(f">x dna:scaffold scaffold:A1:{'x' * 256}:1:9:1", 9) == []
    assert names(f">chrUn_{'x' * 300}") == []


@pytest.mark.parametrize(
    ("name", "authority"),
    [
        ("NC_000001.11", "refseq"),
        ("XP_123456.1", "refseq"),
        ("CM000663.2", "insdc"),
        ("J01415.2", "insdc"),
        ("CP068277.2", "insdc"),
        ("P12345.2", None),
        ("NC_000001", None),
        ("chr1", None),
        ("ENSG00000290825.1", None),
        ("ENST00000456328.2", None),
    ],
)
def test_accessions(name: str, authority: str | None) -> None:
    assert accession_authority(name) == authority


@pytest.mark.parametrize(
    "line",
    [
        ">pUC19 [length=2686] [topology=circular] Cloning vector pUC19",
        ">1 length=5386 depth=1.00x circular=true",
        ">1 Circular=Y",
        ">x topology: circular",
        ">phiX174 5386 bp, circular",
        ">phiX174 phage (circular), complete",
        ">plasmid circular",
    ],
)
def test_circular(line: str) -> None:
    assert is_circular(header(line))


@pytest.mark.parametrize(
    "line",
    [
        ">circular",
        ">NC_001422.1 Escherichia phage phiX174, complete genome",
        ">x circular RNA of something",
        ">x [topology=linear]",
        ">1 length=5386 circular=false",
        ">x suggestCircular=yes",
        ">x noncircular",
        ">x topology=circular-ish",
        ">x semicircular, canal",
    ],
)
def test_not_circular(line: str) -> None:
    assert not is_circular(header(line))


def test_proteins_by_header() -> None:
    assert is_protein(header(">sp|P04637|P53_HUMAN x"))
    assert is_protein(header(">YAL001C pep chromosome:R64-1-1:I:1:2:1 gene:YAL001C"))
    assert not is_protein(header(">1 dna:chromosome"))


def test_long_words_take_no_square_of_their_length() -> None:
    """A million digits: an expression of quadratic cost would take hours."""
    header = Header("CM000663.2", "Homo sapiens chromosome 1, G" + "1" * 1_000_000 + ", x", 1)
    assert header_names(header, length=9) == [NameUnder("insdc", "CM000663.2")]
    header = Header("CM000663.2", "a, b, G" + "1" * 1_000_000 + " Primary", 1)
    assert header_names(header, length=9) == [NameUnder("insdc", "CM000663.2")]
