"""The demonstration: the genome is what it says, the commands it prints work, and the README tells the truth."""

import hashlib
import re
import shlex
import subprocess
from collections.abc import Iterator
from typing import Any

import pytest
import requests

from htsgetsite.demo.genome import coding_residues, demo_genome, reverse_complement, translate
from htsgetsite.management.commands.demo import invitation
from tests.live import PATIENCE, Site, make_site, served
from tests.paths import PROJECT


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    site = make_site(tmp_path_factory.mktemp("demo"))
    # One process makes the data and serves them, as in `make demo`.
    with served(site, command="demo") as answering:
        yield answering


def fetch(command: str) -> requests.Response:
    """What a `curl` command of the documentation asks for."""
    program, *words = shlex.split(command)
    assert program == "curl"
    headers: dict[str, str] = {}
    while words[0] == "-H":
        name, _, value = words[1].partition(": ")
        headers[name] = value
        words = words[2:]
    if len(words) == 3 and words[1] == "--json":
        as_json = {"Content-Type": "application/json", "Accept": "application/json"}
        return requests.post(words[0], data=words[2].encode(), headers=as_json, timeout=PATIENCE)
    [url] = words
    return requests.get(url, headers={"Accept": "*/*", **headers}, timeout=PATIENCE)


def test_genome_is_the_same_everywhere() -> None:
    genome = demo_genome()
    shape = [(sequence.name, len(sequence.residues), sequence.circular) for sequence in genome.chromosomes]
    assert shape == [("Demo_1", 200_000, False), ("Demo_2", 120_000, False), ("pDemo", 6_000, True)]
    digests = [hashlib.md5(sequence.residues.encode()).hexdigest() for sequence in genome.chromosomes]
    assert digests == [
        "e0b5d68b447a68767c7801190d434d53",
        "92d8bf4f2bed166e6c097253df4c5387",
        "f8772c25b4abd3f3cf48ae372b006410",
    ]


def test_genes_encode_the_proteins() -> None:
    genome = demo_genome()
    chromosomes = {sequence.name: sequence.residues for sequence in genome.chromosomes}
    assert {gene.reverse for gene in genome.genes} == {False, True}
    for gene, protein in zip(genome.genes, genome.proteins, strict=True):
        residues = coding_residues(gene, chromosomes)
        assert residues.startswith("ATG")
        assert residues[-3:] == "TAA"
        assert len(residues) == gene.end - gene.start == 3 * len(protein.residues) + 3
        assert protein.residues.startswith("M")
        assert "*" not in protein.residues
    assert translate("ATGTTTGGATAAGGG") == "MFG"
    assert reverse_complement("AACGTN") == "NACGTT"


def test_chromosomes_look_like_chromosomes() -> None:
    for sequence in demo_genome().chromosomes[:2]:
        residues = sequence.residues
        assert set(residues) == set("ACGTN")
        assert residues.startswith("TTAGGG" * 100)
        assert residues.endswith("CCCTAA" * 100)
        gc = (residues.count("G") + residues.count("C")) / len(residues)
        assert 0.38 < gc < 0.52
        expected = residues.count("C") * residues.count("G") / len(residues)
        assert residues.count("CG") < 0.5 * expected


def test_genes_of_the_annotation_are_those_of_the_genome(site: Site) -> None:
    """From a symbol by GraphQL to a protein by refget."""
    query = """
        query ($symbol: String!) {
          genes(by_symbol: {genome_id: "demo", symbol: $symbol}) {
            stable_id
            transcripts {
              product_generating_contexts { cds { sequence { checksum } } product { sequence { checksum } } }
            }
          }
        }"""
    genome = demo_genome()
    chromosomes = {sequence.name: sequence.residues for sequence in genome.chromosomes}
    for gene, protein in zip(genome.genes, genome.proteins, strict=True):
        asked: dict[str, Any] = {"query": query, "variables": {"symbol": gene.name}}
        answer = requests.post(f"{site.url}/graphql", json=asked, timeout=PATIENCE).json()
        [found] = answer["data"]["genes"]
        made = [
            (context["cds"]["sequence"]["checksum"], context["product"]["sequence"]["checksum"])
            for transcript in found["transcripts"]
            for context in transcript["product_generating_contexts"]
            if context["product"]
        ]
        expected = (coding_residues(gene, chromosomes), protein.residues)
        assert made == [tuple(hashlib.md5(residues.encode()).hexdigest() for residues in expected)]
        residues = requests.get(f"{site.url}/sequence/{made[0][1]}", timeout=PATIENCE).text
        assert residues == protein.residues


def test_every_printed_command_works(site: Site) -> None:
    genome = demo_genome()
    parts, metadata, protein = (fetch(command) for command in invitation(site.url)[:3])
    assert parts.text == genome.chromosomes[0].residues[21_500:21_560]
    assert metadata.json()["metadata"]["length"] == 6_000
    assert protein.status_code == 206
    assert protein.text == genome.proteins[0].residues[:60]


def test_readme_shows_what_is_answered(site: Site) -> None:
    readme = (PROJECT / "README.md").read_text(encoding="utf-8")
    shown = re.findall(r"^\$ (curl .*)\n((?:(?!```|\$ ).*\n)+)", readme, flags=re.MULTILINE)
    assert len(shown) >= 6
    for command, answer in shown:
        assert fetch(command.replace("http://127.0.0.1:8000", site.url)).text.rstrip("\n") == answer.rstrip(
            "\n"
        )


def test_again_it_is_quick_and_changes_nothing(site: Site) -> None:
    genome = site.home / "demo" / "genome.fa"
    before = genome.stat().st_mtime_ns
    said = site.manage("demo", "--no-serve").stdout.splitlines()
    assert genome.stat().st_mtime_ns == before
    assert [line.partition(";")[0] for line in said[:3]] == ["1 file: 0 added, 1 unchanged"] * 3
    assert [line.partition(" in ")[0] for line in said[3:]] == [
        "0 added, 2 unchanged",
        "0 added, 2 unchanged",
    ]


def test_a_port_in_use_is_told(site: Site) -> None:
    done: subprocess.CompletedProcess[str] = site.manage(
        "demo", "--port", site.url.rpartition(":")[2], check=False
    )
    assert done.returncode == 1
    assert "Cannot listen on 127.0.0.1" in done.stderr
