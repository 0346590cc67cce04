"""Where the work at hand comes from: the request that a thread answers, or the command that it runs."""

import getpass
import os
from contextvars import ContextVar
from dataclasses import dataclass


@dataclass(slots=True)
class Origin:
    """Where the work at hand comes from: a request, or a command when there is none.

    `actor` and `account` are of the session; for the protocols the viewer says them.
    """

    address: str | None = None
    request_id: str = ""
    actor: str = ""
    account: int | None = None


def _account_of_process() -> str:
    try:
        return getpass.getuser()
    except (KeyError, OSError):
        # A container may run as a number that has no name.
        return f"uid {os.getuid()}"


_COMMAND = f"{_account_of_process()} (command)"

_origin: ContextVar[Origin | None] = ContextVar("origin", default=None)


def begin(where: Origin) -> None:
    """Everything recorded from now on, in this thread, comes from there."""
    _origin.set(where)


def end() -> None:
    """Nothing more comes from where `begin` said."""
    _origin.set(None)


def current_origin() -> Origin:
    """Where the work at hand comes from."""
    return _origin.get() or Origin(actor=_COMMAND)
