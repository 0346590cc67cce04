"""Where the work at hand comes from: the request that a thread answers, or the command that it runs."""

import getpass
import os
from collections.abc import Callable
from contextvars import ContextVar
from dataclasses import dataclass
from typing import NamedTuple


class Actor(NamedTuple):
    """An account, by name and number."""

    name: str
    account: int | None


NOBODY = Actor("", None)


@dataclass(slots=True)
class RequestContext:
    """Where the work at hand comes from: a request, or a command when there is none.

    `session` tells whose it is, where there is one, by name and number; it is asked only when something is recorded.
    For the protocols the viewer says that.
    """

    address: str | None = None
    request_id: str = ""
    session: Callable[[], Actor] | None = None

    @property
    def actor(self) -> Actor:
        """Who does the work, as far as it is not a viewer."""
        return NOBODY if self.session is None else self.session()


def _account_of_process() -> str:
    try:
        return getpass.getuser()
    except (KeyError, OSError):
        # A container may run as a number that has no name.
        return f"uid {os.getuid()}"


_COMMAND = Actor(f"{_account_of_process()} (command)", None)

_origin: ContextVar[RequestContext | None] = ContextVar("origin", default=None)


def begin(where: RequestContext) -> None:
    """Everything recorded from now on, in this thread, comes from there."""
    _origin.set(where)


def end() -> None:
    """Nothing more comes from where `begin` said."""
    _origin.set(None)


def current_context() -> RequestContext:
    """Where the work at hand comes from."""
    return _origin.get() or RequestContext(session=lambda: _COMMAND)
