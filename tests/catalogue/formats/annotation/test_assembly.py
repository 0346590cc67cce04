"""Genes, transcripts and coding sequences of lines in every arrangement that providers use."""

from textwrap import dedent

import pytest

from catalogue.formats.annotation.assembly import AssemblyFault, assemble
from catalogue.formats.annotation.lines import Line, read_lines
from catalogue.formats.annotation.models import Block, Gene, Recoded, StableId, Transcript
from catalogue.formats.annotation.ordering import RegionInfo

REGIONS = {"c": RegionInfo(0, 1000), "d": RegionInfo(1, 500), "o": RegionInfo(2, 900, circular=True)}


def genes(text: str) -> list[Gene]:
    """Assemble lines of GFF3 or GTF, whose columns are separated by spaces, except within the last."""
    rows = (line.split(None, 8) for line in dedent(text).strip().splitlines())
    joined = "".join("\t".join(row) + "\n" for row in rows)
    lines = [line for line in read_lines([joined.encode()], source="made") if isinstance(line, Line)]
    return assemble(lines, REGIONS)


def only(text: str) -> tuple[Gene, Transcript]:
    (gene,) = genes(text)
    (transcript,) = gene.transcripts
    return gene, transcript


def spans(blocks: tuple[Block, ...]) -> list[tuple[int, int]]:
    return [(block.start, block.end) for block in blocks]


def test_exons_are_in_the_order_of_transcription_whatever_that_of_the_lines_is() -> None:
    gene, transcript = only("""
        c x exon 301 400 . - . Parent=t
        c x CDS 331 360 . - 0 ID=p;Parent=t
        c x mRNA 101 400 . - . ID=t;Parent=g
        c x CDS 121 200 . - 2 ID=p;Parent=t
        c x gene 101 400 . - . ID=g
        c x exon 101 200 . - . Parent=t
    """)
    assert spans(transcript.exons) == [(300, 400), (100, 200)]
    (coding,) = transcript.codings
    assert spans(coding.segments) == [(330, 360), (120, 200)]
    assert (coding.phase, coding.complete_start, coding.complete_end) == (0, True, True)
    assert (gene.start, gene.end, gene.strand, gene.so_term) == (100, 400, -1, "gene")


def test_an_exon_may_have_several_parents() -> None:
    (gene,) = genes("""
        c x gene 1 300 . + . ID=g
        c x mRNA 1 300 . + . ID=a;Parent=g
        c x mRNA 1 300 . + . ID=b;Parent=g
        c x exon 1 100 . + . Parent=a,b
        c x exon 201 300 . + . Parent=b
    """)
    assert [spans(one.exons) for one in gene.transcripts] == [[(0, 100)], [(0, 100), (200, 300)]]


def test_a_coding_sequence_directly_below_a_gene_implies_its_transcript() -> None:
    gene, transcript = only("""
        c x gene 1 90 . + . ID=gene-b0001;locus_tag=b0001;gene=thrL;gene_biotype=protein_coding
        c x CDS 1 90 . + 0 ID=cds-1;Parent=gene-b0001;protein_id=NP_414542.1;transl_table=11;product=leader
    """)
    assert transcript.implied and transcript.stable_id == gene.stable_id == StableId("b0001")
    assert (gene.symbol, gene.biotype, gene.name) == ("thrL", "protein_coding", "leader")
    (coding,) = transcript.codings
    assert (coding.stable_id, coding.genetic_code, coding.name) == (StableId("NP_414542", 1), 11, "leader")
    assert spans(transcript.exons) == [(0, 90)]


def test_several_coding_sequences_below_a_gene_are_several_transcripts() -> None:
    (gene,) = genes("""
        c x gene 1 90 . + . ID=g;locus_tag=b1
        c x CDS 1 90 . + 0 ID=one;Parent=g;protein_id=P1
        c x CDS 31 90 . + 0 ID=two;Parent=g;protein_id=P2
    """)
    assert [str(one.stable_id) for one in gene.transcripts] == ["b1", "b1-2"]


def test_a_coding_sequence_without_gene_implies_both() -> None:
    gene, transcript = only("c Prodigal CDS 1 90 . + 0 ID=X_00001;locus_tag=X_00001;gene=dnaA;product=DnaA")
    assert gene.stable_id == transcript.stable_id == transcript.codings[0].stable_id == StableId("X_00001")
    assert (gene.symbol, gene.name, transcript.implied) == ("dnaA", "DnaA", True)


