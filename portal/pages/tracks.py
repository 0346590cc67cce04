"""The genes of a file's region as a track for genome browsers: BED with twelve columns, made by this server."""

from collections.abc import Sequence

from django.http import HttpRequest, HttpResponse
from django.http.response import HttpResponseBase

from catalogue.errors import NotFound
from catalogue.queries import StoredFile, gene_details
from catalogue.queries.annotation import StoredContext, StoredTranscript, TooManyRows
from portal.pages.page import number

_STRANDS = {1: "+", -1: "-"}


def gene_track(request: HttpRequest, stored: StoredFile) -> HttpResponseBase:
    """Answer with the transcripts that overlap `start` to `end` (0-based, half-open) of `contig`.

    Raises NotFound where no genome is annotated on the contig's sequence.
    """
    contig = request.GET.get("contig", "")
    region = gene_details.annotated_region(stored, contig) if contig else None
    if region is None:
        raise NotFound("no genes are held for this contig")
    start, end = number(request, "start") or 0, number(request, "end")
    try:
        found = gene_details.track_transcripts(region, start, region.length if end is None else end)
    except TooManyRows:
        return HttpResponse(
            "These are too many transcripts; ask for less.\n", status=413, content_type="text/plain"
        )
    lines = "".join(bed_line(contig, *each) for each in found)
    return HttpResponse(lines, content_type="text/plain; charset=utf-8")


def bed_line(contig: str, transcript: StoredTranscript, context: StoredContext | None) -> str:
    """Return a transcript as a line of BED12; what codes is thick."""
    exons = sorted(zip(transcript.exon_starts, transcript.exon_ends, strict=True))
    start, end = exons[0][0], exons[-1][1]
    thick = (start, start) if context is None else (min(context.segment_starts), max(context.segment_ends))
    name = transcript.symbol or transcript.stable_id
    columns: Sequence[object] = (
        contig, start, end, name, 0, _STRANDS.get(transcript.strand, "."), *thick, 0, len(exons),
        ",".join(str(stop - begin) for begin, stop in exons), ",".join(str(begin - start) for begin, _ in exons),
    )  # fmt: skip
    return "\t".join(map(str, columns)) + "\n"
