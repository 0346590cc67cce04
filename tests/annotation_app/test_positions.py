"""Positions and checksums in answers, against residues that are cut out in Python."""

import hashlib
import random
from typing import Any

import pytest
from django.test import Client

from catalogue.models import Gene
from tests.annotation_app.made_annotation import (
    make_gene,
    make_genome,
    make_transcript,
    random_residues,
    reverse_complement,
)
from tests.annotation_app.made_queries import data

pytestmark = pytest.mark.django_db

QUERY = """
query ($id: String!) {
  gene(by_id: {genome_id: "made", stable_id: $id}) {
    slice { location { start end length } strand { value } }
    transcripts {
      slice { location { start end length } strand { code value } region { name length topology } }
      relative_location { start end length }
      spliced_exons { index relative_location { start end length } exon { slice { location { start end length } } } }
      introns { index relative_location { start end length } slice { location { start end length } } }
      product_generating_contexts {
        product_type
        cdna { start end relative_start relative_end length sequence { checksum } sequence_checksum }
        cds { start end relative_start relative_end nucleotide_length protein_length sequence { checksum } }
        five_prime_utr { start end length }
        three_prime_utr { start end length }
        phased_exons { index start_phase end_phase }
      }
    }
  }
}
"""


def md5(residues: bytes) -> str:
    return hashlib.md5(residues).hexdigest()


def cut(region: bytes, place: dict[str, int], strand: int = 1) -> bytes:
    """The residues from start to end, both included, counted from 1; through the origin if the end comes first."""
    start, end = place["start"], place["end"]
    found = region[start - 1 : end] if start <= end else region[start - 1 :] + region[:end]
    return found if strand > 0 else reverse_complement(found)


def inside(outer: bytes, place: dict[str, int]) -> bytes:
    """A part of a feature, which is in the direction of its strand already."""
    return outer[place["start"] - 1 : place["end"]]


def relative(part: dict[str, int]) -> dict[str, int]:
    return {"start": part["relative_start"], "end": part["relative_end"]}


def random_exons(rng: random.Random, start: int, end: int, strand: int) -> list[tuple[int, int]]:
    """Up to five exons between two positions, the first and last of which reach them, in the order of transcription."""
    count = rng.randint(1, 5)
    edges = sorted(rng.sample(range(start + 1, end), 2 * count - 2))
    places = [start, *edges, end]
    exons = list(zip(places[::2], places[1::2], strict=True))
    return exons if strand > 0 else exons[::-1]


@pytest.mark.parametrize("seed", range(8))
def test_random_transcripts(client: Client, seed: int) -> None:
    """Both strands; linear regions, and circular ones with features that cross the origin."""
    rng = random.Random(seed)
    circular = bool(seed % 2)
    length = 2_000
    region = random_residues(length, seed)
    genome = make_genome("made", {"1": region}, circular=["1"] if circular else [])
    for number in range(6):
        strand = rng.choice((1, -1))
        start = rng.randrange(length - 300) if not circular else rng.randrange(length - 250, length)
        end = start + rng.randrange(300, 500) if circular else rng.randrange(start + 100, length + 1)
        gene = make_gene(genome, f"G{number}", start, end, strand=strand)
        for transcript in range(2):
            left, right = sorted(rng.sample(range(start, end + 1), 2))
            if right - left < 40:
                left, right = start, end
            exons = random_exons(rng, left, right, strand)
            size = sum(stop - begin for begin, stop in exons)
            coding = tuple(sorted(rng.sample(range(size + 1), 2))) if size > 1 else None
            make_transcript(
                gene, f"T{number}.{transcript}", exons, residues=region,
                coding=coding if transcript else None,  # type: ignore[arg-type]
            )  # fmt: skip
        check(data(client, QUERY, id=f"G{number}")["gene"], gene, region, circular)


def check(answer: dict[str, Any], gene: Gene, region: bytes, circular: bool) -> None:
    strand = gene.strand
    genomic = cut(region, answer["slice"]["location"], strand)
    assert len(genomic) == answer["slice"]["location"]["length"] == gene.end - gene.start
    assert answer["slice"]["strand"]["value"] == strand
    rows = list(gene.transcripts.order_by("pk"))
    for row, transcript in zip(rows, answer["transcripts"], strict=True):
        place = transcript["slice"]["location"]
        whole = cut(region, place, strand)
        assert whole == inside(genomic, transcript["relative_location"])
        assert transcript["slice"]["strand"]["code"] == ("forward" if strand > 0 else "reverse")
        assert transcript["slice"]["region"]["topology"] == ("circular" if circular else "linear")
        pieces = []
        for index, spliced in enumerate(transcript["spliced_exons"], 1):
            exon = spliced["exon"]["slice"]["location"]
            assert spliced["index"] == index
            assert exon["length"] == spliced["relative_location"]["length"]
            pieces.append(cut(region, exon, strand))
            assert pieces[-1] == inside(whole, spliced["relative_location"])
        for intron in transcript["introns"]:
            assert cut(region, intron["slice"]["location"], strand) == inside(
                whole, intron["relative_location"]
            )
        # Exons and introns in turn make the whole.
        places = [
            part["relative_location"] for part in (*transcript["spliced_exons"], *transcript["introns"])
        ]
        assert (
            b"".join(inside(whole, part) for part in sorted(places, key=lambda part: part["start"])) == whole
        )
        check_context(transcript["product_generating_contexts"], row, whole, pieces, region)