def test_lines_of_one_locus_tag_belong_together() -> None:
    gene, transcript = only("""
        c prokka gene 1 90 . + . ID=X_1_gene;locus_tag=X_1
        c prokka mRNA 1 90 . + . ID=X_1_mRNA;locus_tag=X_1
        c Prodigal CDS 1 90 . + 0 ID=X_1;Parent=X_1_gene;locus_tag=X_1
    """)
    assert gene.stable_id == StableId("X_1")
    assert (transcript.stable_id, transcript.implied) == (StableId("X_1_mRNA"), False)
    assert transcript.codings[0].stable_id == StableId("X_1")


def test_what_makes_no_protein() -> None:
    _, transfer = only("""
        c x gene 1 70 . + . ID=gene-t;gene_biotype=tRNA
        c x tRNA 1 70 . + . ID=rna-t;Parent=gene-t
    """)
    assert (transfer.so_term, spans(transfer.exons), transfer.codings) == ("tRNA", [(0, 70)], [])
    (bare,) = genes("c x pseudogene 1 70 . + . ID=gene-p;pseudo=true")
    assert (bare.so_term, bare.transcripts) == ("pseudogene", [])
    _, pseudo = only("""
        c x pseudogene 1 90 . + . ID=gene-p;pseudo=true;locus_tag=p
        c x CDS 1 90 . + 0 ID=cds-p;Parent=gene-p;pseudo=true;locus_tag=p
    """)
    assert pseudo.codings[0].pseudo
    (micro,) = genes("""
        c x gene 1 90 . + . ID=g
        c x primary_transcript 1 90 . + . ID=p;Parent=g
        c x exon 1 90 . + . Parent=p
        c x miRNA 11 33 . + . ID=m;Parent=p
        c x exon 11 33 . + . Parent=m
    """)
    assert [(one.so_term, spans(one.exons)) for one in micro.transcripts] == [
        ("primary_transcript", [(0, 90)]),
        ("miRNA", [(10, 33)]),
    ]


def test_exons_follow_from_coding_and_untranslated_parts_where_there_are_none() -> None:
    _, transcript = only("""
        c x mRNA 1 300 . + . ID=t
        c x five_prime_UTR 1 20 . + . Parent=t
        c x CDS 21 100 . + 0 ID=p;Parent=t
        c x CDS 201 280 . + 1 ID=p;Parent=t
        c x three_prime_UTR 281 300 . + . Parent=t
    """)
    assert spans(transcript.exons) == [(0, 100), (200, 300)]


@pytest.mark.parametrize(
    ("first", "second"), [((1, 75), (77, 1000)), ((1, 75), (75, 1000)), ((1, 20), (71, 900))]
)
def test_ribosomal_slippage_joins_what_overlaps_or_leaves_a_gap(
    first: tuple[int, int], second: tuple[int, int]
) -> None:
    _, transcript = only(f"""
        c x gene 1 1000 . + . ID=gene-prfB;locus_tag=prfB
        c x CDS {first[0]} {first[1]} . + 0 ID=cds-p;Parent=gene-prfB;exception=ribosomal slippage;protein_id=P1
        c x CDS {second[0]} {second[1]} . + 0 ID=cds-p;Parent=gene-prfB;exception=ribosomal slippage;protein_id=P1
    """)
    assert spans(transcript.exons) == [(first[0] - 1, second[1])]
    (coding,) = transcript.codings
    assert spans(coding.segments) == [(first[0] - 1, first[1]), (second[0] - 1, second[1])]
    assert not coding.differs


