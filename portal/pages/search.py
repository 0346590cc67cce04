"""The search page."""

from django.http import HttpRequest
from django.http.response import HttpResponseBase

from catalogue.access import Viewer
from catalogue.queries import search as queries
from portal.pages.page import page, shown, text

#: Results of each kind.
MAX_RESULTS = 25


@page
def search(request: HttpRequest, viewer: Viewer) -> HttpResponseBase:
    """Show what was found of each kind, those with an exact match first."""
    wanted = text(request, "q")
    found = queries.search(wanted, viewer=viewer, count=MAX_RESULTS)
    context = {
        "q": wanted,
        "found": found,
        "too_long": len(wanted) > queries.MAX_TEXT,
        "max_results": MAX_RESULTS,
        "short": 0 < len(wanted) < queries.SHORTEST_PART,
    }
    return shown(request, "search.html", context)
