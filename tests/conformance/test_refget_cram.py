"""htslib decodes CRAM with references that come only from this server."""

import random
import subprocess
import sys
from pathlib import Path

import pysam
import pytest

from tests.conformance.conftest import GENOME
from tests.live import PATIENCE, Site, free_port
from tests.paths import SHARED_DATA

SHARED = SHARED_DATA / "cram"

# htslib reads REF_PATH once, so each reading is a process of its own.
_READ = """
import pysam, sys
with pysam.AlignmentFile(sys.argv[1], "rc") as file:
    for read in file:
        print(read.query_name, read.flag, read.reference_name, read.pos, read.cigarstring, read.query_sequence,
              read.get_tag("MD") if read.has_tag("MD") else "-", sep="\\t")
"""


def read_cram(cram: Path, ref_path: str, cwd: Path) -> "subprocess.CompletedProcess[str]":
    """Every read of a file; nothing but `ref_path` can give htslib a reference."""
    return subprocess.run(
        [sys.executable, "-c", _READ, cram],
        env={"REF_PATH": ref_path, "REF_CACHE": "", "HOME": str(cwd), "NO_PROXY": "127.0.0.1"},
        cwd=cwd,
        capture_output=True,
        text=True,
        timeout=PATIENCE,
    )


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, list[str]]:
    """A CRAM over the made genome, whose FASTA is gone, and the sequences of its reads."""
    folder = tmp_path_factory.mktemp("made")
    fasta = folder / "made.fa"
    fasta.write_text("".join(f">{name}\n{residues}\n" for name, residues in GENOME.items()))
    chosen = random.Random(11)
    expected = []
    header = {
        "HD": {"VN": "1.6"},
        "SQ": [{"SN": name, "LN": len(residues)} for name, residues in GENOME.items()],
    }
    cram = folder / "made.cram"
    with pysam.AlignmentFile(str(cram), "wc", header=header, reference_filename=str(fasta)) as file:
        for tid, residues in enumerate(GENOME.values()):
            for number in range(200):
                start = number * (len(residues) - 100) // 200
                bases = list(residues[start : start + 100])
                bases[chosen.randrange(100)] = chosen.choice("ACGT")
                read = pysam.AlignedSegment(file.header)
                read.query_name = f"r{tid}.{number}"
                read.query_sequence = "".join(bases)
                read.query_qualities = pysam.qualitystring_to_array("I" * 100)
                read.reference_id, read.reference_start = tid, start
                read.mapping_quality, read.cigarstring = 60, "100M"
                file.write(read)
                expected.append(read.query_sequence)
    for left in folder.glob("made.fa*"):
        left.unlink()
    return cram, expected


@pytest.mark.parametrize("form", ["md5", "sequence"])
def test_a_made_cram(refget_site: Site, made: tuple[Path, list[str]], form: str, tmp_path: Path) -> None:
    cram, expected = made
    done = read_cram(cram, f"{refget_site.url}/{form}/%s", tmp_path)
    assert done.returncode == 0, done.stderr
    assert [line.split("\t")[5] for line in done.stdout.splitlines()] == expected


def test_without_the_server_there_is_no_reference(made: tuple[Path, list[str]], tmp_path: Path) -> None:
    done = read_cram(made[0], f"http://127.0.0.1:{free_port()}/md5/%s", tmp_path)
    assert done.returncode != 0


@pytest.mark.skipif(not SHARED.is_dir(), reason="../shared/data is not there")
@pytest.mark.parametrize("form", ["md5", "sequence"])
def test_a_real_cram(refget_site: Site, form: str, tmp_path: Path) -> None:
    fasta = SHARED / "ce.fa"
    refget_site.manage("ingest_fasta", fasta, "--authority", "wormbase")
    cram = SHARED / "1400_index_simple.cram"
    done = read_cram(cram, f"{refget_site.url}/{form}/%s", tmp_path)
    assert done.returncode == 0, done.stderr
    with pysam.AlignmentFile(str(cram), "rc", reference_filename=str(fasta)) as file:
        expected = [read.query_sequence for read in file]
    assert [line.split("\t")[5] for line in done.stdout.splitlines()] == expected
    assert len(expected) > 0
