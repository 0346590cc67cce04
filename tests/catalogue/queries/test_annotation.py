"""Look-ups of annotation against what Python finds in the same rows."""

import random
from collections.abc import Callable

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from catalogue.access import ANONYMOUS
from catalogue.models import Gene, Region, Transcript
from catalogue.queries import annotation
from catalogue.queries.annotation import Criterion, TooManyRows, release_number
from tests.annotation_app.made_annotation import make_gene, make_genome, make_transcript, random_residues

pytestmark = pytest.mark.django_db

LENGTH = 1_000


def overlaps(start: int, end: int, first: int, last: int, circular: bool) -> bool:
    """Whether two places share a position; those of a circular region go around."""
    if not circular:
        return start < last and first < end
    return bool({at % LENGTH for at in range(start, end)} & {at % LENGTH for at in range(first, last)})


@pytest.mark.parametrize("circular", [False, True])
def test_overlaps(circular: bool) -> None:
    rng = random.Random(circular)
    residues = random_residues(LENGTH)
    genome = make_genome("made", {"1": residues, "2": residues[::-1]}, circular=["1"] if circular else [])
    for number in range(40):
        start = rng.randrange(LENGTH - 1)
        end = start + rng.choice((1, 5, 60, 400))
        gene = make_gene(genome, f"G{number}", start, end if circular else min(end, LENGTH))
        make_transcript(gene, f"T{number}", [(gene.start, gene.end)], residues=residues)
    make_gene(genome, "other", 0, LENGTH, region="2")
    rows = list(Gene.objects.filter(region__name="1"))
    longest = max(row.end - row.start for row in rows)
    Region.objects.update(longest_gene=longest, longest_transcript=longest)
    region = annotation.find_region("made", "1", viewer=ANONYMOUS)
    assert region is not None
    for _ in range(150):
        first = rng.randrange(LENGTH)
        last = first + rng.choice((1, 3, 100, 700))
        last = last if circular else min(last, LENGTH)
        expected = {row.pk for row in rows if overlaps(row.start, row.end, first, last, circular)}
        found = annotation.genes_in(region, first, last, max_rows=100)
        assert {row.pk for row in found} == expected and len(found) == len(expected)
        assert [row.start for row in found] == sorted(row.start for row in found)
        transcripts = annotation.transcripts_in(region, first, last, max_rows=100)
        assert {row.gene for row in transcripts} == expected
    with pytest.raises(TooManyRows):
        annotation.genes_in(region, 0, LENGTH, max_rows=39)


def test_stable_ids_with_dots() -> None:
    genome = make_genome()
    for stable_id, version in (("gene.1", None), ("gene", 1), ("gene", 2), ("gene.1.2", None), ("a.b", 3)):
        make_gene(genome, "x", 0, 10)
        Gene.objects.filter(unversioned_stable_id="x").update(
            unversioned_stable_id=stable_id, version=version
        )

    def found(stable_id: str) -> tuple[str, int | None] | None:
        row = annotation.find_gene("made", stable_id, viewer=ANONYMOUS)
        return None if row is None else (row.unversioned_stable_id, row.version)

    assert found("gene") == ("gene", 1)
    assert found("gene.2") == ("gene", 2)
    assert found("gene.1") in {("gene.1", None), ("gene", 1)}
    assert found("gene.1.2") == ("gene.1.2", None)
    assert found("a.b") == found("a.b.3") == ("a.b", 3)
    assert found("a") is found("a.b.4") is found(".3") is found("gene.99999999999999") is None


def test_pages_of_transcripts_of_several_genes() -> None:
    residues = random_residues(LENGTH)
    genome = make_genome("made", {"1": residues})
    genes = [make_gene(genome, f"G{number}", 0, 100) for number in range(3)]
    names = ["c", "a", "d", "b", "e"]
    for gene in genes[:2]:
        for name in names:
            make_transcript(gene, f"{gene.unversioned_stable_id}{name}", [(0, 100)], residues=residues)
    keys = [gene.pk for gene in genes]
    page = annotation.transcript_page(keys, start=1, count=2, max_rows=10)
    assert [[row.stable_id for row in page[key]] for key in keys] == [["G0b", "G0c"], ["G1b", "G1c"], []]
    assert annotation.count_transcripts(keys) == dict(zip(keys, (5, 5, 0), strict=True))
    whole = annotation.transcripts_of(keys, max_rows=10)
    assert [row.stable_id for row in whole[keys[0]]] == [f"G0{name}" for name in names]
    with pytest.raises(TooManyRows):
        annotation.transcripts_of(keys, max_rows=9)