def test_trans_splicing_keeps_the_order_of_parts() -> None:
    gene, transcript = only("""
        c x gene 601 714 . - . ID=gene-rps12;locus_tag=rps12;exception=trans-splicing;part=1/2
        c x gene 101 350 . + . ID=gene-rps12;locus_tag=rps12;exception=trans-splicing;part=2/2
        c x CDS 601 714 . - 0 ID=cds-1;Parent=gene-rps12;exception=trans-splicing;protein_id=NP_1.1
        c x CDS 101 200 . + 0 ID=cds-1;Parent=gene-rps12;exception=trans-splicing;protein_id=NP_1.1
        c x CDS 301 350 . + 2 ID=cds-1;Parent=gene-rps12;exception=trans-splicing;protein_id=NP_1.1
    """)
    assert transcript.exons == (Block(0, 600, 714, -1), Block(0, 100, 200, 1), Block(0, 300, 350, 1))
    assert (gene.start, gene.end, gene.strand) == (100, 714, 0)
    (ranked,) = genes("""
        c e gene 1 400 . + . ID=g
        c e mRNA 1 400 . + . ID=t;Parent=g
        d e exon 11 50 . + . Parent=t;rank=2
        c e exon 301 400 . - . Parent=t;rank=1
    """)
    assert ranked.transcripts[0].exons == (Block(0, 300, 400, -1), Block(1, 10, 50, 1))


@pytest.mark.parametrize(
    "lines",
    [
        "o x CDS 881 930 . + 0 ID=p;Parent=g;protein_id=P",
        "o x CDS 881 30 . + 0 ID=p;Parent=g;protein_id=P",
    ],
)
def test_a_feature_across_the_origin_counts_on(lines: str) -> None:
    gene, transcript = only(f"o x gene 881 930 . + . ID=g;locus_tag=g\n{lines}")
    assert (gene.start, gene.end) == (880, 930)
    assert spans(transcript.codings[0].segments) == [(880, 930)]


@pytest.mark.parametrize(("strand", "order"), [("+", 1), ("-", -1)])
def test_parts_on_both_sides_of_the_origin_are_in_order(strand: str, order: int) -> None:
    lines = [
        f"o x CDS 801 850 . {strand} 0 ID=p;locus_tag=g;protein_id=P",
        f"o x CDS 881 900 . {strand} 0 ID=p;locus_tag=g;protein_id=P",
        f"o x CDS 1 30 . {strand} 0 ID=p;locus_tag=g;protein_id=P",
    ]
    _, transcript = only("\n".join(lines))
    assert spans(transcript.codings[0].segments) == [(800, 850), (880, 900), (900, 930)][::order]
    assert spans(transcript.exons) == [(800, 850), (880, 930)][::order]
    _, within = only(f"""
        o x gene 801 950 . {strand} . ID=g
        o x mRNA 801 950 . {strand} . ID=t;Parent=g
        o x exon 801 850 . {strand} . Parent=t
        o x exon 21 50 . {strand} . Parent=t
    """)
    assert spans(within.exons) == [(800, 850), (920, 950)][::order]


def test_a_circle_without_crossing_is_left_as_it_is() -> None:
    _, transcript = only("""
        o x CDS 801 850 . + 0 ID=p;protein_id=P
        o x CDS 11 30 . + 0 ID=p;protein_id=P
    """)
    assert spans(transcript.exons) == [(10, 30), (800, 850)]


@pytest.mark.parametrize(
    ("strand", "attributes", "complete"),
    [
        ("+", "partial=true;start_range=.,11", (False, True)),
        ("+", "partial=true;end_range=100,.", (True, False)),
        ("-", "partial=true;start_range=.,11", (True, False)),
        ("-", "partial=true;start_range=.,11;end_range=100,.", (False, False)),
        ("+", "partial=10", (False, True)),
        ("-", "partial=10", (True, False)),
        ("+", "partial=00", (True, True)),
        ("+", "tag=cds_start_NF", (False, True)),
        ("+", "tag=basic,cds_end_NF", (True, False)),
    ],
)
def test_incomplete_ends(strand: str, attributes: str, complete: tuple[bool, bool]) -> None:
    _, transcript = only(f"c x CDS 11 100 . {strand} 0 ID=p;protein_id=P;{attributes}")
    (coding,) = transcript.codings
    assert (coding.complete_start, coding.complete_end) == complete


def test_residues_that_are_not_what_their_codons_say() -> None:
    _, transcript = only(
        "c x CDS 1 300 . - 0 ID=p;protein_id=P;transl_except=(pos:complement(11..13)%2Caa:Sec),"
        "(pos:join(20..21%2C30)%2Caa:Pyl),(pos:1%2Caa:TERM),(pos:41..43,aa:OTHER)"
    )
    assert transcript.codings[0].recoded == (
        Recoded(((10, 13),), "U"),
        Recoded(((19, 21), (29, 30)), "O"),
        Recoded(((0, 1),), "TERM"),
        Recoded(((40, 43),), "X"),
    )


