"""Pages about datasets: all of them, and one with its files."""

from django.http import HttpRequest
from django.http.response import HttpResponseBase

from catalogue.access import Viewer
from catalogue.queries import datasets as queries
from portal.pages.page import number, page, shown, text

#: Rows of one page of a list.
PAGE = 50


@page
def dataset_list(request: HttpRequest, viewer: Viewer) -> HttpResponseBase:
    """List the datasets that the viewer may know of."""
    found = queries.datasets(viewer=viewer, count=PAGE + 1, after=text(request, "after"))
    context = {"datasets": found[:PAGE], "next": found[PAGE - 1].slug if len(found) > PAGE else None}
    return shown(request, "datasets.html", context)


@page
def dataset(request: HttpRequest, viewer: Viewer, slug: str) -> HttpResponseBase:
    """Describe one dataset, and list its files."""
    details = queries.dataset(slug, viewer=viewer)
    wanted = queries.FileFilter(text=text(request, "q"), format=text(request, "format"))
    files = queries.dataset_files(
        details, wanted, viewer=viewer, count=PAGE + 1, after=number(request, "after")
    )
    context = {
        "dataset": details,
        "wanted": wanted,
        "files": files[:PAGE],
        "next": files[PAGE - 1].pk if len(files) > PAGE else None,
        "file_count": sum(total.files for total in details.totals),
        "size": sum(total.size for total in details.totals),
        "after": number(request, "after"),
    }
    return shown(request, "dataset.html", context)
