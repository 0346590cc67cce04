"""Who looks at a page: the account of the session. Protocols know only bearer tokens instead."""

from django.http import HttpRequest

from catalogue.access import ANONYMOUS, Viewer


def session_viewer(request: HttpRequest) -> Viewer:
    """Return the viewer with the account of the session, or ANONYMOUS."""
    user = request.user
    if not user.is_authenticated:
        return ANONYMOUS
    return Viewer(name=user.get_username(), user=user.pk)
