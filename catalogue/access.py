"""Who may see what: the one place that decides. Querysets are filtered here before anything else is touched."""

from dataclasses import dataclass

from catalogue.errors import CatalogueError
from catalogue.models import Dataset


class AuthenticationRequired(CatalogueError):
    """The resource is not for everybody, and nobody has shown who they are."""


class PermissionRefused(CatalogueError):
    """The resource is not for this viewer."""


@dataclass(frozen=True, slots=True)
class Viewer:
    """Who asks. `name` is None for somebody who showed no credentials."""

    name: str | None = None


ANONYMOUS = Viewer()


def require_dataset(viewer: Viewer, visibility: str) -> None:
    """Passes when the viewer may fetch the files of a dataset of that visibility.

    Raises AuthenticationRequired, PermissionRefused.
    """
    if visibility == Dataset.Visibility.PUBLIC:
        return
    if viewer.name is None:
        raise AuthenticationRequired("this needs credentials")
    raise PermissionRefused("these credentials do not open this")
