"""`ingest_gff3` on the real database: releases replace each other whole, and what rows and names they give."""

import gzip
import random
from pathlib import Path
from typing import Any

import pysam
import pytest

from catalogue.models import (
    Alias,
    Gene,
    Genome,
    IngestRun,
    NamingAuthority,
    Product,
    ProductGeneratingContext,
    Sequence,
    SequenceCollection,
    Transcript,
)
from tests.catalogue.made_genomes import reversed_complement
from tests.catalogue.made_gff3 import write_ensembl
from tests.catalogue.made_releases import (
    ONE_GENE,
    RESIDUES,
    annotate,
    annotated,
    make_release,
    register,
    residues_of,
    write_gff3,
)
from tests.catalogue.made_rows import make_alias

pytestmark = pytest.mark.django_db


def test_the_same_again_changes_nothing(tmp_path: Path) -> None:
    _, path = make_release(tmp_path)
    first = annotate(path)
    held, keys = annotated(), list(Transcript.objects.values_list("pk", flat=True))
    assert (first.status, first.summary[:15]) == (0, "1 file: 1 added")
    assert annotate(path).summary.startswith("1 file: 0 added, 1 unchanged")
    assert annotated() == held
    assert list(Transcript.objects.values_list("pk", flat=True)) == keys
    run = IngestRun.objects.latest("pk")
    assert (run.command, run.outcome, run.summary["genes"]) == ("ingest_gff3", "succeeded", 12)


def test_any_order_of_lines_gives_the_same_rows(tmp_path: Path) -> None:
    _, path = make_release(tmp_path)
    annotate(path)
    expected = annotated()
    Genome.objects.all().delete()
    lines = [line for line in path.read_text().splitlines() if not line.startswith("###")]
    header, rest = lines[:5], lines[5:]
    random.Random(4).shuffle(rest)
    path.write_text("".join(f"{line}\n" for line in header + rest))
    annotate(path)
    found = annotated()
    for name in ("genes", "transcripts", "contexts", "products", "derived", "names"):
        assert found[name] == expected[name]


def test_compressed_and_in_several_files(tmp_path: Path) -> None:
    _, path = make_release(tmp_path)
    annotate(path)
    expected = annotated()
    text = path.read_text()
    header = "".join(f"{line}\n" for line in text.splitlines() if line.startswith(("##s", "##g", "#!")))
    parts = [
        header + "".join(f"{line}\n" for line in text.splitlines() if line.startswith(name))
        for name in ("chrA", "chrB")
    ]
    (tmp_path / "a.gff3.gz").write_bytes(gzip.compress(parts[0].encode()))
    with pysam.BGZFile(str(tmp_path / "b.gff3.bgz"), "w", None) as file:
        file.write(parts[1].encode())
    for given in ((path,), (tmp_path / "a.gff3.gz", tmp_path / "b.gff3.bgz")):
        Genome.objects.all().delete()
        assert annotate(*given).status == 0
        assert annotated() == expected


def test_another_release_replaces_the_former_whole(tmp_path: Path) -> None:
    genome, path = make_release(tmp_path)
    annotate(path, "--release=1")
    (held,) = Genome.objects.all()
    gene, transcript = genome.genes[0], genome.genes[0].transcripts[0]
    before = genome.cdna(gene, transcript)
    # The first exon in genomic order is longer by what lies before it.
    start, end = transcript.exons[0]
    for one in gene.transcripts:
        one.exons = [(start - 30, end), *one.exons[1:]]
    lines = list(write_ensembl(genome))
    path.write_text("".join(f"{line}\n" for line in lines).replace("version=5", "version=6"))
    said = annotate(path, "--release=1")
    assert said.summary.startswith("1 file: 0 added, 1 replaced")
    (now,) = Genome.objects.all()
    assert (now.pk, now.genome_id) == (held.pk, held.genome_id)
    assert bytes(now.content) != bytes(held.content)
    name = f"ensembl:ENST{gene.number * 10 + 1:011}"
    assert residues_of(name) == residues_of(f"{name}.6") == genome.cdna(gene, transcript) != before
    assert residues_of(f"{name}.5") == before
    # Another genome on the same collection is a release of its own.
    assert annotate(path, "--release=2").status == 0
    assert Genome.objects.count() == 2
    assert Gene.objects.count() == 2 * len(genome.genes)


def test_a_name_without_version_stays_where_another_genome_means_it(collection: Path) -> None:
    old = write_gff3(collection / "old.gff3", ONE_GENE)
    new = write_gff3(
        collection / "new.gff3", ONE_GENE.replace("301 400", "301 390").replace("version=1", "version=2")
    )
    for release in ("1", "2"):
        assert annotate(old, "--authority=lab", f"--release={release}").status == 0
    annotate(new, "--authority=lab", "--release=1")
    assert Alias.objects.filter(authority__name="lab", name="T1").count() == 2
    annotate(new, "--authority=lab", "--release=2")
    assert Alias.objects.get(authority__name="lab", name="T1").sequence.length == 190


