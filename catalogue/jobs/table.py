"""All kinds of jobs. A new kind is one entry here."""

from catalogue.jobs.files import file_kinds
from catalogue.jobs.kinds import register


def register_all() -> None:
    """Make every kind known."""
    register(file_kinds())
