"""Base views of protocols: a handler returns an `Answer` or raises; these views do everything else."""

from collections.abc import Sequence
from dataclasses import replace
from http import HTTPStatus
from typing import Any, NoReturn

from django.conf import settings
from django.http import HttpRequest, HttpResponse, StreamingHttpResponse
from django.http.response import HttpResponseBase
from django.urls import get_script_prefix
from rest_framework.settings import api_settings
from rest_framework.views import APIView

from catalogue.access import ANONYMOUS
from catalogue.audit import Kind
from catalogue.errors import NotFound
from catalogue.rate_limits import TooMany
from catalogue.request_context import current_context
from ga4gh.audit import record_refusal
from ga4gh.errors import RequestError
from ga4gh.exchange import CACHE_BRIEFLY, CACHE_PRIVATE, Answer, Request, answer, document
from ga4gh.protocol import Protocol, protocols


class ProtocolView(APIView):
    """A public resource of a protocol.

    A subclass sets its `protocol`. Handlers use `asked`, the framework-free request, instead of Django's.
    """

    protocol = Protocol(name="none", paths=())
    asked: Request
    authentication_classes: Sequence[Any] = ()
    permission_classes: Sequence[Any] = ()
    throttle_classes: Sequence[Any] = ()

    def target(self, **parts: str) -> str:
        """Return the name of the resource for log and audit: the parts of the path, unless one holds credentials."""
        return "/".join(parts.values())

    def setup(self, request: HttpRequest, *args: Any, **parts: str) -> None:
        """Set `asked` before anything can fail: the answers to failures need it."""
        super().setup(request, *args, **parts)
        self.asked = Request(request.META, self.target(**parts))

    def initial(self, request: Any, *args: Any, **parts: str) -> None:
        """Identify the viewer, and apply the rate limit."""
        if request.method != "OPTIONS":
            self.asked.viewer = request.auth or ANONYMOUS
            current_context().account = self.asked.viewer.name or ""
            self.check_throttles(request)

    def options(self, request: Any, *args: Any, **parts: str) -> Answer:  # type: ignore[override]
        """Answer with the allowed methods (RFC 9110, section 9.3.7)."""
        return answer(HTTPStatus.NO_CONTENT, [("Allow", ", ".join(self.allowed_methods))])

    def http_method_not_allowed(self, request: Any, *args: Any, **parts: str) -> NoReturn:
        """Refuse with 405."""
        allowed = ", ".join(self.allowed_methods)
        raise RequestError(
            f"{request.method} is not possible here, only {allowed}",
            status=HTTPStatus.METHOD_NOT_ALLOWED,
            headers=[("Allow", allowed)],
        )

    def throttled(self, request: Any, wait: float) -> NoReturn:
        """Refuse with 429."""
        raise TooMany(int(wait))

    def handle_exception(self, exc: Exception) -> Answer:  # type: ignore[override]
        """Answer according to the protocol's table of errors."""
        return self.protocol.error_answer(self.asked, exc)

    @property
    def default_response_headers(self) -> dict[str, str]:
        """Return no headers: each answer already has its own."""
        return {}

    def finalize_response(self, request: Any, response: Answer, *args: Any, **parts: str) -> HttpResponseBase:  # type: ignore[override]
        """Convert the answer to a Django response."""
        return _sent(response)

    def body(self, *, max_bytes: int) -> bytes:
        """Return the body of a POST. Raises RequestError (413), before reading it if Content-Length is given."""
        environ = self.asked.environ
        told = environ.get("CONTENT_LENGTH", "")
        too_long = told.isascii() and told.isdigit() and int(told[:20]) > max_bytes
        # Django treats a body without Content-Length as empty; read a chunked one from the server directly.
        chunked = environ.get("HTTP_TRANSFER_ENCODING", "").lower() == "chunked"
        source = environ["wsgi.input"] if chunked else self.request._request
        body = b"" if too_long else source.read(max_bytes + 1)
        if too_long or len(body) > max_bytes:
            status = HTTPStatus.REQUEST_ENTITY_TOO_LARGE
            raise RequestError(f"the body is over {max_bytes} bytes", status=status)
        return bytes(body)


class GuardedView(ProtocolView):
    """A resource that depends on the viewer, identified by bearer token, never by cookie; refusals are audited."""

    authentication_classes = api_settings.DEFAULT_AUTHENTICATION_CLASSES
    event: Kind = Kind.REQUEST

    def audit_target(self, error: Exception) -> str | None:
        """Return the name of the refused resource for the audit; None if the refusal is not recorded."""
        return self.asked.target

    def handle_exception(self, exc: Exception) -> Answer:  # type: ignore[override]
        """Answer an error, and record it."""
        refusal = super().handle_exception(exc)
        if (target := self.audit_target(exc)) is not None:
            record_refusal(self.event, target, exc, status=refusal.status, viewer=self.asked.viewer)
        return refusal

    def finalize_response(self, request: Any, response: Answer, *args: Any, **parts: str) -> HttpResponseBase:  # type: ignore[override]
        """Convert the answer to a Django response; keep answers that credentials may have changed out of shared caches.

        Answers by digest are the same for everybody.
        """
        if self.asked.viewer.name is not None:
            headers = [CACHE_PRIVATE if header == CACHE_BRIEFLY else header for header in response.headers]
            response = replace(response, headers=headers)
        return super().finalize_response(request, response, *args, **parts)


class NothingView(ProtocolView):
    """Unknown paths of a protocol."""

    def initial(self, request: Any, *args: Any, **parts: str) -> NoReturn:
        """Refuse every method with 404."""
        raise NotFound("this path names nothing")


class ServiceInfoView(ProtocolView):
    """The service-info document of one of the protocol's services."""

    def get(self, request: Any, kind: str = "") -> Answer:
        """Return the document of the service of this kind."""
        service = next(service for service in self.protocol.services if service.kind == kind)
        return document(self.asked, service.info())


class ServicesView(ProtocolView):
    """`/services`: every service of the site, as a GA4GH service registry lists them."""

    def get(self, request: Any) -> Answer:
        """Return one entry for each service of each protocol."""
        site = site_url(self.request)
        services = [service for protocol in protocols() for service in protocol.services]
        return document(self.asked, [service.registry_entry(site) for service in services])


def site_url(request: HttpRequest) -> str:
    """Return the URL of the site as clients reach it, without a slash at its end. Raises DisallowedHost."""
    if settings.PUBLIC_URL:
        return str(settings.PUBLIC_URL)
    return f"{request.scheme}://{request.get_host()}{get_script_prefix().rstrip('/')}"


def _sent(answer: Answer) -> HttpResponseBase:
    kind = HttpResponse if isinstance(answer.body, bytes) else StreamingHttpResponse
    response: HttpResponseBase = kind(answer.body, status=answer.status.value, headers=dict(answer.headers))
    if answer.headers[0][0] != "Content-Type":
        # An answer without a body has no Content-Type; Django would add one.
        del response.headers["Content-Type"]
    # The server failure is already logged in one line; Django would add another.
    response._has_been_logged = True  # type: ignore[attr-defined]
    return response
