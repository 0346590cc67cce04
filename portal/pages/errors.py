"""The pages of errors: what is wrong, and where to go from there."""

from http import HTTPStatus

from django.http import HttpRequest, HttpResponse
from django.http.response import HttpResponseBase
from django.shortcuts import render
from django.utils.cache import patch_vary_headers
from django.views.decorators.csrf import requires_csrf_token

from portal.pages.page import POLICY, frame


def not_found(request: HttpRequest, exception: Exception) -> HttpResponseBase:
    """Say that there is nothing here for this viewer, and offer to search for what the address ends with."""
    told = exception.args[0] if exception.args and isinstance(exception.args[0], str) else ""
    last = request.path_info.rstrip("/").rpartition("/")[2]
    return _shown(request, HTTPStatus.NOT_FOUND, {"told": told, "q": last})


def bad_request(request: HttpRequest, exception: Exception) -> HttpResponseBase:
    """Say that the request could not be understood."""
    # The host of the request may be the very thing that is refused, so the frame is not asked for it.
    return HttpResponse("The request is not valid.\n", status=400, content_type="text/plain; charset=utf-8")


def forbidden(request: HttpRequest, exception: Exception) -> HttpResponseBase:
    """Say that the account may not do this."""
    return _shown(request, HTTPStatus.FORBIDDEN, {})


@requires_csrf_token
def csrf_failure(request: HttpRequest, reason: str = "") -> HttpResponseBase:
    """Say that a form was not sent from its page, or too late."""
    return _shown(request, HTTPStatus.FORBIDDEN, {"is_csrf": True})


def server_error(request: HttpRequest) -> HttpResponseBase:
    """Say that the site failed. Uses neither the database nor the session, which may be what failed."""
    page = render(None, "portal/server_error.html", {}, status=500)
    page.headers["Content-Security-Policy"] = POLICY
    return page


def _shown(request: HttpRequest, status: HTTPStatus, context: dict[str, object]) -> HttpResponseBase:
    context = {**frame(request), "status": status.value, **context}
    page = render(request, f"portal/error_{status.value}.html", context, status=status)
    page.headers["Content-Security-Policy"] = POLICY
    page.headers["Cache-Control"] = "private, no-store"
    patch_vary_headers(page, ["Cookie"])
    return page
