"""What all pages share: who asks, how long an answer may be kept, which errors become which page, and the policy."""

from collections.abc import Callable
from functools import wraps
from typing import Any, Concatenate, Final, ParamSpec, cast

from django.conf import settings
from django.http import Http404, HttpRequest, HttpResponse
from django.http.response import HttpResponseBase
from django.shortcuts import render
from django.utils.cache import patch_vary_headers
from django.views.decorators.http import require_safe

from catalogue.access import Viewer
from catalogue.errors import NotFound
from catalogue.queries.text import storable
from ga4gh.views import site_url
from portal.viewers import session_viewer

Given = ParamSpec("Given")

#: Pages load only files of the site, run only its scripts, and send forms only to it.
POLICY: Final = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; connect-src 'self'; "
    "form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
)


def page(
    view: Callable[Concatenate[HttpRequest, Viewer, Given], HttpResponseBase],
) -> Callable[Concatenate[HttpRequest, Given], HttpResponseBase]:
    """Give a view of GET requests the viewer; show what is not there, or not for them, as one page 404."""

    @wraps(view)
    def answered(request: HttpRequest, *args: Given.args, **parts: Given.kwargs) -> HttpResponseBase:
        viewer = session_viewer(request)
        try:
            response = view(request, viewer, *args, **parts)
        except NotFound as error:
            raise Http404(str(error)) from None
        if not response.has_header("Cache-Control"):
            # Pages differ by session, so only the browser keeps them; after a sign-out it must not show old ones.
            response.headers["Cache-Control"] = (
                "private, no-cache" if viewer.name is None else "private, no-store"
            )
        patch_vary_headers(response, ["Cookie"])
        response.headers.setdefault("Content-Security-Policy", POLICY)
        return response

    return cast("Callable[Concatenate[HttpRequest, Given], HttpResponseBase]", require_safe(answered))


def shown(request: HttpRequest, template: str, context: dict[str, Any], *, status: int = 200) -> HttpResponse:
    """Render a template of the portal, with what the frame of every page needs."""
    return render(request, f"portal/{template}", {**frame(request), **context}, status=status)


def frame(request: HttpRequest) -> dict[str, Any]:
    """Return what the frame of every page shows: the site's name and who runs it, and its address for commands."""
    return {
        "base": site_url(request),
        "name": settings.SERVICE_NAME,
        "description": settings.SERVICE_DESCRIPTION,
        "organisation": settings.SERVICE_ORGANIZATION_NAME,
        "organisation_url": settings.SERVICE_ORGANIZATION_URL,
        "contact": settings.SERVICE_CONTACT_URL,
    }


def text(request: HttpRequest, name: str) -> str:
    """Return a parameter without white space around it; "" for one that the database cannot hold."""
    given = request.GET.get(name, "").strip()
    return given if storable(given) else ""


def number(request: HttpRequest, name: str) -> int | None:
    """Return a parameter that is a number of the database; None for anything else."""
    text = request.GET.get(name, "")
    return int(text) if text.isascii() and text.isdigit() and len(text) < 19 else None
