"""Who may see what: the one place that decides, before a byte, a header or an index is touched."""

from dataclasses import dataclass

from catalogue.errors import CatalogueError
from catalogue.models import Dataset


class AuthenticationRequired(CatalogueError):
    """The resource is not for everybody, and nobody has shown who they are."""


class PermissionRefused(CatalogueError):
    """The resource is not for this viewer."""


@dataclass(frozen=True, slots=True)
class Viewer:
    """Who asks. `name` is None for somebody who showed no credentials, or none that are valid."""

    name: str | None = None


ANONYMOUS = Viewer()


def permits(viewer: Viewer, visibility: str) -> bool:
    """Whether the viewer may fetch the files of a dataset of that visibility."""
    return visibility == Dataset.Visibility.PUBLIC


def require(viewer: Viewer, visibility: str) -> None:
    """Passes when `permits` does. Raises AuthenticationRequired for those who may yet say who they are, else
    PermissionRefused.
    """
    if permits(viewer, visibility):
        return
    if viewer.name is None:
        raise AuthenticationRequired("this needs credentials")
    raise PermissionRefused("these credentials do not open this")
