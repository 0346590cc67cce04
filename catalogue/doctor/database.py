"""Examines the database: reached, migrated, its clock, the states of files, and the workers of the job queue."""

import time
from collections.abc import Iterator
from typing import Final

from django.db import DEFAULT_DB_ALIAS, connection, connections
from django.db.migrations.executor import MigrationExecutor
from django.db.models import Count

from catalogue.doctor.findings import Finding, failure, ok, warning
from catalogue.ingest.sentences import counted, named
from catalogue.models import DataFile, RunPart

#: Seconds that a clock may differ before it is told, and before tokens and signed URLs fail for it.
MAX_SKEW: Final = 2.0
MAX_WORKING_SKEW: Final = 60.0
#: Seconds since its last heartbeat after which a worker counts as dead; procrastinate's is one every ten.
_ALIVE_SECONDS: Final = 60

_WORKERS = """
SELECT count(*) FILTER (WHERE last_heartbeat > now() - %s * interval '1 second'), count(*) FROM procrastinate_workers
"""


def examine_database() -> Iterator[Finding]:
    """Find whether the database answers, and which it is."""
    began = time.monotonic()
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT current_setting('server_version'), pg_size_pretty(pg_database_size(current_database()))"
        )
        version, size = cursor.fetchone()
    yield ok(
        "database", f"PostgreSQL {version}, {size}, answered in {1000 * (time.monotonic() - began):.0f} ms"
    )


def examine_migrations() -> Iterator[Finding]:
    """Find migrations of this release that the database lacks, and those that this release does not know."""
    executor = MigrationExecutor(connections[DEFAULT_DB_ALIAS])
    graph = executor.loader.graph
    replaced = [name for each in executor.loader.replacements.values() for name in each.replaces]
    known = {*graph.nodes, *replaced}
    lacking = [f"{each.app_label}.{each.name}" for each, _ in executor.migration_plan(graph.leaf_nodes())]
    unknown = [
        f"{app}.{name}" for app, name in executor.loader.applied_migrations if (app, name) not in known
    ]
    if lacking:
        yield failure(
            "migrations",
            f"{counted(len(lacking), 'migration')} not applied: {named(lacking)}",
            "Run manage.py migrate.",
        )
    elif unknown:
        yield warning(
            "migrations",
            f"the database is of a newer release: it has {named(unknown)}",
            "Update this machine to the release that the database was migrated with.",
        )
    else:
        yield ok("migrations", "all applied")


def examine_database_clock() -> Iterator[Finding]:
    """Compare the clock of the database's host with that of this one."""
    with connection.cursor() as cursor:
        before = time.time()
        cursor.execute("SELECT extract(epoch FROM clock_timestamp())::float8")
        (there,) = cursor.fetchone()
    yield compared("clock of the database", there, since=before, until=time.time())


def compared(subject: str, there: float, *, since: float, until: float) -> Finding:
    """Return the finding about a clock that showed `there` at a moment between `since` and `until` of this one."""
    ahead = max(0.0, there - until) + min(0.0, there - since)
    skew = abs(ahead)
    if skew <= MAX_SKEW:
        return ok(subject, f"agrees with this one to {MAX_SKEW:.0f} s")
    said = f"{abs(ahead):.0f} s {'ahead of' if ahead > 0 else 'behind'} this machine's"
    remedy = "Synchronise both clocks by NTP: tokens, grants and signed URLs end at the wrong time otherwise."
    return (failure if skew > MAX_WORKING_SKEW else warning)(subject, said, remedy)


def examine_files() -> Iterator[Finding]:
    """Count the files that are not as they were registered."""
    counts = dict(DataFile.objects.order_by().values_list("state").annotate(Count("pk")))
    ready = counts.pop(DataFile.State.READY, 0)
    if counts:
        said = named([f"{count:,} {state}" for state, count in sorted(counts.items())])
        yield warning(
            "files",
            f"{said} of {ready + sum(counts.values()):,} files",
            "List them with manage.py list_files --state missing --state changed --state corrupt; put the right objects"
            " back and run manage.py verify_files, or ingest them again.",
        )
    else:
        yield ok("files", f"{counted(ready, 'file')}, none known to be missing, changed or corrupt")


def examine_workers() -> Iterator[Finding]:
    """Find whether workers of background jobs are alive, and whether jobs wait for one."""
    with connection.cursor() as cursor:
        cursor.execute(_WORKERS, [_ALIVE_SECONDS])
        alive, known = cursor.fetchone()
    waiting = RunPart.objects.count()
    remedy = "Run manage.py work, on as many machines as you want; manage.py serve runs a worker where it is told to."
    if not alive and waiting:
        yield failure("workers", f"none alive, and {counted(waiting, 'part')} of jobs to do", remedy)
    elif not alive:
        yield warning("workers", "none alive: background jobs would wait", remedy)
    else:
        dead = f", {counted(known - alive, 'other')} without a heartbeat" if known > alive else ""
        yield ok("workers", f"{alive:,} alive{dead}; {counted(waiting, 'part')} of jobs to do")
