"""Errors for resources that exist but are not open to the viewer."""

from django.conf import settings

from catalogue.access.viewer import Viewer
from catalogue.errors import CatalogueError, NotFound


class AuthenticationRequired(CatalogueError):
    """The resource is not public, and the viewer has shown no valid credentials."""


class CredentialsUnverified(CatalogueError):
    """The credentials may be valid, but their issuer cannot be asked at the moment."""


class PermissionRefused(CatalogueError):
    """The viewer has no permission for the resource, or for the part that was requested."""


class Hidden(NotFound):
    """The resource is reported as unknown because of `HIDE_CONTROLLED`; `why` is the error that this one replaces."""

    def __init__(self, told: str, why: CatalogueError) -> None:
        super().__init__(told)
        self.why = why


def refusal(viewer: Viewer, *, unknown: str) -> CatalogueError:
    """Return the error for a resource that exists but is not open to the viewer; `unknown` is the message of NotFound.

    It is AuthenticationRequired without valid credentials, CredentialsUnverified where their issuer cannot be reached,
    else PermissionRefused; where `HIDE_CONTROLLED` is set it is Hidden instead.
    """
    why: CatalogueError
    if viewer.name is not None:
        why = PermissionRefused("these credentials do not open this")
    elif viewer.unverified:
        why = CredentialsUnverified(viewer.fault)
    else:
        why = AuthenticationRequired(viewer.fault or "this needs credentials")
    return Hidden(unknown, why) if settings.HIDE_CONTROLLED else why
