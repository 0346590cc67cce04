"""Whether the process lives (`/healthz`) and whether it can do its work (`/readyz`), for supervisors and balancers.

Neither says more than which part is down: no path, host or message of an exception leaves the server.
"""

import logging
from concurrent.futures import ThreadPoolExecutor

from django.conf import settings
from django.db import DEFAULT_DB_ALIAS, connection, connections
from django.db.migrations.executor import MigrationExecutor
from django.db.utils import Error as DatabaseError
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_safe

from catalogue.errors import CatalogueError
from catalogue.storage import storage

log = logging.getLogger(__name__)


@require_safe
@never_cache
def alive(request: HttpRequest) -> HttpResponse:
    """200 as long as the process answers; touches nothing else."""
    return HttpResponse("alive\n", content_type="text/plain; charset=utf-8")


@require_safe
@never_cache
def ready(request: HttpRequest) -> HttpResponse:
    """200 when database, migrations and every storage are in order, else 503; each part is `ok` or `down`."""
    names = list(settings.HTSGETSITE_STORAGES)
    # All at once: those that do not answer take their time.
    with ThreadPoolExecutor(max(1, len(names)), thread_name_prefix="ready") as threads:
        storages = threads.map(_storage, names)
        database = _database()
        parts = {
            "database": database,
            "migrations": database and not unapplied_migrations(),
            **{f"storage {name}": good for name, good in zip(names, storages, strict=True)},
        }
    up = all(parts.values())
    document = {"ready": up, "parts": {name: "ok" if good else "down" for name, good in parts.items()}}
    return JsonResponse(document, status=200 if up else 503)


def unapplied_migrations() -> list[str]:
    """The migrations that this release needs and the database has not had, as `app.name`."""
    executor = MigrationExecutor(connections[DEFAULT_DB_ALIAS])
    plan = executor.migration_plan(executor.loader.graph.leaf_nodes())
    return [f"{migration.app_label}.{migration.name}" for migration, _ in plan]


def _database() -> bool:
    try:
        with connection.cursor() as cursor:
            cursor.execute("SELECT 1")
    except DatabaseError:
        log.exception("The database is down")
        # The next request is to try a new connection.
        connection.close()
        return False
    return True


def _storage(name: str) -> bool:
    try:
        storage(name).check()
    except CatalogueError as error:
        log.error("Storage %s is down: %s", name, error)
        return False
    return True
