"""The middleware that only pages for people need, kept off the paths of the protocols.

A protocol's answer depends on no cookie, session or form, so its requests pass these by; what remains for them is
`SecurityMiddleware`. Each class is Django's own in every other respect.
"""

from typing import Any

from django.contrib.auth import middleware as auth
from django.contrib.messages import middleware as messages
from django.contrib.sessions import middleware as sessions
from django.http import HttpRequest
from django.middleware import clickjacking, common, csrf
from django.utils.deprecation import MiddlewareMixin

from ga4gh.protocol import protocol_paths

_PROBES = ("/healthz", "/readyz", "/metrics")


def is_page(path: str) -> bool:
    """Whether a path is one of a page: neither a protocol's nor a probe's."""
    return not path.startswith(protocol_paths()) and not path.startswith(_PROBES)


class _OnPages(MiddlewareMixin):
    """Mixed in before a middleware of Django's: a request to a protocol goes straight on."""

    def __call__(self, request: HttpRequest) -> Any:
        return super().__call__(request) if is_page(request.path_info) else self.get_response(request)


class CommonMiddleware(_OnPages, common.CommonMiddleware):
    """Adds missing slashes and lengths."""


class SessionMiddleware(_OnPages, sessions.SessionMiddleware):
    """Reads and keeps the session."""


class CsrfViewMiddleware(_OnPages, csrf.CsrfViewMiddleware):
    """Refuses forms sent from elsewhere."""

    def process_view(self, request: HttpRequest, *args: Any) -> Any:
        """Called for every view, whoever handled the request before."""
        return super().process_view(request, *args) if is_page(request.path_info) else None


class AuthenticationMiddleware(_OnPages, auth.AuthenticationMiddleware):
    """Sets `request.user` from the session."""


class MessageMiddleware(_OnPages, messages.MessageMiddleware):
    """Carries notices from one page to the next."""


class XFrameOptionsMiddleware(_OnPages, clickjacking.XFrameOptionsMiddleware):
    """Forbids pages in frames."""
