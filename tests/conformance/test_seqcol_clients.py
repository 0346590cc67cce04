"""The official checks of sequence collections and the client that comes with them, against the live server."""

import json
import random
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from catalogue.formats.collections import (
    CollectionDigester,
    digest_text,
    sequence_names,
)
from tests.catalogue.made_collections import Member, pack_members
from tests.conformance.conftest import RunClient
from tests.live import Site, make_site, served

CLIENT = "refget-0.12.0"
#: The sequences of the fixtures of the official checks, which bring names and digests only.
RESIDUES = {
    "SQ.iYtREV555dUFKg2_agSJW6suquUyPpMw": "TTGGGGAA",
    "SQ.YBbVX0dLKG1ieEDCiMmkrTZFt_Z5Vdaj": "GGAA",
    "SQ.AcLxtBuKEPk_7PGE_H4dGElwZHCujwH6": "GCGC",
}
BASE = "XZlrcEGi6mlopZ2uD8ObHkQB1d0oDwKk"
ROOTS = ("", "/seqcol")


@pytest.fixture(scope="session")
def seqcol_site(tmp_path_factory: pytest.TempPathFactory, clients: Path) -> Iterator[Site]:
    """The site, answering, with the fixtures of the official checks as collections of their names."""
    site = make_site(tmp_path_factory.mktemp("seqcol") / "home")
    fixtures = json.loads(
        (clients / CLIENT / "refget" / "compliance_data" / "test_fasta_digests.json").read_text()
    )
    commands: list[list[str | Path]] = []
    for name, bundle in fixtures.items():
        fasta = site.home.parent / name
        members = zip(bundle["level2"]["names"], bundle["level2"]["sequences"], strict=True)
        fasta.write_text("".join(f">{member}\n{RESIDUES[sequence]}\n" for member, sequence in members))
        commands.append(["ingest_fasta", fasta, "--collection", name])
    site.prepare(*commands)
    with served(site) as answering:
        yield answering


@pytest.mark.parametrize("root", ROOTS)
def test_the_official_checks(seqcol_site: Site, run_client: RunClient, root: str) -> None:
    script = f"""
import json
from refget.compliance import run_compliance
print(json.dumps(run_compliance("{seqcol_site.url}{root}")))
"""
    report = json.loads(run_client(CLIENT, "-c", script).stdout.splitlines()[-1])
    assert [check for check in report["results"] if not check["passed"]] == []
    assert report["total"] == report["passed"] > 60


@pytest.mark.parametrize("root", ROOTS)
def test_the_client(seqcol_site: Site, run_client: RunClient, tmp_path: Path, root: str) -> None:
    script = f"""
import json, sys
from refget.clients import SequenceCollectionClient
client = SequenceCollectionClient(urls=["{seqcol_site.url}{root}"], raise_errors=True)
level1 = client.get_collection("{BASE}", level=1)
level2 = client.get_collection("base.fa")
try:
    client.get_collection("A" * 32)
    missing = "found"
except ConnectionError as error:
    missing = str(error)
print(json.dumps({{
    "level1": level1,
    "level2": level2,
    "names": client.get_attribute("names", level1["names"]),
    "same": client.compare("{BASE}", "{BASE}"),
    "own": client.compare_local("{BASE}", level2),
    "listed": client.list_collections(page=0, page_size=1000, names=level1["names"]),
    "all": client.list_collections(),
    "lengths": client.list_attributes("lengths", page=0, page_size=10),
    "sizes": client.build_chrom_sizes("{BASE}"),
    "written": open(client.write_chrom_sizes("{BASE}", sys.argv[1])).read(),
    "store": client.get_refget_store_url(),
    "service": client.service_info(),
    "more": [client.is_fasta_drs_enabled(), client.is_aliases_enabled(), client.is_fhr_enabled()],
    "said": repr(client),
    "missing": missing,
}}))
"""
    printed = run_client(CLIENT, "-c", script, tmp_path / "sizes").stdout
    seen: dict[str, Any] = json.loads(printed.splitlines()[-1])
    assert seen["level2"]["names"] == seen["names"] == ["chrX", "chr1", "chr2"]
    assert seen["same"]["array_elements"]["a_and_b_same_order"]["names"] is True
    assert {**seen["own"], "digests": None} == {**seen["same"], "digests": None}
    assert seen["own"]["digests"] == {"a": BASE, "b": BASE}
    assert seen["listed"]["results"] == [BASE]
    assert seen["all"]["pagination"]["total"] == len(seen["all"]["results"]) >= 6
    assert seen["sizes"] == seen["written"] == "chrX\t8\nchr1\t4\nchr2\t4\n"
    assert "seqcol" in seen["service"] and seen["service"]["id"] in seen["said"]
    # Extensions of the package's own server, which service-info does not claim.
    assert (seen["more"], seen["store"]) == ([False, False, False], None)
    assert "404" in seen["missing"]


LETTERS = 'abcXYZ0189_.-|: "\\/\x7f\t\n\x1féß中\u2028😀'


def make_members(rng: random.Random, size: int) -> list[Member]:
    """Members with names of any characters, and duplicates of names, lengths and sequences."""
    pool = [rng.randbytes(24) for _ in range(max(1, size // 2))]
    names = ["".join(rng.choices(LETTERS, k=rng.randint(0, 12))) for _ in range(size)]
    return [
        Member(rng.choice(names), rng.choice([1, rng.randint(1, 2**53)]), rng.choice(pool)) for _ in names
    ]


DIGEST_SCRIPT = """
import json, sys
from refget.utils import (
    build_name_length_pairs, build_sorted_name_length_pairs, seqcol_dict_to_level1_dict, seqcol_digest
)
with open(sys.argv[1]) as source:
    for line in source:
        given = json.loads(line)
        given["name_length_pairs"] = build_name_length_pairs(given)
        given["sorted_name_length_pairs"] = build_sorted_name_length_pairs(given)
        given["sorted_sequences"] = sorted(given["sequences"])
        print(json.dumps([seqcol_digest(given), seqcol_dict_to_level1_dict(given)]))
"""


def test_digests_equal_those_of_the_package(run_client: RunClient, tmp_path: Path) -> None:
    collections, largest = 500, 100_000
    rng = random.Random(collections)
    ours = []
    script = tmp_path / "digests.py"
    script.write_text(DIGEST_SCRIPT)
    with (tmp_path / "collections.json").open("w") as file:
        for number in range(collections):
            members = make_members(rng, largest if not number else rng.randint(1, 60))
            arrays = {
                "names": [member.name for member in members],
                "lengths": [member.length for member in members],
                "sequences": sequence_names(b"".join(member.sha512t24u for member in members)),
            }
            file.write(json.dumps(arrays) + "\n")
            digester = CollectionDigester()
            digester.add(pack_members(members))
            digests = digester.finish()
            level1 = {name: digest_text(digest) for name, digest in digests.attributes.items()}
            ours.append([digest_text(digests.digest), level1])
    printed = run_client(CLIENT, script, tmp_path / "collections.json").stdout.splitlines()
    theirs = [json.loads(line) for line in printed if line.startswith("[")]
    assert len(theirs) == collections
    assert theirs == ours