def test_a_dry_run_writes_nothing_and_says_the_same(tmp_path: Path) -> None:
    _, path = make_release(tmp_path)
    before, sequences = annotated(), Sequence.objects.count()
    dry = annotate(path, "--dry-run")
    assert (annotated(), Sequence.objects.count()) == (before, sequences)
    assert not IngestRun.objects.filter(command="ingest_gff3").exists()
    assert dry.summary == "Dry run, nothing is written. " + annotate(path).summary


def test_names_and_rows_of_one_gene(collection: Path) -> None:
    path = write_gff3(collection / "one.gff3", ONE_GENE)
    said = annotate(path, "--authority=lab", "--assembly-accession=GCA_1.1", "--taxon-id=9606", "--reference")
    assert said.status == 0, said
    genome = Genome.objects.get()
    assert (genome.assembly_accession, genome.taxon_id, genome.is_reference) == ("GCA_1.1", 9606, True)
    cdna = RESIDUES[100:200] + RESIDUES[300:400]
    assert residues_of("lab:T1") == residues_of("lab:T1.1") == cdna
    assert residues_of("lab_cds:T1") == residues_of("lab_cds:T1.1") == cdna[10:160]
    assert {alias.name for alias in Alias.objects.filter(authority__name="lab")} == {
        "T1",
        "T1.1",
        "P1",
        "P1.1",
    }
    context = ProductGeneratingContext.objects.get()
    assert (context.cds_start, context.cds_end) == (10, 160)
    assert (context.start_phases, context.end_phases) == ([-1, 0], [0, -1])
    assert (context.segment_starts, context.segment_ends) == ([110, 300], [200, 360])
    region = context.transcript.region
    assert (region.longest_gene, region.longest_transcript) == (300, 300)


def test_an_id_for_everything_follows_from_collection_accession_and_release(collection: Path) -> None:
    path = write_gff3(collection / "one.gff3", ONE_GENE)
    ids = set()
    for options in (["--release=1"], ["--release=1"], ["--release=2"], ["--assembly-accession=GCA_1.1"]):
        annotate(path, "--authority=lab", *options)
        ids = set(Genome.objects.values_list("genome_id", flat=True))
    assert len(ids) == 3
    annotate(path, "--authority=lab", "--genome-id=mine")
    assert set(Genome.objects.values_list("genome_id", flat=True)) == {*ids, "mine"}


def test_seqids_are_names_aliases_or_digests(collection: Path) -> None:
    sequence = Sequence.objects.get(length=900)
    make_alias(sequence, "ucsc:chrC")
    for seqid in ("c", "chrC", "ucsc:chrC", str(sequence), bytes(sequence.md5).hex()):
        path = write_gff3(collection / "one.gff3", ONE_GENE.replace("c x", f"{seqid} x"))
        said = annotate(path, "--authority=lab", f"--genome-id={seqid}")
        assert said.status == 0, said
    assert Transcript.objects.values("cdna").distinct().count() == 1
    assert set(Gene.objects.values_list("region__name", flat=True)) == {"c"}


def test_what_differs_from_the_genome_gets_no_name(collection: Path) -> None:
    text = ONE_GENE.replace("protein_id=P1", "protein_id=P1;exception=RNA editing")
    annotate(write_gff3(collection / "edited.gff3", text), "--authority=lab")
    assert set(Alias.objects.filter(authority__name="lab").values_list("name", flat=True)) == {"T1", "T1.1"}
    assert Product.objects.get().stable_id == "P1.1"


def test_a_protein_without_id_has_the_name_of_its_transcript(collection: Path) -> None:
    text = ONE_GENE.replace("protein_id=P1;version=1", "Note=none")
    annotate(write_gff3(collection / "maker.gff3", text), "--authority=lab")
    assert residues_of("lab:T1") == RESIDUES[100:200] + RESIDUES[300:400]
    product = Product.objects.get()
    assert product.stable_id == "T1.1"
    assert residues_of("lab_protein:T1.1") == residues_of(bytes(product.sequence.md5).hex())


def test_genes_share_a_product(collection: Path) -> None:
    text = "\n".join(
        f"c x CDS {start} {start + 29} . + 0 ID=cds{tag};locus_tag={tag};protein_id=WP_000001.1;pseudo={pseudo}"
        for tag, start, pseudo in (("b1", 1, "false"), ("b2", 1, "false"), ("b3", 101, "true"))
    )
    annotate(write_gff3(collection / "shared.gff3", text), "--authority=lab")
    assert ProductGeneratingContext.objects.count() == 3
    assert Product.objects.get().contexts.count() == 2


