"""The demonstration's reads and variants: they agree with the genome and with one another, and the commands work."""

import os
import shlex
import subprocess
import sys
from collections import Counter
from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path

import pysam
import pytest
import requests

from htsgetsite.demo.genome import demo_genome
from htsgetsite.demo.variation import PEOPLE, demo_variants, haplotype
from htsgetsite.management.commands.demo import invitation
from tests.live import PATIENCE, Site, make_site, served

#: samtools and bcftools as pysam carries them.
TOOL = """
import sys, pysam, pysam.bcftools
print(getattr(getattr(pysam, sys.argv[1]), sys.argv[2])(*sys.argv[3:]), end="")
"""


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    site = make_site(tmp_path_factory.mktemp("demo"), demo=True)
    with served(site) as answering:
        yield answering


@pytest.fixture(scope="module")
def folder(site: Site) -> Path:
    return site.home / "demo"


def run(command: str) -> list[str]:
    """The lines that a printed `samtools` or `bcftools` command gives."""
    words = shlex.split(command)
    variables = {}
    while "=" in words[0]:
        name, _, value = words.pop(0).partition("=")
        variables[name] = value
    done = subprocess.run(
        [sys.executable, "-c", TOOL, *words],
        env={**os.environ, "REF_CACHE": "", **variables},
        capture_output=True,
        text=True,
        timeout=PATIENCE,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return [line for line in done.stdout.splitlines() if not line.startswith("#")]


def test_a_haplotype_is_the_genome_with_its_variants() -> None:
    for chromosome in demo_genome().chromosomes:
        variants = [variant for variant in demo_variants() if variant.chromosome == chromosome.name]
        for before, after in pairwise(variants):
            assert before.end < after.start
        for number, person in enumerate(PEOPLE):
            for which in (0, 1):
                expected = chromosome.residues
                for variant in reversed(variants):
                    assert chromosome.residues[variant.start : variant.end] == variant.reference
                    if variant.carriers[number][which]:
                        expected = expected[: variant.start] + variant.alternative + expected[variant.end :]
                pieces = haplotype(chromosome.name, chromosome.residues, person=person, which=which)
                assert "".join(piece.residues for piece in pieces) == expected
    kinds = Counter(
        (len(variant.reference) > 1) - (len(variant.alternative) > 1) for variant in demo_variants()
    )
    assert min(kinds[-1], kinds[0], kinds[1]) > 5
    assert any(variant.symbolic for variant in demo_variants())


def test_reads_agree_with_the_genome_and_the_variants(folder: Path) -> None:
    residues = {chromosome.name: chromosome.residues for chromosome in demo_genome().chromosomes}
    known = {
        (variant.chromosome, variant.start)
        for variant in demo_variants()
        if variant.chromosome != "Demo_1"
        and any(variant.carriers[PEOPLE.index("ada")])
        and len(variant.reference) == len(variant.alternative)
    }
    aligned: Counter[str] = Counter()
    seen: Counter[tuple[str, int]] = Counter()
    names: Counter[str] = Counter()
    last = (0, 0)
    with pysam.AlignmentFile(str(folder / "ada.bam")) as file:
        for read in file.fetch(until_eof=True):
            names[str(read.query_name)] += 1
            if read.reference_id >= 0:
                assert last <= (last := (read.reference_id, read.reference_start))
            if read.is_unmapped:
                aligned["unplaced" if read.reference_id < 0 else "beside its mate"] += 1
                continue
            aligned["mapped"] += 1
            assert read.infer_read_length() == len(read.query_sequence or "") == 100
            if read.reference_name == "Demo_1":
                continue  # which would take long and tell nothing more
            for at, position in read.get_aligned_pairs(matches_only=True):
                aligned["bases"] += 1
                if read.query_sequence[at] != residues[read.reference_name][position]:  # type: ignore[index]
                    seen[str(read.reference_name), position] += 1
    assert set(names.values()) == {2}
    assert aligned["mapped"] > 30_000
    assert aligned["unplaced"] == 600
    assert aligned["beside its mate"] > 50
    # What differs in several reads is a variant; what a machine misread is few.
    often = {place for place, count in seen.items() if count > 4}
    assert often <= known
    assert len({place for place, count in seen.items() if count > 1} & known) > 0.95 * len(known)
    assert sum(count for place, count in seen.items() if place not in known) < 0.006 * aligned["bases"]


def test_both_formats_hold_the_same(folder: Path) -> None:
    with (
        pysam.AlignmentFile(str(folder / "ada.bam")) as bam,
        pysam.AlignmentFile(str(folder / "ada.cram"), reference_filename=str(folder / "genome.fa")) as cram,
    ):
        assert str(folder) not in str(cram.header)
        assert str(bam.header) == str(cram.header)
        for one, other in zip(bam.fetch(until_eof=True), cram.fetch(until_eof=True), strict=True):
            assert (one.query_name, one.flag, one.reference_start, one.cigarstring, one.query_sequence) == (
                other.query_name, other.flag, other.reference_start, other.cigarstring, other.query_sequence,
            )  # fmt: skip
    with (
        pysam.VariantFile(str(folder / "people.vcf.gz")) as vcf,
        pysam.VariantFile(str(folder / "people.bcf")) as bcf,
    ):
        assert list(vcf.header.samples) == list(PEOPLE)
        calls = [str(record) for record in vcf]
        assert calls == [str(record) for record in bcf]
        assert len(calls) == len(demo_variants())


def test_every_printed_command_for_files_works(site: Site, folder: Path) -> None:
    ticket, reads, cram, calls = invitation(site.url)[3:]
    program, url = shlex.split(ticket)
    assert program == "curl"
    answer = requests.get(url, timeout=PATIENCE).json()
    assert answer["htsget"]["format"] == "BAM"
    assert answer["htsget"]["urls"]

    with pysam.AlignmentFile(str(folder / "ada.bam")) as file:
        # Unmapped reads beside their mates come along, as samtools gives them for a region.
        def expected(contig: str, start: int, end: int) -> list[str]:
            return [str(read.query_name) for read in file.fetch(contig, start, end)]

        assert [line.split("\t")[0] for line in run(reads)] == expected("Demo_1", 21_500, 21_560)
        # Containers are whole, and the chromosome goes by another name of its header; the reference comes from here.
        names = [line.split("\t")[0] for line in run(cram)]
        wanted = expected("Demo_2", 40_000, 40_100)
        assert wanted
        at = names.index(wanted[0])
        assert names[at : at + len(wanted)] == wanted
    positions = [int(line.split("\t")[1]) - 1 for line in run(calls)]
    assert positions == [variant.start for variant in demo_variants() if variant.chromosome == "Demo_2"]
