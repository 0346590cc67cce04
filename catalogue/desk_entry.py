"""Who may enter the desk, and manage by the API. Imports no models, because Django loads the desk's site first."""

from typing import Any

#: The permission that lets an account in; the groups of the desk's roles have it.
ENTER = "catalogue.enter_desk"


def may_enter(user: Any) -> bool:
    """Return whether an account may enter: staff, and members of the groups of roles."""
    return bool(user.is_active and (user.is_staff or user.has_perm(ENTER)))