def test_a_gene_across_the_origin(tmp_path: Path) -> None:
    register(tmp_path, {"o": RESIDUES})
    path = tmp_path / "o.gff3"
    lines = [
        ("region", 1, 900, "+", ".", "ID=o;Is_circular=true;genome=plasmid"),
        ("gene", 851, 940, "-", ".", "ID=gene-b1;locus_tag=b1"),
        ("CDS", 851, 940, "-", "0", "ID=cds-P1;Parent=gene-b1;locus_tag=b1;protein_id=P1;transl_table=11"),
    ]
    path.write_text(
        "".join(
            f"o\tx\t{kind}\t{start}\t{end}\t.\t{strand}\t{phase}\t{said}\n"
            for kind, start, end, strand, phase, said in lines
        )
    )
    said = annotate(path, "--authority=lab")
    assert said.status == 0, said
    assert "'o' is circular here, and not in the collection" in said.told
    gene = Gene.objects.get()
    assert (gene.start, gene.end, gene.region.code) == (850, 940, "plasmid")
    assert residues_of("lab_cds:b1") == reversed_complement(RESIDUES[850:] + RESIDUES[:40])


def test_trans_spliced_exons_keep_their_strands_and_regions(tmp_path: Path) -> None:
    register(tmp_path, {"c": RESIDUES, "d": RESIDUES[::-1]})
    text = """
        c x gene 1 300 . + . ID=g
        c x mRNA 1 300 . + . ID=t;Parent=g
        c x exon 201 300 . - . Parent=t;rank=1
        d x exon 11 40 . + . Parent=t;rank=2
    """
    annotate(write_gff3(tmp_path / "trans.gff3", text), "--authority=lab")
    transcript = Transcript.objects.get()
    assert residues_of("lab:t") == reversed_complement(RESIDUES[200:300]) + RESIDUES[::-1][10:40]
    names = {region.pk: region.name for region in transcript.genome.regions.all()}
    assert ([names[pk] for pk in transcript.exon_regions], transcript.exon_strands) == (["c", "d"], [-1, 1])


def test_known_sequences_that_are_not_held_have_no_residues(collection: Path) -> None:
    Sequence.objects.filter(length=900).update(blob=None, offset=None)
    said = annotate(write_gff3(collection / "one.gff3", ONE_GENE), "--authority=lab")
    assert (said.status, Transcript.objects.get().cdna) == (0, None)
    assert "1 transcripts lie on sequences whose residues are not held here" in said.told
    context = ProductGeneratingContext.objects.get()
    assert (context.cds, context.product, context.cds_start) == (None, None, 10)


def test_genetic_codes_are_said_by_lines_regions_or_everything(tmp_path: Path) -> None:
    # TGA is a stop in table 1, W in table 2, C in table 10.
    coding = "ATGTGAGCC"
    register(tmp_path, {"c": coding, "MT": coding + "A"})
    lines = [
        f"{seqid} x CDS 1 9 . + 0 ID=p{number};protein_id=P{number}{said}"
        for number, (seqid, said) in enumerate([("c", ""), ("MT", ""), ("MT", ";transl_table=10")])
    ]
    path = write_gff3(tmp_path / "codes.gff3", "\n".join(lines))
    assert "2 proteins have X for a stop codon" in annotate(path, "--authority=lab", "--genome-id=a").told
    annotate(path, "--authority=lab", "--genome-id=b", "--genetic-code-of=MT=2")
    proteins = {
        one.stable_id: residues_of(bytes(one.sequence.md5).hex())
        for one in Product.objects.filter(genome__genome_id="b")
    }
    assert proteins == {"P0": "MXA", "P1": "MWA", "P2": "MCA"}
    annotate(path, "--authority=lab", "--genome-id=c", "--genetic-code=2")
    assert (
        residues_of(
            bytes(Product.objects.get(genome__genome_id="c", unversioned_stable_id="P0").sequence.md5).hex()
        )
        == "MWA"
    )


def test_a_lost_blob_is_stored_again(collection: Path, settings: Any) -> None:
    path = write_gff3(collection / "one.gff3", ONE_GENE)
    annotate(path, "--authority=lab")
    expected = residues_of("lab:T1")
    (transcript,) = Transcript.objects.select_related("cdna__blob")
    assert transcript.cdna is not None and transcript.cdna.blob is not None
    Sequence.objects.filter(blob=transcript.cdna.blob).update(blob=None, offset=None)
    assert annotate(path, "--authority=lab").status == 0
    assert residues_of("lab:T1") == expected


def test_the_collection_of_a_genome_is_not_deleted_below_it(collection: Path) -> None:
    annotate(write_gff3(collection / "one.gff3", ONE_GENE), "--authority=lab")
    with pytest.raises(Exception, match=r"Genome\.collection"):
        SequenceCollection.objects.get().delete()
    assert NamingAuthority.objects.filter(name="lab", private=False).exists()
