"""`manage.py ingest_fasta`: names, molecules and circularity of sequences, and the collection they make."""

from pathlib import Path

import pytest

from catalogue import queries
from catalogue.models import IngestRun, NamingAuthority, Sequence, SequenceCollection
from tests.catalogue.made_fasta import ingest, make_fasta, make_protein, make_residues, names_of, refused

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("stored")]


def test_names_from_headers_and_authority(tmp_path: Path) -> None:
    records = {
        "NC_000001.11 Homo sapiens chromosome 1, GRCh38.p14 Primary Assembly": b"ACGTA",
        "sp|P04637|P53_HUMAN Cellular tumor antigen p53 OS=Homo sapiens OX=9606 GN=TP53 PE=1 SV=4": b"MEEPQ",
    }
    said = ingest(make_fasta(tmp_path / "x.fa", records), authority="Lab-1")
    assert "7 names added" in said
    assert names_of("refseq:NC_000001.11") == {"refseq:NC_000001.11", "GRCh38.p14:1", "Lab-1:NC_000001.11"}
    assert names_of("uniprot:P04637") == {
        "uniprot:P04637",
        "uniprot:P53_HUMAN",
        "gene_symbol:TP53",
        "Lab-1:sp|P04637|P53_HUMAN",
    }
    # An authority is one, however it is written.
    ingest(make_fasta(tmp_path / "y.fa", {"z": b"TT"}), authority="LAB-1")
    assert NamingAuthority.objects.filter(name__iexact="lab-1").count() == 1
    assert queries.sequence("lab-1:z").length == 2


def test_molecules(tmp_path: Path) -> None:
    records = {
        "dna": make_residues(50, letters="ACGTN"),
        "rna": make_residues(50, letters="ACGU"),
        "protein": make_protein(50),
        "few": b"ACGT",
        "sp|P04637|P53_HUMAN x": b"ACGTACGTACGTACGTACGTACGT",
    }
    ingest(make_fasta(tmp_path / "x.fa", records), authority="lab")
    kinds = [queries.sequence(f"lab:{header.split()[0]}").molecule for header in records]
    assert kinds == ["dna", "rna", "protein", "", "protein"]


def test_circular_by_option_and_by_header(tmp_path: Path) -> None:
    path = make_fasta(tmp_path / "x.fa", {"a [topology=circular]": b"ACGT", "b": b"CCCC", "c": b"GGGG"})
    ingest(path, authority="lab")
    assert [queries.sequence(f"lab:{name}").circular for name in "abc"] == [True, False, False]
    queries.forget_sequences()
    said = ingest(path, "--circular", "b", authority="lab")
    assert "1 added" in said and "1 sequence made circular" in said
    assert [queries.sequence(f"lab:{name}").circular for name in "abc"] == [True, True, False]
    assert "no record is named nobody" in refused(path, "--circular", "nobody")
    assert IngestRun.objects.latest("started").outcome == "failed"


def test_collections_keep_the_order_over_files(tmp_path: Path) -> None:
    one = make_fasta(tmp_path / "1.fa", {"z": b"ACGT", "a": b"CCCC"})
    two = make_fasta(tmp_path / "2.fa", {"m": b"ACGT"})
    assert "collection added" in ingest(one, two, collection="set")
    members = SequenceCollection.objects.get(name="set").members.values_list(
        "position", "name", "sequence__length"
    )
    assert list(members) == [(0, "z", 4), (1, "a", 4), (2, "m", 4)]
    assert "collection unchanged" in ingest(one, two, collection="set")
    for other in ([two, one], [one], [one, two, make_fasta(tmp_path / "3.fa", {"q": b"T"})]):
        said = refused(*other, collection="set")
        assert "collection 'set' exists with other members" in said
    assert "first difference is at position 2" in refused(one, collection="set")
    assert SequenceCollection.objects.get(name="set").members.count() == 3
    said = refused(one, make_fasta(tmp_path / "4.fa", {"a": b"GGGG"}), collection="twice")
    assert "two records are named 'a'" in said and "1.fa, line 3" in said and "4.fa, line 1" in said
    assert not SequenceCollection.objects.filter(name="twice").exists()


def test_a_collection_is_not_recorded_when_a_file_failed(tmp_path: Path) -> None:
    good = make_fasta(tmp_path / "1.fa", {"z": b"ACGT"})
    bad = make_fasta(tmp_path / "2.fa", {"m": b"AC*GT"})
    assert "collection 'set' is not recorded" in refused(good, bad, collection="set")
    assert not SequenceCollection.objects.exists()
    assert Sequence.objects.count() == 1


def test_names_that_cannot_be_kept(tmp_path: Path) -> None:
    path = make_fasta(tmp_path / "x.fa", {"n" * 256: b"ACGT"})
    assert "line 1: a name of more than 255 characters" in refused(path, authority="lab")
    assert "1 added" in ingest(path)
    assert "--authority" in refused(path, authority="a:b")
    assert "--collection" in refused(path, collection="c" * 256)
