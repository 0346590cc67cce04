"""The page that starts jobs which keep the site in order, for administrators of the catalogue."""

from typing import Final

from django.contrib import messages
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.views.decorators.http import require_http_methods

from catalogue import stewardship
from catalogue.admin.pages import answer, page
from catalogue.errors import CatalogueError
from catalogue.queries.runs import title_of_command

#: What each job does, in words.
_EFFECTS: Final = {
    "verify_sequences": "Reads all stored residues again, and compares their checksums.",
    "digest_collections": "Makes the digests of collections that have none.",
    "refresh_states": "Looks whether each file is still there, of the registered size and ETag.",
    "remove_orphans": "Removes objects of the site's own storages to which nothing has referred for a day.",
}


def may_keep_up(request: HttpRequest) -> bool:
    """Return whether the account may start these jobs."""
    return stewardship.may_keep_up(request.user)


@page("upkeep/", name="upkeep")
@require_http_methods(["GET", "HEAD", "POST"])
def upkeep(request: HttpRequest) -> HttpResponse:
    """List the jobs; a POST starts one."""
    if not may_keep_up(request):
        raise PermissionDenied
    if request.method == "POST":
        try:
            run = stewardship.start_upkeep(request.POST.get("job", ""), account=request.user)
            return redirect("admin:run", run.pk)
        except CatalogueError as error:
            messages.error(request, str(error))
    rows = [(name, title_of_command(name), effect) for name, effect in _EFFECTS.items()]
    return answer(request, "upkeep", title="Upkeep", rows=rows)
