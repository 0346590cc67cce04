"""The errors for what exists and is not for the viewer."""

from django.conf import settings

from catalogue.access.viewer import Viewer
from catalogue.errors import CatalogueError, NotFound


class AuthenticationRequired(CatalogueError):
    """The resource is not public, and the viewer has shown no valid credentials."""


class CredentialsUnverified(CatalogueError):
    """The credentials may be valid, but their issuer cannot be asked at the moment."""


class PermissionRefused(CatalogueError):
    """The resource, or what was asked of it, is not for this viewer."""


class Hidden(NotFound):
    """The resource is told as unknown because of `HIDE_CONTROLLED`; `why` is the error in place of which this is."""

    def __init__(self, told: str, why: CatalogueError) -> None:
        super().__init__(told)
        self.why = why


def refusal(viewer: Viewer, *, unknown: str) -> CatalogueError:
    """Return the error for something that exists and is not for the viewer; `unknown` is the message of NotFound.

    AuthenticationRequired or CredentialsUnverified for those who may yet show who they are, else PermissionRefused;
    Hidden in place of all of them where the setting says so.
    """
    why: CatalogueError
    if viewer.name is not None:
        why = PermissionRefused("these credentials do not open this")
    elif viewer.unverified:
        why = CredentialsUnverified(viewer.fault)
    else:
        why = AuthenticationRequired(viewer.fault or "this needs credentials")
    return Hidden(unknown, why) if settings.HIDE_CONTROLLED else why
