"""Time every statement of the database, and count its errors."""

import time
from collections.abc import Callable
from typing import Any

from django.db.backends.base.base import BaseDatabaseWrapper
from django.db.backends.signals import connection_created

from catalogue import metrics
from htsgetsite.observability.traces import statement_done


def observe_statements() -> None:
    """Observe the statements of every connection that this process opens from now on."""
    connection_created.connect(_observe, dispatch_uid="observe_statements")


def _observe(connection: BaseDatabaseWrapper, **_: Any) -> None:
    if _timed not in connection.execute_wrappers:
        connection.execute_wrappers.append(_timed)


def _timed(
    execute: Callable[..., Any], sql: str, parameters: Any, many: bool, context: dict[str, Any]
) -> Any:
    begun, failed = time.perf_counter(), False
    try:
        return execute(sql, parameters, many, context)
    except Exception as error:
        failed = True
        metrics.DATABASE_ERRORS.labels(type(error).__name__).inc()
        raise
    finally:
        seconds = time.perf_counter() - begun
        metrics.DATABASE_SECONDS.observe(seconds)
        statement_done(_operation(sql), seconds, failed=failed)


def _operation(sql: Any) -> str:
    """Return the first word of a statement, such as SELECT."""
    return str(sql).lstrip(" (\n").partition(" ")[0][:16].upper()