def test_recoded_residues_across_the_origin_count_on() -> None:
    _, transcript = only(
        "o x CDS 881 930 . + 0 ID=p;protein_id=P;transl_except=(pos:884..886,aa:Sec),(pos:11..13,aa:Sec),"
        "(pos:908..910,aa:Pyl)"
    )
    assert [one.blocks for one in transcript.codings[0].recoded] == [
        ((883, 886),),
        ((910, 913),),
        ((907, 910),),
    ]


@pytest.mark.parametrize(
    ("said", "differs"),
    [
        ("ribosomal slippage", ""),
        ("alternative start codon", ""),
        ("RNA editing", "RNA editing"),
        ("trans-splicing,unclassified translation discrepancy", "unclassified translation discrepancy"),
    ],
)
def test_exceptions_that_no_rule_reproduces_are_told(said: str, differs: str) -> None:
    _, transcript = only(f"c x CDS 1 90 . + 0 ID=p;protein_id=P;exception={said}")
    assert transcript.codings[0].differs == differs
    assert transcript.codings[0].starts_with_methionine == (said == "alternative start codon")


def test_coding_sequences_of_one_transcript_are_told_apart_by_protein_or_id() -> None:
    head = "c x mRNA 1 900 . + . ID=t\nc x exon 1 900 . + . Parent=t\n"
    _, by_protein = only(
        f"{head}c x CDS 1 90 . + 0 ID=a;Parent=t;protein_id=P1\nc x CDS 201 290 . + 0 ID=b;Parent=t;protein_id=P2"
    )
    assert [str(one.stable_id) for one in by_protein.codings] == ["P1", "P2"]
    # Some programs give every line of a coding sequence an id of its own.
    _, by_line = only(f"{head}c x CDS 1 90 . + 0 ID=t.1;Parent=t\nc x CDS 201 290 . + 0 ID=t.2;Parent=t")
    assert [spans(one.segments) for one in by_line.codings] == [[(0, 90), (200, 290)]]
    assert by_line.codings[0].stable_id == by_line.stable_id


def test_gtf_keeps_the_stop_codon_apart() -> None:
    both = 'gene_id "G"; transcript_id "T"; gene_name "SYM"; gene_biotype "protein_coding";'
    gene, transcript = only(f"""
        c e exon 1 100 . + . {both} exon_number "1"; exon_id "E1"; exon_version "2";
        c e exon 201 300 . + . {both} exon_number "2"; exon_id "E2"; exon_version "1";
        c e CDS 11 100 . + 0 {both} protein_id "P"; protein_version "4";
        c e stop_codon 201 203 . + 0 {both}
    """)
    assert (gene.stable_id, gene.symbol, gene.biotype) == (StableId("G"), "SYM", "protein_coding")
    assert (transcript.stable_id, transcript.implied, transcript.exon_ids) == (
        StableId("T"),
        False,
        ["E1.2", "E2.1"],
    )
    (coding,) = transcript.codings
    assert (coding.stable_id, spans(coding.segments)) == (StableId("P", 4), [(10, 100), (200, 203)])
    assert spans(transcript.exons) == [(0, 100), (200, 300)]


def test_gtf_gives_copies_on_other_sequences_genes_of_their_own() -> None:
    found = genes("""
        c u exon 1 100 . + . gene_id "NM_1"; transcript_id "NM_1";
        d u exon 1 100 . + . gene_id "NM_1"; transcript_id "NM_1";
    """)
    assert [gene.region for gene in found] == [0, 1]


def test_parts_whose_parent_is_cut_off_keep_its_id() -> None:
    gene, transcript = only(
        "c x exon 1 90 . + . Parent=transcript:ENST1\nc x CDS 1 90 . + 0 Parent=transcript:ENST1"
    )
    assert (transcript.stable_id, transcript.implied) == (StableId("ENST1"), False)
    assert gene.stable_id == StableId("ENST1")


@pytest.mark.parametrize(
    ("lines", "line"),
    [
        ("c x CDS 1 90 . + 0 ID=p;transl_table=banana", 1),
        (f"c x gene 1 90 . + . ID={'g' * 300}", 1),
    ],
)
def test_what_cannot_be_is_told_with_its_line(lines: str, line: int) -> None:
    with pytest.raises(AssemblyFault) as caught:
        genes(lines)
    assert caught.value.line == line
