"""Runs commands as a shell does, and keeps what they say."""

import json
from dataclasses import dataclass
from io import StringIO
from typing import Any

from django.core.management import CommandError, call_command


@dataclass(frozen=True, slots=True)
class Ran:
    """How a command ended: its exit status, standard output, standard error with the message of a failure."""

    status: int
    out: str
    err: str

    @property
    def last(self) -> str:
        """The last line of all."""
        return (self.out + self.err).strip().splitlines()[-1]

    @property
    def json(self) -> Any:
        """The document that it printed."""
        return json.loads(self.out)


def run(*arguments: str | object) -> Ran:
    """Run a command."""
    out, err = StringIO(), StringIO()
    status = 0
    try:
        call_command(*map(str, arguments), stdout=out, stderr=err)
    except CommandError as error:
        status = error.returncode
        err.write(str(error))
    return Ran(status, out.getvalue(), err.getvalue())
