"""The reference of a file for genome browsers: FASTA with its index, by ranges, or the lengths of the contigs."""

from django.http import HttpRequest, HttpResponse, StreamingHttpResponse
from django.http.response import HttpResponseBase

from catalogue.errors import NotFound
from catalogue.queries import StoredFile
from catalogue.queries.file_references import contig_sizes, file_reference
from ga4gh.etags import requested_range
from ga4gh.ranges import content_range, unsatisfied_range

_TEXT = "text/plain; charset=utf-8"


def reference(request: HttpRequest, stored: StoredFile, wanted: str) -> HttpResponseBase:
    """Answer with `fa`, `fai` or `sizes`. Raises NotFound, also where residues are not held here."""
    match wanted:
        case "fa":
            return _fasta(request, stored)
        case "fai":
            return HttpResponse(file_reference(stored).index(), content_type=_TEXT)
        case "sizes":
            return HttpResponse(contig_sizes(stored), content_type=_TEXT)
    raise NotFound(f"a reference is given as fa, fai or sizes, not as {wanted!r}")


def _fasta(request: HttpRequest, stored: StoredFile) -> HttpResponseBase:
    """Answer with the FASTA file, or with the bytes that a Range header asks for."""
    found = file_reference(stored)
    asked = requested_range(request.META, "", method=request.method or "")
    begin, end, status = 0, found.size, 200
    headers = {"Accept-Ranges": "bytes"}
    if asked is not None:
        part = asked.within(found.size)
        if part is None:
            return HttpResponse(status=416, headers=dict([unsatisfied_range(found.size)]))
        (begin, end), status = part, 206
        headers |= dict([content_range(begin, end, found.size)])
    headers["Content-Length"] = str(end - begin)
    return StreamingHttpResponse(found.read(begin, end), status=status, content_type=_TEXT, headers=headers)