def check_context(
    contexts: list[dict[str, Any]], row: Any, whole: bytes, pieces: list[bytes], region: bytes
) -> None:
    (context,) = contexts
    cdna, stored = b"".join(pieces), row.contexts.first()
    assert inside(whole, relative(context["cdna"])) == whole
    assert context["cdna"]["length"] == len(cdna)
    assert context["cdna"]["sequence"]["checksum"] == context["cdna"]["sequence_checksum"] == md5(cdna)
    if stored is None:
        assert context["cds"] is context["five_prime_utr"] is context["three_prime_utr"] is None
        assert {(each["start_phase"], each["end_phase"]) for each in context["phased_exons"]} == {(-1, -1)}
        return
    first, last = stored.cds_start, stored.cds_end
    cds = context["cds"]
    assert cds["sequence"]["checksum"] == md5(cdna[first:last])
    assert cds["nucleotide_length"] == last - first and cds["protein_length"] is None
    # The coding part of the transcript, introns included, begins and ends as the coding sequence does.
    spliced = inside(whole, relative(cds))
    assert spliced == cut(region, cds, row.strand)
    assert spliced[:1] == cdna[first : first + 1] and spliced[-1:] == cdna[last - 1 : last]
    for utr, begin, stop in (("five_prime_utr", 0, first), ("three_prime_utr", last, len(cdna))):
        if begin == stop:
            assert context[utr] is None
            continue
        assert context[utr]["length"] == stop - begin
        ends = cut(region, context[utr], row.strand)
        assert (ends[:1], ends[-1:]) == (cdna[begin : begin + 1], cdna[stop - 1 : stop])
    check_phases(context["phased_exons"], pieces, first, last)


def check_phases(phased: list[dict[str, int]], pieces: list[bytes], first: int, last: int) -> None:
    done = 0
    for index, (exon, piece) in enumerate(zip(phased, pieces, strict=True), 1):
        assert exon["index"] == index
        begins_coding, ends_coding = first <= done < last, first < done + len(piece) <= last
        assert exon["start_phase"] == ((done - first) % 3 if begins_coding else -1)
        done += len(piece)
        assert exon["end_phase"] == ((done - first) % 3 if ends_coding else -1)


def test_a_transcript_behind_the_origin_lies_in_a_gene_that_crosses_it(client: Client) -> None:
    region = random_residues(1_000)
    genome = make_genome("made", {"1": region}, circular=["1"])
    gene = make_gene(genome, "G", 950, 1_100)
    make_transcript(gene, "T", [(20, 60)], residues=region)
    (transcript,) = data(client, QUERY, id="G")["gene"]["transcripts"]
    assert transcript["slice"]["location"] == {"start": 21, "end": 60, "length": 40}
    assert transcript["relative_location"] == {"start": 71, "end": 110, "length": 40}


def test_trans_splicing(client: Client) -> None:
    """Exons on both strands and on another region: they have places of their own, and no introns between."""
    residues = {"1": random_residues(1_000, 3), "2": random_residues(500, 4)}
    genome = make_genome("made", residues)
    gene = make_gene(genome, "G", 100, 400, strand=0)
    row = make_transcript(gene, "T", [(100, 150), (300, 400), (20, 80)], residues=residues["1"])
    one, two = (genome.regions.get(name=name).pk for name in "12")
    row.exon_strands, row.exon_regions = [1, -1, 1], [one, one, two]
    row.start, row.end = 100, 400
    row.save()
    query = """{ transcript(by_id: {genome_id: "made", stable_id: "T"}) {
      slice { strand { code value } } introns { index }
      spliced_exons { relative_location { start end }
        exon { slice { region { name } location { start end } strand { value } } } } } }"""
    transcript = data(client, query)["transcript"]
    assert transcript["slice"]["strand"] == {"code": None, "value": None}
    assert transcript["introns"] == []
    found = [
        (exon["exon"]["slice"]["region"]["name"], exon["exon"]["slice"]["strand"]["value"])
        for exon in transcript["spliced_exons"]
    ]
    assert found == [("1", 1), ("1", -1), ("2", 1)]
    assert [exon["relative_location"] for exon in transcript["spliced_exons"]] == [
        {"start": 1, "end": 50},
        {"start": 201, "end": 300},
        None,
    ]


def test_what_is_not_held_is_null(client: Client) -> None:
    region = random_residues(500)
    gene = make_gene(make_genome("made", {"1": region}), "G", 0, 100)
    row = make_transcript(gene, "T", [(0, 100)], residues=region, coding=(10, 40))
    row.cdna = None
    row.save()
    row.contexts.update(cds=None)
    (context,) = data(client, QUERY, id="G")["gene"]["transcripts"][0]["product_generating_contexts"]
    assert context["cdna"]["sequence"] is context["cds"]["sequence"] is None
    assert (context["cdna"]["length"], context["cds"]["nucleotide_length"]) == (100, 30)
