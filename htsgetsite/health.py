"""Liveness (`/healthz`) and readiness (`/readyz`) probes.

They show only which part is down, never a path, a host or the message of an exception: those go to the log.
"""

import logging
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from tempfile import TemporaryFile
from typing import Final

from django.conf import settings
from django.db import DEFAULT_DB_ALIAS, connection, connections
from django.db.migrations.executor import MigrationExecutor
from django.db.utils import Error as DatabaseError
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_safe

from catalogue.errors import CatalogueError, one_line
from catalogue.storage import FILES, SEQUENCES, LocalStorage, storage
from ga4gh.errors import already_logged

log = logging.getLogger(__name__)

_PAGE: Final = 4096


@require_safe
@never_cache
def alive(request: HttpRequest) -> HttpResponse:
    """Answer 200, without a look at the database, a storage or the disk."""
    return HttpResponse("alive\n", content_type="text/plain; charset=utf-8")


@require_safe
@never_cache
def ready(request: HttpRequest) -> HttpResponse:
    """Answer 200 when every part is `ok`, or 503 when any is `down`.

    The parts are the database, its migrations, each storage, and whether the home and the default storages are
    writable.
    """
    names = list(settings.HTSGETSITE_STORAGES)
    # In parallel, because a storage that is down answers only after a timeout.
    with ThreadPoolExecutor(max(1, len(names)), thread_name_prefix="ready") as threads:
        storages = threads.map(_storage, names)
        database = _database()
        parts = {
            "database": database,
            "migrations": database and _migrated(),
            "home": _writable("the home", settings.HTSGETSITE_HOME),
            **{f"storage {name}": good for name, good in zip(names, storages, strict=True)},
        }
    up = all(parts.values())
    document = {"ready": up, "parts": {name: "ok" if good else "down" for name, good in parts.items()}}
    response = JsonResponse(document, status=200 if up else 503)
    # Each part that is down has a line in the log.
    already_logged(response)
    return response


def unapplied_migrations() -> list[str]:
    """Return the migrations of this release that are not applied, as `app.name`."""
    executor = MigrationExecutor(connections[DEFAULT_DB_ALIAS])
    plan = executor.migration_plan(executor.loader.graph.leaf_nodes())
    return [f"{migration.app_label}.{migration.name}" for migration, _ in plan]


def _database() -> bool:
    try:
        with connection.cursor() as cursor:
            cursor.execute("SELECT 1")
    except DatabaseError as error:
        log.error("The database is down: %s", one_line(error))
        # Makes the next request open a new connection.
        connection.close()
        return False
    return True


def _migrated() -> bool:
    try:
        return not unapplied_migrations()
    except DatabaseError as error:
        # The database went away after it had answered.
        log.error("The database is down: %s", one_line(error))
        connection.close()
        return False


def _storage(name: str) -> bool:
    try:
        place = storage(name)
        place.check()
    except CatalogueError as error:
        log.error("Storage %s is down: %s", name, error)
        return False
    if name in {SEQUENCES, FILES} and isinstance(place, LocalStorage):
        return _writable(f"storage {name}", place.root)
    return True


def _writable(label: str, folder: Path) -> bool:
    """Return whether a temporary file of one disk page can be written to the folder."""
    try:
        with TemporaryFile(dir=folder) as file:
            file.write(bytes(_PAGE))
    except OSError as error:
        log.error("Nothing can be written to %s: %s", label, error)
        return False
    return True
