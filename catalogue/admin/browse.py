"""Pages to browse storages, and to register reads and variants from them."""

from typing import Any
from urllib.parse import urlencode

from django.core.exceptions import PermissionDenied, SuspiciousFileOperation
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.urls import reverse
from django.views.decorators.http import require_http_methods

from catalogue import access, jobs
from catalogue.access import Place
from catalogue.admin.pages import answer, page
from catalogue.admin.registration import FilesForm, suggested_kind
from catalogue.errors import CatalogueError, StorageError, StorageMisconfigured
from catalogue.ingest.fasta.ingest import FASTA_SUFFIXES
from catalogue.stewardship import NotAllowed, check_files, may_register_sequences
from catalogue.storage import Level, storage

#: Entries of a level that one page shows.
PER_PAGE = 200
_NOTHING = Level([], [], None)


def may_register(request: HttpRequest) -> bool:
    """Return whether the account may browse anything; looked up once a request."""
    known: bool | None = request.__dict__.get("_may_register")
    if known is None:
        known = request.__dict__["_may_register"] = bool(access.browsable_places(request.user))
    return known


@page("register/", name="register")
def places(request: HttpRequest) -> HttpResponse:
    """List the places that the account may browse; open the only one."""
    found = access.browsable_places(request.user)
    if len(found) == 1:
        return redirect(_link(found[0]))
    links = [(f"{place.storage}:{place.prefix}", _link(place)) for place in found]
    return answer(request, "places", title="Register files", places=links)


def _link(place: Place, **more: str) -> str:
    return (
        f"{reverse('admin:browse')}?{urlencode({'storage': place.storage, 'prefix': place.prefix, **more})}"
    )


@page("register/browse/", name="browse")
@require_http_methods(["GET", "HEAD", "POST"])
def browse(request: HttpRequest) -> HttpResponse:
    """Show one level of a storage with the form to register from it; a POST previews what is chosen."""
    here = Place(request.GET.get("storage", ""), request.GET.get("prefix", ""))
    allowed = access.browsable_places(request.user)
    if not access.may_browse(allowed, *here):
        raise PermissionDenied
    chosen = _outermost(request.POST.getlist("files"))
    form = FilesForm(request.POST if request.method == "POST" else None, request=request)
    trouble = ""
    if request.method == "POST":
        if not chosen:
            form.add_error(None, "Tick the files to register, or everything below this prefix.")
        if form.is_valid():
            arguments = form.arguments(chosen)
            try:
                check_files(request.user, arguments)
                run = jobs.start(
                    form.command,
                    arguments,
                    account=request.user.pk,
                    actor=request.user.get_username(),
                    dry_run=True,
                )
                return redirect("admin:run", run.pk)
            except NotAllowed as error:
                form.add_error(None, str(error))
            except CatalogueError as error:
                form.add_error(None, str(error))
    level, trouble = _level(here, request.GET.get("after"))
    if not form.is_bound:
        form.initial["kind"] = suggested_kind(one.key for one in level.objects)
    return answer(
        request, "browse", title="Register files", status=400 if form.errors else 200, form=form, level=level,
        trouble=trouble, everything=f"{here.storage}:{here.prefix}", chosen=chosen, **_links(here, level, allowed),
        sequences=_sequences(request, here, level),
    )  # fmt: skip


def _outermost(chosen: list[str]) -> list[str]:
    """Return what was ticked without what lies below a ticked prefix: its ids would be other ones."""
    prefixes = [one for one in chosen if one.endswith((":", "/"))]
    return [one for one in chosen if not any(one != other and one.startswith(other) for other in prefixes)]


def _level(here: Place, after: str | None) -> tuple[Level, str]:
    """Return a page of a level, and what is wrong if it cannot be read."""
    try:
        return storage(here.storage).list_level(here.prefix, after=after or None, limit=PER_PAGE), ""
    except SuspiciousFileOperation:
        return _NOTHING, "This is no prefix that a storage can have."
    except (StorageError, StorageMisconfigured) as error:
        return _NOTHING, f"The storage could not be listed: {error}."


def _sequences(request: HttpRequest, here: Place, level: Level) -> list[tuple[str, str]]:
    """Return the FASTA files of a level, each with the link that registers it, for whoever may."""
    if not may_register_sequences(request.user):
        return []
    form = reverse("admin:register-sequences")
    return [
        (one.key[len(here.prefix) :], f"{form}?{urlencode({'stored': f'{here.storage}:{one.key}'})}")
        for one in level.objects
        if one.key.lower().endswith(FASTA_SUFFIXES)
    ]


def _links(here: Place, level: Level, allowed: list[Place]) -> dict[str, Any]:
    """Return the links of a level: to the prefixes above that the account may see, those below, and the next page."""
    parts = here.prefix.split("/")[:-1]
    above = [here.prefix[: len("/".join(parts[:count])) + (count > 0)] for count in range(len(parts) + 1)]
    return {
        "crumbs": [
            (prefix.rstrip("/").rpartition("/")[2] or here.storage, _link(Place(here.storage, prefix)))
            for prefix in above
            if access.may_browse(allowed, here.storage, prefix)
        ],
        "folders": [
            (folder[len(here.prefix) :], _link(Place(here.storage, folder)), f"{here.storage}:{folder}")
            for folder in level.folders
        ],
        "objects": [
            (one.key[len(here.prefix) :], one.stat.size, f"{here.storage}:{one.key}") for one in level.objects
        ],
        "next": _link(here, after=level.next) if level.next else "",
        "path": f"{here.storage}:{here.prefix}",
    }
