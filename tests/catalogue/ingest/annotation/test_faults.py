"""`ingest_gff3` of what is wrong: a fault names its line or option, and nothing is registered."""

import random
from pathlib import Path

import pytest

from catalogue.models import Genome, IngestRun, Sequence
from tests.catalogue.made_releases import (
    ONE_GENE,
    RESIDUES,
    annotate,
    annotated,
    make_release,
    register,
    write_gff3,
)
from tests.catalogue.made_rows import make_alias

pytestmark = pytest.mark.django_db


@pytest.mark.parametrize(
    ("lines", "said"),
    [
        (
            "chr9 x gene 1 9 . + . ID=g",
            "line 2: seqid 'chr9' is neither a name in collection 'made' nor an alias",
        ),
        ("c x gene 1 901 . + . ID=g", "line 2: the feature ends at 901, and 'c' has 900 residues"),
        ("c x gene 9 1 . + . ID=g", "line 2: the end 1 is before the start 9, and 'c' is not circular"),
        ("c x gene one 9 . + . ID=g", "line 2: the start 'one' or the end '9' is not a number"),
        (
            "c x gene 1 90 . + . ID=g\nc x CDS 1 90 . + 0 ID=p;Parent=g;transl_table=7",
            "line 2: there is no translation table 7",
        ),
        (f"c x gene 1 9 . + . ID={'g' * 256}", "line 2: an id of more than 255 characters"),
    ],
)
def test_a_fault_names_the_line_and_nothing_is_registered(collection: Path, lines: str, said: str) -> None:
    before = annotated()
    path = write_gff3(collection / "bad.gff3", lines)
    found = annotate(path, "--authority=lab")
    assert found.status == 1
    assert f"{path}, {said}" in found.told
    assert annotated() == before
    assert IngestRun.objects.latest("pk").outcome == "failed"


@pytest.mark.parametrize("seed", [1, pytest.param(2, marks=pytest.mark.long)])
def test_damaged_lines_are_a_fault_or_a_release_and_never_another_error(tmp_path: Path, seed: int) -> None:
    rng = random.Random(seed)
    _, path = make_release(tmp_path)
    lines = path.read_text().splitlines()
    kinds = ("gene", "mRNA", "exon", "CDS", "pseudogene", "region", "stop_codon", "five_prime_UTR")
    outcomes = set()
    for _ in range(40 if seed == 1 else 400):
        damaged = list(lines)
        for _ in range(rng.randint(1, 6)):
            at = rng.randrange(len(damaged))
            columns = damaged[at].split("\t")
            which = rng.randrange(len(columns))
            values = {
                2: rng.choice(kinds),
                3: str(rng.randint(-1, 9000)),
                4: str(rng.randint(0, 9000)),
                6: rng.choice("+-.?x"),
            }
            values |= {0: rng.choice(("chrA", "chrB", "none")), 7: rng.choice("012.x")}
            other = rng.choice(lines).split("\t")[-1]
            columns[which] = values.get(which, other) if len(columns) == 9 else columns[which][::-1]
            damaged[at] = "\t".join(columns)
        damaged_path = tmp_path / "damaged.gff3"
        damaged_path.write_text("\n".join(damaged) + "\n")
        said = annotate(damaged_path, "--authority=lab", "--dry-run")
        assert said.status == 0 or ", line " in said.told, said
        outcomes.add(said.status)
    assert outcomes == {0, 1}


def test_a_file_for_another_assembly_is_a_fault(collection: Path) -> None:
    path = collection / "other.gff3"
    path.write_text("##gff-version 3\n##sequence-region c 1 5000\n##sequence-region absent 1 5000\n")
    found = annotate(path, "--authority=lab")
    assert (
        "line 2: ##sequence-region says that 'c' goes to 5,000, and the sequence has 900 residues"
        in found.told
    )


def test_a_file_that_is_no_annotation(collection: Path) -> None:
    path = collection / "no.gff3"
    path.write_text(">c\nACGT\n")
    found = annotate(path, "--authority=lab")
    assert (found.status, Genome.objects.count()) == (1, 0)
    assert "no feature" in found.told


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        ((), "the files do not tell who gave the ids of transcripts and proteins; --authority NAME does"),
        (("--authority=a:b",), "'a:b' is not a word of letters"),
        (("--authority=x", "--genetic-code=7"), "there is no translation table '7'"),
        (("--authority=x", "--genetic-code-of=MT"), "is not a seqid, '=' and the number"),
        (("--authority=x", "--taxon-id=human"), "'human' is not the number of a taxon"),
        (("--authority=x", "--release-date=today"), "'today' is not a date"),
        (("--authority=x", f"--release={'1' * 65}"), "--release: at most 64 characters"),
    ],
)
def test_options_that_cannot_be(collection: Path, arguments: tuple[str, ...], said: str) -> None:
    path = write_gff3(collection / "one.gff3", ONE_GENE)
    found = annotate(path, *arguments)
    assert found.status == 1
    assert said in found.told + found.summary
    assert not Genome.objects.exists()


def test_there_is_no_such_collection(tmp_path: Path) -> None:
    path = write_gff3(tmp_path / "one.gff3", ONE_GENE)
    assert (
        "there is no collection 'none'; ingest_fasta --collection makes one"
        in annotate(path, "--authority=lab", collection="none").told
    )


def test_a_genome_stays_with_its_collection(collection: Path) -> None:
    path = write_gff3(collection / "one.gff3", ONE_GENE)
    annotate(path, "--authority=lab", "--genome-id=mine")
    register(collection, {"c": RESIDUES[::-1]}, collection="other")
    assert (
        "genome 'mine' is of another collection, 'made'"
        in annotate(path, "--authority=lab", "--genome-id=mine", collection="other").told
    )


def test_an_alias_of_several_sequences_is_a_fault(tmp_path: Path) -> None:
    register(tmp_path, {"a": RESIDUES, "b": RESIDUES[:500]})
    for sequence in Sequence.objects.all():
        make_alias(sequence, "lab:both")
    path = write_gff3(tmp_path / "one.gff3", "both x gene 1 9 . + . ID=g")
    assert (
        "line 2: seqid 'both' means several sequences of collection 'made': 'a' and 'b'"
        in annotate(path, "--authority=lab").told
    )
