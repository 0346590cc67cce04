"""What an examination finds."""

from dataclasses import dataclass
from enum import StrEnum


class Level(StrEnum):
    """How bad a finding is. With a failure something does not work now; a warning is about to matter."""

    OK = "ok"
    WARNING = "warning"
    FAILURE = "failure"


@dataclass(frozen=True, slots=True)
class Finding:
    """One finding about a `subject`, such as `storage files`. `remedy` says what to do; empty where all is well."""

    subject: str
    level: Level
    message: str
    remedy: str = ""


def ok(subject: str, message: str) -> Finding:
    """Return the finding that something is well."""
    return Finding(subject, Level.OK, message)


def warning(subject: str, message: str, remedy: str) -> Finding:
    """Return the finding that something is about to matter."""
    return Finding(subject, Level.WARNING, message, remedy)


def failure(subject: str, message: str, remedy: str) -> Finding:
    """Return the finding that something does not work."""
    return Finding(subject, Level.FAILURE, message, remedy)
