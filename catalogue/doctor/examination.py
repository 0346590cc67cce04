"""All examinations, in the order in which an operator wants to read them."""

from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Final

from django.conf import settings
from django.core import checks
from django.db import DatabaseError, connection

from catalogue.doctor.database import (
    examine_database,
    examine_database_clock,
    examine_files,
    examine_migrations,
    examine_workers,
)
from catalogue.doctor.findings import Finding, Level, failure, ok
from catalogue.doctor.storages import examine_orphans, examine_space, examine_storages
from catalogue.errors import CatalogueError


def examine_settings() -> Iterator[Finding]:
    """Run Django's and the site's own system checks, outside of DEBUG with those for deployments."""
    found = checks.run_checks(include_deployment_checks=not settings.DEBUG)
    told = [message for message in found if message.level >= checks.WARNING and not message.is_silenced()]
    for message in told:
        level = Level.FAILURE if message.level >= checks.ERROR else Level.WARNING
        yield Finding(
            "settings", level, f"{message.msg} ({message.id})", message.hint or "See docs/settings.md."
        )
    if not told:
        yield ok("settings", "no check complains")


#: Each check by the name that `doctor --only` takes.
CHECKS: Final[Mapping[str, Callable[[], Iterable[Finding]]]] = {
    "settings": examine_settings,
    "database": examine_database,
    "migrations": examine_migrations,
    "clocks": examine_database_clock,
    "storages": examine_storages,
    "space": examine_space,
    "workers": examine_workers,
    "files": examine_files,
    "orphans": examine_orphans,
}


def examine(names: Iterable[str] = CHECKS) -> Iterator[Finding]:
    """Yield the findings of the checks of these names, as they come. One that fails does not stop the others."""
    for name in names:
        try:
            yield from CHECKS[name]()
        except DatabaseError as error:
            # Makes the next check open a new connection.
            connection.close()
            said = " ".join(str(error).split())
            yield failure(name, f"the database fails: {said}", "Start the database, or correct DATABASE_URL.")
        except CatalogueError as error:
            yield failure(name, str(error), "Correct HTSGETSITE_STORAGES; see docs/storage.md.")
