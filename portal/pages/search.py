"""The search page."""

from django.http import HttpRequest
from django.http.response import HttpResponseBase

from catalogue.access import Viewer
from catalogue.queries import search as queries
from portal.pages.page import page, shown

#: Results of each kind.
MAX_RESULTS = 25


@page
def search(request: HttpRequest, viewer: Viewer) -> HttpResponseBase:
    """Show what was found of each kind, those with an exact match first."""
    text = request.GET.get("q", "").strip()
    found = queries.search(text, viewer=viewer, count=MAX_RESULTS)
    context = {
        "q": text,
        "found": found,
        "too_long": len(text) > queries.MAX_TEXT,
        "max_results": MAX_RESULTS,
        "min_part": queries.MIN_PART,
        "short": 0 < len(text) < queries.MIN_PART,
    }
    return shown(request, "search.html", context)
