"""Dump the database into a file and restore it, by PostgreSQL's own programs."""

import os
import shutil
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from django.conf import settings
from django.db import connection, transaction
from psycopg.conninfo import make_conninfo

from htsgetsite.embedded.server import binaries


class DumpFailed(Exception):
    """PostgreSQL's program is missing or failed; the message says why."""


@contextmanager
def snapshot() -> Iterator[str]:
    """Yield the name of a snapshot of the database: all that this block reads, and its dump, are of one moment."""
    with transaction.atomic():
        with connection.cursor() as cursor:
            cursor.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ READ ONLY")
            cursor.execute("SELECT pg_export_snapshot()")
            (name,) = cursor.fetchone()
        yield name


def dump_database(target: Path, *, snapshot: str) -> None:
    """Write the database in PostgreSQL's custom format, complete or not at all. Raises DumpFailed."""
    draft = target.with_name(f"{target.name}.new")
    _run(
        "pg_dump",
        "--format=custom",
        f"--snapshot={snapshot}",
        "--no-owner",
        "--no-privileges",
        f"--file={draft}",
    )
    draft.replace(target)


def restore_database(source: Path) -> None:
    """Restore a dump into the empty database, whole or not at all. Raises DumpFailed."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT count(*) FROM pg_tables WHERE schemaname = current_schema()")
        (tables,) = cursor.fetchone()
    if tables:
        raise DumpFailed(f"the database is not empty: it has {tables} tables. Restore into a new one.")
    _run(
        "pg_restore", "--no-owner", "--no-privileges", "--exit-on-error", "--single-transaction", str(source)
    )


def _run(program: str, *arguments: str) -> None:
    parameters: dict[str, Any] = {
        name: value
        for name, value in connection.get_connection_params().items()
        if name
        not in {"context", "cursor_factory", "prepare_threshold", "client_encoding", "server_side_binding"}
    }
    # Arguments of a process can be read by every account of the machine.
    password = str(parameters.pop("password", ""))
    target = make_conninfo(**parameters)
    command = [_path_of(program), *arguments, f"--dbname={target}", "--no-password"]
    done = subprocess.run(command, env={**os.environ, "PGPASSWORD": password}, capture_output=True, text=True)
    if done.returncode:
        raise DumpFailed(f"{program} failed: {done.stderr.strip()[-1000:]}")


def _path_of(program: str) -> str:
    """Return the path of a program: of the embedded server, or the one that is installed. Raises DumpFailed."""
    if settings.EMBEDDED:
        return str(binaries() / program)
    if found := shutil.which(program):
        return found
    raise DumpFailed(f"{program} is not installed; it comes with PostgreSQL's client programs.")
