"""Pages of genes: transcripts drawn, sequences to copy, searches, and the track of genes for igv.js."""

from dataclasses import dataclass

import pytest
from django.test import Client

from catalogue.formats.digests import sequence_digests
from catalogue.models import Genome
from tests.annotation_app.made_annotation import joined, make_gene, make_genome, make_transcript
from tests.catalogue.made_access import make_grant
from tests.portal.conftest import GENOME, Portal
from tests.portal.pages.opened import content_of

pytestmark = pytest.mark.django_db

RESIDUES = GENOME["chrA"].encode()
EXONS, REVERSE = [(1000, 1100), (1200, 1290)], [(1250, 1290), (1000, 1060)]
PROTEIN = b"MKVLAA"


@dataclass
class Annotated:
    """The genome of the portal with two genes; `cdna` is of the first transcript."""

    genome: Genome
    cdna: bytes


@pytest.fixture
def annotated(portal: Portal) -> Annotated:
    genome = make_genome(
        "lab-1", collection=portal.collection, scientific_name="Fictus exemplum", release="7"
    )
    gene = make_gene(
        genome,
        "GENE0001.2",
        1000,
        1290,
        region="chrA",
        symbol="ABC1",
        name="a made gene",
        biotype="protein_coding",
    )
    make_transcript(
        gene,
        "TRAN0001.1",
        EXONS,
        residues=RESIDUES,
        coding=(10, 130),
        protein=("PROT0001.1", PROTEIN),
        canonical=True,
    )
    make_transcript(gene, "TRAN0002.1", [EXONS[0]], residues=RESIDUES)
    other = make_gene(genome, "GENE0002", 1000, 1290, region="chrA", strand=-1, symbol="ABD2")
    make_transcript(other, "TRAN0003", REVERSE, residues=RESIDUES, coding=(0, 60))
    return Annotated(genome, joined(RESIDUES, EXONS, 1))


def test_a_gene(client: Client, annotated: Annotated) -> None:
    content = content_of(client, "/genes/lab-1/GENE0001.2")
    for said in ("ABC1", "a made gene", "chrA:1,001-1,290", "forward", "Fictus exemplum", "protein_coding"):
        assert said in content
    assert content.count("<text ") == 2 and content.count("<rect ") == 3 + 2, "exons, and what of them codes"
    assert ">TRAN0001.1\n" in content and "canonical" in content and PROTEIN.decode() in content
    residues = annotated.cdna.decode()
    assert "\n".join(residues[at : at + 60] for at in range(0, len(residues), 60)) in content
    assert f'href="/sequences/{sequence_digests(annotated.cdna).md5_hex}"' in content
    other = content_of(client, "/genes/lab-1/GENE0001.2?transcript=TRAN0002.1")
    assert "Sequences of TRAN0002.1" in other and PROTEIN.decode() not in other
    assert "reverse" in content_of(client, "/genes/lab-1/GENE0002")


@pytest.mark.parametrize("name", ["GENE0001", "ABC1"])
def test_other_names_of_a_gene_lead_to_its_stable_id(client: Client, annotated: Annotated, name: str) -> None:
    assert client.get(f"/genes/lab-1/{name}").headers["Location"] == "/genes/lab-1/GENE0001.2"


def test_genomes(client: Client, annotated: Annotated) -> None:
    assert 'href="/genes/lab-1/"' in content_of(client, "/genes/")
    content = content_of(client, "/genes/lab-1/?q=ab")
    assert 'href="/genes/lab-1/GENE0001.2"' in content and 'href="/genes/lab-1/GENE0002"' in content
    assert "GENE0002" not in content_of(client, "/genes/lab-1/?q=abc1")
    assert "No gene is called so" in content_of(client, "/genes/lab-1/?q=xyz")
    for path in ("/genes/absent/", "/genes/absent/ABC1", "/genes/lab-1/absent", "/genes/lab-1/%00"):
        assert client.get(path).status_code == 404, path


def test_search_finds_genes(client: Client, annotated: Annotated) -> None:
    for text in ("ABC1", "abc1", "GENE0001", "gene0001.2", "GENE000", "AB", "BC1"):
        assert 'href="/genes/lab-1/GENE0001.2"' in content_of(client, f"/search?q={text}"), text
    assert "/genes/lab-1/G" not in content_of(client, "/search?q=BC2")


def test_the_track_of_genes(client: Client, annotated: Annotated, portal: Portal) -> None:
    for path in ("/files/reads/run/one", "/files/variants/calls"):
        assert f"{path}?as=genes" in content_of(client, path)
        track = client.get(f"{path}?as=genes&contig=chrA&start=0&end=5000").content.decode()
        assert track.splitlines()[0] == "chrA\t1000\t1290\tTRAN0001.1\t0\t+\t1010\t1230\t0\t2\t100,90\t0,200"
    assert client.get("/files/reads/run/one?as=genes&contig=chrA&start=1300&end=5000").content == b""
    assert client.get("/files/reads/run/one?as=genes&contig=absent").status_code == 404


def test_every_line_of_the_track_is_bed(client: Client, annotated: Annotated, portal: Portal) -> None:
    exons = {"TRAN0001.1": EXONS, "TRAN0002.1": EXONS[:1], "TRAN0003": sorted(REVERSE)}
    lines = client.get("/files/reads/run/one?as=genes&contig=chrA").content.decode().splitlines()
    assert len(lines) == 3
    for line in lines:
        contig, start, end, name, _, _, thick_start, thick_end, _, count, sizes, starts = line.split("\t")
        blocks = [
            (int(start) + int(offset), int(start) + int(offset) + int(size))
            for offset, size in zip(starts.split(","), sizes.split(","), strict=True)
        ]
        assert contig == "chrA" and blocks == exons[name] and len(blocks) == int(count)
        assert blocks[-1][1] == int(end)
        assert int(start) <= int(thick_start) <= int(thick_end) <= int(end)


def test_genes_of_a_private_assembly_are_for_its_readers(
    client: Client, annotated: Annotated, portal: Portal
) -> None:
    portal.collection.visibility = "private"
    portal.collection.save()
    cdna = sequence_digests(annotated.cdna)
    hidden = ("/genes/lab-1/", "/genes/lab-1/GENE0001.2", "/genes/lab-1/ABC1", f"/sequences/{cdna.sq}")
    for signed_in in (False, True):
        if signed_in:
            client.force_login(portal.stranger)
        for path in hidden:
            response = client.get(path)
            assert response.status_code == 404 and b"made gene" not in response.content, path
        assert b"lab-1" not in client.get("/genes/").content
        for text in ("ABC1", "GENE0001", cdna.sq):
            assert "Nothing was found" in content_of(client, f"/search?q={text}")
        assert "as=genes" not in content_of(client, "/files/reads/run/one")
        assert client.get("/files/reads/run/one?as=genes&contig=chrA").status_code == 404
    client.force_login(portal.reader)
    make_grant(portal.collection, portal.reader)
    for path in hidden:
        assert client.get(path, follow=True).status_code == 200, path
    assert "ABC1" in content_of(client, "/search?q=ABC1")
    assert cdna.sq in content_of(client, f"/search?q={cdna.sq}")
    assert client.get("/files/reads/run/one?as=genes&contig=chrA").status_code == 200