@pytest.mark.parametrize(
    ("release", "number"),
    [
        ("110", 110.0), ("110.5", 110.5), ("", None), ("GENCODE 45", None), (".5", None), ("5.", None), ("1e5", None),
        ("١", None), ("9" * 20, None), ("-1", None), ("nan", None),
    ],
)  # fmt: skip
def test_release_numbers(release: str, number: float | None) -> None:
    assert release_number(release) == number


def test_genomes_are_found_by_one_criterion() -> None:
    make_genome("one", assembly_accession="GCA_1.1", taxon_id=5, release="1")
    make_genome("two", assembly_accession="GCA_1.1", taxon_id=5, release="2")

    def found(criterion: Criterion, text: str, release: float | None = None) -> list[str]:
        rows = annotation.find_genomes(criterion, text, release=release, viewer=ANONYMOUS, max_rows=5)
        return [row.genome_id for row in rows]

    assert found(Criterion.ASSEMBLY_ACCESSION, " gca_1.1 ") == ["one", "two"]
    assert found(Criterion.TAXON_ID, "5", 2.0) == ["two"]
    assert found(Criterion.TAXON_ID, "05") == ["one", "two"]
    assert found(Criterion.SCIENTIFIC_NAME, "") == found(Criterion.TAXON_ID, "٥") == []
    with pytest.raises(TooManyRows):
        annotation.find_genomes(Criterion.TAXON_ID, "5", viewer=ANONYMOUS, max_rows=1)


#: Look-ups, and the index that each has to use.
_INDEXED: list[tuple[Callable[[], object], str]] = [
    (lambda: annotation.find_gene("made", "G5.1", viewer=ANONYMOUS), "gene_by_stable_id"),
    (lambda: annotation.genes_with_symbol("made", "S5", viewer=ANONYMOUS, max_rows=9), "gene_by_symbol"),
    (lambda: annotation.find_transcript("made", stable_id="T5", viewer=ANONYMOUS), "transcript_by_stable_id"),
    (lambda: annotation.find_transcript("made", symbol="S5", viewer=ANONYMOUS), "transcript_by_symbol"),
    (
        lambda: annotation.search_transcripts("t5", ["made"], start=0, count=5, viewer=ANONYMOUS),
        "transcript_by_symbol",
    ),
]


def test_look_ups_use_an_index() -> None:
    """With thousands of rows no look-up reads them all."""
    genome = make_genome()
    gene = make_gene(genome, "G", 0, 10)
    common = {"genome": genome, "region": gene.region, "start": 0, "end": 10, "strand": 1, "so_term": "x"}
    numbers = range(3_000)
    Gene.objects.bulk_create(
        Gene(unversioned_stable_id=f"G{number}", version=1, symbol=f"S{number}", **common)
        for number in numbers
    )
    exons = {"gene": gene, "exon_starts": [0], "exon_ends": [10]}
    Transcript.objects.bulk_create(
        Transcript(unversioned_stable_id=f"T{number}", symbol=f"S{number}", **exons, **common)
        for number in numbers
    )
    with connection.cursor() as cursor:
        cursor.execute("ANALYZE catalogue_gene, catalogue_transcript, catalogue_genome")
        for look_up, index in _INDEXED:
            with CaptureQueriesContext(connection) as captured:
                look_up()
            cursor.execute(f"EXPLAIN {captured.captured_queries[0]['sql']}")
            plan = "\n".join(line for (line,) in cursor.fetchall())
            assert index in plan and "Seq Scan on catalogue_gene " not in plan, plan
            assert "Seq Scan on catalogue_transcript" not in plan, plan
