"""Removes genomes with their genes. Their sequences and names stay, and what was private stays private."""

from collections.abc import Sequence
from typing import Final

from catalogue.errors import NotFound
from catalogue.ingest.annotation.rows import remove_genome
from catalogue.ingest.outcomes import InputResult, Outcome
from catalogue.ingest.runs import ingest_run
from catalogue.ingest.transactions import advisory_lock, write_transaction
from catalogue.models import Genome

COMMAND: Final = "remove_genome"


def remove_genomes(ids: Sequence[str], *, dry_run: bool) -> int:
    """Remove genomes by their ids, all or none; return the number of genes that went with them.

    Raises NotFound.
    """
    genes = 0
    with (
        ingest_run(COMMAND, {"genomes": list(ids)}, dry_run=dry_run) as run,
        write_transaction(dry_run=dry_run),
    ):
        for genome_id in ids:
            advisory_lock(f"genome {genome_id}")
            genome = Genome.objects.filter(genome_id=genome_id).first()
            if genome is None:
                raise NotFound(f"there is no genome {genome_id!r}")
            counts = {"genes": genome.genes, "transcripts": genome.transcripts}
            remove_genome(genome.pk)
            genes += genome.genes
            run.record(InputResult(genome_id, Outcome.CHANGED, "removed", counts))
        run.summary = {"genes": genes}
    return genes
