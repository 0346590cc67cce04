"""Pages about collections of sequences: all of them, one with its members, and one compared with another."""

from typing import Any

from django.http import HttpRequest
from django.http.response import HttpResponseBase
from django.shortcuts import redirect

from catalogue.access import Viewer
from catalogue.errors import NotFound
from catalogue.queries import collection_details as queries
from catalogue.queries import collections
from catalogue.queries.collection_details import CollectionDetails
from portal.links import collection_path
from portal.pages.page import number, page, shown, text

#: Rows of one page of a list, and datasets that a page names.
PAGE, MAX_LISTED = 100, 20


@page
def collection_list(request: HttpRequest, viewer: Viewer) -> HttpResponseBase:
    """List the collections that the viewer may read."""
    start = min((number(request, "page") or 0) * PAGE, 10**9)
    found, total = collections.collections(start=start, count=PAGE, viewer=viewer)
    context = {
        "collections": found,
        "total": total,
        "next": start // PAGE + 1 if start + PAGE < total else None,
    }
    return shown(request, "collections.html", context)


@page
def collection(request: HttpRequest, viewer: Viewer, identifier: str) -> HttpResponseBase:
    """Describe one collection; redirect from its name to its digest."""
    details = queries.collection_details(identifier, viewer=viewer)
    if details.stored is not None and identifier != details.stored.digest:
        return redirect(collection_path(details.stored.digest, ""))
    part, after = text(request, "q"), number(request, "after")
    members = queries.collection_members(details, count=PAGE + 1, after=after, text=part)
    context = {
        "collection": details,
        "members": members[:PAGE],
        "next": members[PAGE - 1].position if len(members) > PAGE else None,
        "after": after,
        "text": part,
        "datasets": queries.datasets_of_collection(details, viewer=viewer, count=MAX_LISTED),
        **_comparison(details, text(request, "with"), viewer),
    }
    return shown(request, "collection.html", context)


def _comparison(details: CollectionDetails, other: str, viewer: Viewer) -> dict[str, Any]:
    """Return how a collection compares with another, where one is named."""
    if not other or details.stored is None:
        return {"other": other}
    try:
        found = queries.collection_details(other, viewer=viewer)
    except NotFound:
        return {"other": other, "fault": "No collection has this digest or name."}
    if found.stored is None:
        return {"other": other, "fault": "This collection has no digest, so it cannot be compared."}
    compared = collections.compare_collections(details.stored, found.stored)
    return {"other": other, "compared_with": found, "rows": _rows(compared["array_elements"])}


def _rows(elements: dict[str, Any]) -> list[dict[str, Any]]:
    """Return one row for each attribute that both have: numbers of elements, and whether their order is the same."""
    shared = elements["a_and_b_count"]
    return [
        {
            "attribute": name.replace("_", " "),
            "here": elements["a_count"].get(name),
            "there": elements["b_count"].get(name),
            "shared": shared[name],
            "same_order": elements["a_and_b_same_order"].get(name),
        }
        for name in sorted(shared)
    ]
