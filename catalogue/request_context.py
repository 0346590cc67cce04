"""The request context: address, request id and account of the request or command that a thread works on."""

import getpass
import os
from collections.abc import Callable
from contextvars import ContextVar
from dataclasses import dataclass
from typing import NamedTuple


class Actor(NamedTuple):
    """An account, by name and number; `credential` is what the audit keeps of the token that was shown."""

    name: str
    account: int | None
    credential: str = ""


NOBODY = Actor("", None)


@dataclass(slots=True)
class RequestContext:
    """The request, or else the command, for which a thread works.

    `session` returns the account of the session, where there is one; it is called only when an event is recorded. The
    protocols have viewers instead. `account` is the name of either, for the access log.
    """

    address: str | None = None
    request_id: str = ""
    account: str = ""
    session: Callable[[], Actor] | None = None

    @property
    def actor(self) -> Actor:
        """Return the account of the session, or NOBODY."""
        return NOBODY if self.session is None else self.session()


def process_account() -> str:
    """Return the name of the system account that this process runs as."""
    try:
        return getpass.getuser()
    except (KeyError, OSError):
        # A container may run under a user id without a name.
        return f"uid {os.getuid()}"


_COMMAND = Actor(f"{process_account()} (command)", None)

_context: ContextVar[RequestContext | None] = ContextVar("request_context", default=None)


def begin(context: RequestContext) -> None:
    """Set the request context of this thread."""
    _context.set(context)


def end() -> None:
    """Clear the context that `begin` set."""
    _context.set(None)


def current_context() -> RequestContext:
    """Return the context of this thread; outside of requests, that of the command."""
    return _context.get() or RequestContext(session=lambda: _COMMAND)
