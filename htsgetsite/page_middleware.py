"""Django's middleware for pages, which skips requests to the protocols.

An answer of a protocol depends on no cookie, session or form, so its requests need only `SecurityMiddleware`. Apart
from that, each class behaves as Django's.
"""

from typing import Any

from django.contrib.auth import middleware as auth
from django.contrib.messages import middleware as messages
from django.contrib.sessions import middleware as sessions
from django.http import HttpRequest
from django.middleware import clickjacking, common, csrf
from django.utils.deprecation import MiddlewareMixin

from ga4gh.protocol import is_protocol_path

_PROBES = ("/healthz", "/readyz", "/metrics")


def is_page(path: str) -> bool:
    """Return whether a path belongs to a page, not to a protocol or a probe."""
    return not is_protocol_path(path) and not path.startswith(_PROBES)


class _OnPages(MiddlewareMixin):
    """Mixin, placed before one of Django's middleware classes: skip it unless the request is for a page."""

    def __call__(self, request: HttpRequest) -> Any:
        return super().__call__(request) if is_page(request.path_info) else self.get_response(request)


class CommonMiddleware(_OnPages, common.CommonMiddleware):
    """Append missing slashes and set Content-Length."""


class SessionMiddleware(_OnPages, sessions.SessionMiddleware):
    """Load and save the session."""


class CsrfViewMiddleware(_OnPages, csrf.CsrfViewMiddleware):
    """Reject forms that other sites submit."""

    def process_view(self, request: HttpRequest, *args: Any) -> Any:
        """Check pages only: Django calls this hook for every view, also where `__call__` skipped the request."""
        return super().process_view(request, *args) if is_page(request.path_info) else None


class AuthenticationMiddleware(_OnPages, auth.AuthenticationMiddleware):
    """Set `request.user` from the session."""


class MessageMiddleware(_OnPages, messages.MessageMiddleware):
    """Carry messages from one page to the next."""


class XFrameOptionsMiddleware(_OnPages, clickjacking.XFrameOptionsMiddleware):
    """Forbid browsers to show pages in frames."""
