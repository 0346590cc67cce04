"""The pages of errors: what is wrong, and where to go from there."""

import logging
import sys
from http import HTTPStatus

from django.http import HttpRequest, HttpResponse
from django.http.response import HttpResponseBase
from django.shortcuts import render
from django.utils.cache import patch_vary_headers
from django.views.decorators.csrf import requires_csrf_token

from catalogue.errors import one_line
from ga4gh.errors import RETRY_AFTER, already_logged, expected_failure
from portal.pages.page import POLICY, frame

log = logging.getLogger(__name__)


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
    """Say that the site failed: 503 where the database or a storage does not answer, 500 otherwise.

    Uses neither the database nor the session, which may be what failed. Django calls it while it handles the exception.
    """
    error = sys.exc_info()[1]
    status = expected_failure(error)
    away = status is HTTPStatus.SERVICE_UNAVAILABLE
    code = status or HTTPStatus.INTERNAL_SERVER_ERROR
    page = render(None, "portal/server_error.html", {"away": away}, status=code)
    page.headers["Content-Security-Policy"] = POLICY
    page.headers["Cache-Control"] = "no-store"
    if away:
        page.headers["Retry-After"] = str(RETRY_AFTER)
    if error is not None and status is not None:
        log.error("%d for %r: %s", status.value, request.path_info, one_line(error))
        already_logged(page)
    return page


def _shown(request: HttpRequest, status: HTTPStatus, context: dict[str, object]) -> HttpResponseBase:
    context = {**frame(request), "status": status.value, **context}
    page = render(request, f"portal/error_{status.value}.html", context, status=status)
    page.headers["Content-Security-Policy"] = POLICY
    page.headers["Cache-Control"] = "private, no-store"
    patch_vary_headers(page, ["Cookie"])
    return page
