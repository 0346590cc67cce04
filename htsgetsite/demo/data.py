"""Writes the demonstration files below the home, and ingests them with the commands of a steward."""

from collections.abc import Iterable
from pathlib import Path

from django.conf import settings
from django.core.management import call_command

from htsgetsite.demo.genome import DemoSequence, demo_genome

AUTHORITY = "demo"
COLLECTION = "Demonstration genome"
_LINE = 60


def ingest_demo(*, verbosity: int) -> None:
    """Brings files, tables and catalogue up to date; what is there already is left alone.

    Raises CommandError where a command fails.
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


def _write(path: Path, sequences: Iterable[DemoSequence]) -> Path:
    """The file as it should be, complete or not at all; untouched when it is so already, and so ingested quickly."""
    text = "".join(
        f">{sequence.name} {sequence.description}\n"
        + "".join(f"{line}\n" for line in _lines(sequence.residues))
        for sequence in sequences
    )
    if not path.exists() or path.read_text(encoding="ascii") != text:
        draft = path.with_name(f".{path.name}.new")
        draft.write_text(text, encoding="ascii")
        draft.replace(path)
    return path


def _lines(residues: str) -> Iterable[str]:
    return (residues[at : at + _LINE] for at in range(0, len(residues), _LINE))
