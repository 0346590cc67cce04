"""The HTTP methods of refget in Django: each view makes a request, asks `answers`, and sends what it says."""

from collections.abc import Sequence
from dataclasses import replace
from typing import Any, NoReturn

from django.conf import settings
from django.http import HttpRequest, HttpResponse, StreamingHttpResponse
from django.http.response import HttpResponseBase
from rest_framework.settings import api_settings
from rest_framework.views import APIView

from catalogue.access import ANONYMOUS
from refget_app import answers
from refget_app.errors import EXPECTED, error_answer, method_not_allowed
from refget_app.exchange import Answer, Request, options
from refget_app.service_info import Service


class RefgetView(APIView):
    """A resource of the protocol: bearer tokens only, never a cookie. A subclass says what GET answers."""

    authentication_classes: Sequence[Any] = ()
    permission_classes = ()
    throttle_classes = ()

    def initial(self, request: Any, *args: Any, **kwargs: Any) -> None:
        """Nothing to do first: anybody may ask, and `refget_app.media_types` chooses the form."""

    def handle_exception(self, exc: Exception) -> NoReturn:
        """What `answers` does not expect is a mistake in the program, which is the site's to report."""
        raise exc

    def answer(self, request: Request) -> Answer:
        """The answer to GET, and to HEAD without its body."""
        raise NotImplementedError

    def get(self, request: Any, identifier: str = "") -> HttpResponseBase:
        """GET and HEAD."""
        return _sent(self.answer(Request.from_environ(request.META, identifier)))

    head = get

    def options(self, request: Any, identifier: str = "") -> HttpResponseBase:  # type: ignore[override]
        """What may be asked, also of a page of another origin."""
        return _sent(options(Request.from_environ(request.META, identifier)))

    def http_method_not_allowed(self, request: HttpRequest, identifier: str = "") -> HttpResponseBase:  # type: ignore[override]
        """405."""
        return _sent(method_not_allowed(Request.from_environ(request.META, identifier)))

    @property
    def default_response_headers(self) -> dict[str, str]:
        """None: an answer is complete as it is made."""
        return {}


class _GuardedView(RefgetView):
    """A resource that may be for some only, so that it matters who asks."""

    authentication_classes = api_settings.DEFAULT_AUTHENTICATION_CLASSES

    def get(self, request: Any, identifier: str = "") -> HttpResponseBase:
        """GET and HEAD."""
        asked = Request.from_environ(request.META, identifier)
        try:
            asked = replace(asked, viewer=request.auth or ANONYMOUS)
        except EXPECTED as error:
            return _sent(error_answer(asked, error))
        return _sent(self.answer(asked))

    head = get


class SequenceView(_GuardedView):
    """`/sequence/<id>` and `/md5/<md5>`."""

    def answer(self, request: Request) -> Answer:
        return answers.sequence(
            request,
            limit=settings.REFGET_SUBSEQUENCE_LIMIT,
            redirect_above=settings.REFGET_REDIRECT_ABOVE,
        )


class MetadataView(_GuardedView):
    """`/sequence/<id>/metadata`."""

    def answer(self, request: Request) -> Answer:
        return answers.metadata(request)


class ServiceInfoView(RefgetView):
    """`/sequence/service-info` and `/service-info`."""

    def answer(self, request: Request) -> Answer:
        return answers.service(request, _service())


class NothingView(RefgetView):
    """Paths below ours that can name no sequence."""

    def answer(self, request: Request) -> Answer:
        return answers.not_found(request, "the path names no sequence")


def _service() -> Service:
    return Service(
        id=settings.SERVICE_ID,
        name=settings.SERVICE_NAME,
        description=settings.SERVICE_DESCRIPTION,
        organization_name=settings.SERVICE_ORGANIZATION_NAME,
        organization_url=settings.SERVICE_ORGANIZATION_URL,
        contact_url=settings.SERVICE_CONTACT_URL,
        documentation_url="https://samtools.github.io/hts-specs/refget.html",
        environment=settings.SERVICE_ENVIRONMENT,
        version=settings.SERVICE_VERSION,
        limit=settings.REFGET_SUBSEQUENCE_LIMIT,
    )


def _sent(answer: Answer) -> HttpResponseBase:
    kind = HttpResponse if isinstance(answer.body, bytes) else StreamingHttpResponse
    response: HttpResponseBase = kind(answer.body, status=answer.status.value, headers=dict(answer.headers))
    if answer.headers[0][0] != "Content-Type":
        # An answer without a body has none; Django invents one.
        del response.headers["Content-Type"]
    return response
