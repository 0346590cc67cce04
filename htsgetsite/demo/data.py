"""Write the demonstration files below the home, and ingest them with the commands of a steward."""

import os
import tempfile
from collections.abc import Iterable
from pathlib import Path

from django.conf import settings
from django.core.management import call_command

from htsgetsite.demo.annotation import annotation_lines
from htsgetsite.demo.calls import write_calls
from htsgetsite.demo.genome import DemoSequence, demo_genome, md5_of
from htsgetsite.demo.reads import write_reads

AUTHORITY = "demo"
COLLECTION = "Demonstration genome"
DATASET = "demo"
#: The id of the genome whose genes are registered.
GENOME = "demo"
#: The ids under which reads and variants are served.
PERSON = "ada"
CALLS = "people"
#: Increase it when the simulation makes different files.
EDITION = 1
_LINE = 60


def ingest_demo(*, verbosity: int) -> None:
    """Write missing files, migrate the database and ingest the files; leave what exists unchanged.

    Raises CommandError if a command fails.
    """
    genome = demo_genome()
    folder: Path = settings.HTSGETSITE_HOME / "demo"
    folder.mkdir(parents=True, exist_ok=True)
    chromosomes = _write(folder / "genome.fa", genome.chromosomes)
    proteins = _write(folder / "proteins.fa", genome.proteins)
    circular = [f"--circular={sequence.name}" for sequence in genome.chromosomes if sequence.circular]
    call_command("migrate", verbosity=0)
    call_command(
        *(
            "ingest_fasta",
            str(chromosomes),
            f"--authority={AUTHORITY}",
            f"--collection={COLLECTION}",
            *circular,
        ),
        verbosity=verbosity,
    )
    call_command("ingest_fasta", str(proteins), f"--authority={AUTHORITY}", verbosity=verbosity)
    genes = _write_text(folder / "genes.gff3", "".join(f"{line}\n" for line in annotation_lines()))
    call_command(
        "ingest_gff3",
        str(genes),
        f"--collection={COLLECTION}",
        f"--genome-id={GENOME}",
        f"--authority={AUTHORITY}",
        "--scientific-name=Simulated organism",
        "--release=1",
        verbosity=verbosity,
    )
    _simulate(folder)
    into = (
        "--copy",
        "--public",
        f"--dataset={DATASET}",
        "--title=Demonstration",
        f"--collection={COLLECTION}",
    )
    reads = (folder / f"{PERSON}.{suffix}" for suffix in ("bam", "cram"))
    calls = (folder / f"{CALLS}.{suffix}" for suffix in ("vcf.gz", "bcf"))
    call_command("ingest_bam", *map(str, reads), *into, verbosity=verbosity)
    call_command("ingest_vcf", *map(str, calls), *into, verbosity=verbosity)


def _simulate(folder: Path) -> None:
    """Make the files of reads and variants, all or none; leave existing ones of this edition unchanged."""
    made = folder / "simulated"
    told = f"{EDITION} {md5_of(''.join(one.residues for one in demo_genome().chromosomes))}\n"
    if made.exists() and made.read_text(encoding="ascii") == told:
        return
    made.unlink(missing_ok=True)
    with tempfile.TemporaryDirectory(dir=folder) as name:
        drafts = Path(name)
        write_reads(PERSON, bam=drafts / f"{PERSON}.bam", cram=drafts / f"{PERSON}.cram")
        write_calls(vcf=drafts / f"{CALLS}.vcf.gz", bcf=drafts / f"{CALLS}.bcf")
        # Indexes last, so that they are never older than their files.
        for draft in sorted(
            drafts.iterdir(), key=lambda path: path.suffix in {".bai", ".crai", ".tbi", ".csi"}
        ):
            os.utime(draft)
            draft.replace(folder / draft.name)
    made.write_text(told, encoding="ascii")


def _write(path: Path, sequences: Iterable[DemoSequence]) -> Path:
    """Write a FASTA file atomically; leave an identical file unchanged, so that its ingest is quick."""
    text = "".join(
        f">{sequence.name} {sequence.description}\n"
        + "".join(f"{line}\n" for line in _lines(sequence.residues))
        for sequence in sequences
    )
    return _write_text(path, text)


def _write_text(path: Path, text: str) -> Path:
    if not path.exists() or path.read_text(encoding="ascii") != text:
        draft = path.with_name(f".{path.name}.new")
        draft.write_text(text, encoding="ascii")
        draft.replace(path)
    return path


def _lines(residues: str) -> Iterable[str]:
    return (residues[at : at + _LINE] for at in range(0, len(residues), _LINE))
