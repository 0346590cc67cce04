"""Lines come back by gene, whatever their order was."""

import random
from pathlib import Path

import pytest

from catalogue.formats.annotation.lines import Line, read_lines
from catalogue.ingest.annotation.sorter import LineSorter, numbered, place_of
from tests.catalogue.made_annotation import FLAVOURS, Flavour
from tests.catalogue.made_genomes import make_genome
from tests.catalogue.made_gff3 import write_ensembl


def lines_of(flavour: Flavour, seed: int) -> list[Line]:
    genome = make_genome(seed, bacterial=flavour.bacterial, tables=flavour.tables)
    text = "".join(f"{line}\n" for line in flavour.write(genome)).encode()
    return [line for line in read_lines([text], source="made") if isinstance(line, Line)]


def sorted_lines(lines: list[Line], folder: Path) -> list[list[Line]]:
    with LineSorter(folder) as sorter:
        for line in lines:
            sorter.add(line, ord(line.seqid[-1]))
        return list(sorter.genes())


@pytest.mark.parametrize("flavour", FLAVOURS, ids=lambda flavour: flavour.name)
def test_any_order_gives_the_same_genes(tmp_path: Path, flavour: Flavour) -> None:
    lines = lines_of(flavour, 5)
    in_order = sorted_lines(lines, tmp_path)
    assert len(in_order) == 12
    assert not list(tmp_path.iterdir())
    starts = [min((line.seqid, line.start) for line in gene) for gene in in_order]
    assert starts == sorted(starts)
    for seed in range(5):
        random.Random(seed).shuffle(lines)
        shuffled = sorted_lines(lines, tmp_path)
        assert [sorted(line.number for line in gene) for gene in shuffled] == [
            [line.number for line in gene] for gene in in_order
        ]


def test_lines_of_no_gene_are_left_out(tmp_path: Path) -> None:
    with LineSorter(tmp_path) as sorter:
        for number, kind in enumerate(("repeat_region", "biological_region", "cDNA_match"), start=1):
            sorter.add(Line(number, "1", "x", kind, 0, 9, 1, None, {"ID": kind}), 0)
        assert (len(sorter), sorter.ignored, list(sorter.genes())) == (0, 3, [])


def test_ids_are_those_of_one_file(tmp_path: Path) -> None:
    own = {"ID": "gene1"}
    with LineSorter(tmp_path) as sorter:
        for file in range(2):
            sorter.add(Line(numbered(file, 1), "1", "x", "gene", 0, 9, 1, None, own), 0)
            sorter.add(Line(numbered(file, 2), "1", "x", "exon", 0, 9, 1, None, {"Parent": "gene1"}), 0)
        found = list(sorter.genes())
    assert [[place_of(line.number) for line in gene] for gene in found] == [
        [(0, 1), (0, 2)],
        [(1, 1), (1, 2)],
    ]


def test_what_overlapping_genes_share_joins_them(tmp_path: Path) -> None:
    def line(number: int, kind: str, **attributes: str) -> Line:
        return Line(number, "1", "x", kind, number, number + 9, 1, None, attributes)

    lines = [
        line(1, "exon", Parent="a,b"),
        line(2, "mRNA", ID="b", Parent="g2"),
        line(3, "mRNA", ID="a", Parent="g1"),
        line(4, "gene", ID="g1"),
        line(5, "gene", ID="g2"),
        line(6, "gene", ID="g3"),
    ]
    assert [[one.number for one in gene] for gene in sorted_lines(lines, tmp_path)] == [[1, 2, 3, 4, 5], [6]]


def test_parts_keep_what_no_other_line_says(tmp_path: Path) -> None:
    genome = make_genome(1)
    text = "".join(f"{line}\n" for line in write_ensembl(genome)).encode()
    lines = [line for line in read_lines([text], source="made") if isinstance(line, Line)]
    exons = [line for line in lines if line.kind == "exon"]
    found = [line for gene in sorted_lines(exons, tmp_path) for line in gene]
    assert {line.number: line.attributes for line in found} == {
        line.number: line.attributes for line in exons
    }
    dropped = [line for gene in sorted_lines(lines, tmp_path) for line in gene if line.kind == "exon"]
    assert all("constitutive" not in line.attributes and "rank" in line.attributes for line in dropped)
