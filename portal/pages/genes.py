"""Pages about genes: the annotated genomes, the search in one, and one gene with its transcripts drawn."""

from collections.abc import Iterator
from typing import Any, Final

from django.http import HttpRequest
from django.http.response import HttpResponseBase
from django.shortcuts import redirect

from catalogue.access import Viewer
from catalogue.errors import NotFound
from catalogue.queries import gene_details as queries
from catalogue.queries.annotation import StoredTranscript, find_genome
from catalogue.queries.gene_details import GeneDetails
from portal.gene_drawing import ROW, Transcript, draw
from portal.links import gene_path
from portal.pages.page import page, shown, text
from portal.regions import TypedRegion

#: Genomes and genes of one list, and transcripts that are drawn.
MAX_LISTED, MAX_DRAWN = 100, 40
_LINE: Final = 60


@page
def genome_list(request: HttpRequest, viewer: Viewer) -> HttpResponseBase:
    """List the genomes whose genes are held."""
    return shown(request, "genomes.html", {"genomes": queries.genomes(viewer=viewer, count=MAX_LISTED)})


@page
def genome(request: HttpRequest, viewer: Viewer, genome_id: str) -> HttpResponseBase:
    """Describe one genome, and search its genes."""
    found = find_genome(genome_id, viewer=viewer)
    if found is None:
        raise NotFound(f"no genome has the id {genome_id!r}")
    wanted = text(request, "q")
    genes: list[queries.FoundGene] = []
    if wanted:
        for step in queries.genes_named(wanted, viewer=viewer, count=MAX_LISTED, genome_id=genome_id):
            genes += [gene for gene in step if gene not in genes]
    context = {"genome": found, "part": wanted, "genes": genes[:MAX_LISTED]}
    return shown(request, "genome.html", context)


@page
def gene(request: HttpRequest, viewer: Viewer, genome_id: str, identifier: str) -> HttpResponseBase:
    """Describe one gene; redirect from its other names to its stable id."""
    details = queries.gene_details(genome_id, identifier, viewer=viewer)
    stable_id = details.gene.stable_id
    if identifier != stable_id:
        return redirect(gene_path(genome_id, stable_id))
    drawn = draw(
        [_drawn(details, transcript) for transcript in details.transcripts[:MAX_DRAWN]],
        details.gene.start,
        details.gene.end,
    )
    context = {
        "genome": details.genome,
        "gene": details.gene,
        "place": TypedRegion(details.region.name, details.gene.start, details.gene.end),
        "region_digest": details.region.sequence.md5,
        "drawn": drawn,
        "drawing_height": ROW * len(drawn),
        "rows": [_row(details, transcript) for transcript in details.transcripts],
        **_sequences(details, text(request, "transcript"), viewer),
    }
    return shown(request, "gene.html", context)


def _drawn(details: GeneDetails, transcript: StoredTranscript) -> Transcript:
    context = details.contexts.get(transcript.pk)
    coding = [] if context is None else list(zip(context.segment_starts, context.segment_ends, strict=True))
    exons = list(zip(transcript.exon_starts, transcript.exon_ends, strict=True))
    return Transcript(transcript.stable_id, exons, coding)


def _row(details: GeneDetails, transcript: StoredTranscript) -> dict[str, Any]:
    context = details.contexts.get(transcript.pk)
    tags = ["canonical"] if transcript.canonical else []
    tags += {"select": ["MANE Select"], "plus_clinical": ["MANE Plus Clinical"]}.get(transcript.mane, [])
    return {
        "transcript": transcript,
        "exons": len(transcript.exon_starts),
        "tags": tags,
        "cdna": transcript.cdna,
        "cds": context and context.cds,
        "product": context and context.product,
    }


def _sequences(details: GeneDetails, chosen: str, viewer: Viewer) -> dict[str, Any]:
    """Return the sequences of the chosen transcript, else of the canonical or first one, as FASTA."""
    transcripts = details.transcripts
    if not transcripts:
        return {"chosen": None, "sequences": []}
    canonical = next((row for row in transcripts if row.canonical), transcripts[0])
    transcript = next((row for row in transcripts if row.stable_id == chosen), canonical)
    made = [
        (what, digest, length, _fasta(name, residues))
        for what, name, digest, length in _made(details, transcript)
        if (residues := queries.shown_residues(digest, viewer=viewer))
    ]
    return {"chosen": transcript, "sequences": made, "max_shown": queries.MAX_SHOWN}


def _made(details: GeneDetails, transcript: StoredTranscript) -> Iterator[tuple[str, str, str, int]]:
    """Yield kind, name, checksum and length of each sequence that a transcript makes."""
    context = details.contexts.get(transcript.pk)
    if transcript.cdna is not None:
        yield "cDNA", transcript.stable_id, transcript.cdna.md5, transcript.cdna.length
    if context is not None and context.cds is not None:
        yield "CDS", f"{transcript.stable_id} CDS", context.cds.md5, context.cds.length
    if context is not None and context.product is not None:
        product = context.product
        yield "protein", product.stable_id, product.sequence.md5, product.sequence.length


def _fasta(name: str, residues: str) -> str:
    lines = "\n".join(residues[at : at + _LINE] for at in range(0, len(residues), _LINE))
    return f">{name}\n{lines}"
