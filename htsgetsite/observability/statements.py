"""Time every statement of the database, and count its errors."""

import time
from collections.abc import Callable
from typing import Any

from django.db.backends.base.base import BaseDatabaseWrapper
from django.db.backends.signals import connection_created

from catalogue import metrics


def observe_statements() -> None:
    """Observe the statements of every connection that this process opens from now on."""
    connection_created.connect(_observe, dispatch_uid="observe_statements")


def _observe(connection: BaseDatabaseWrapper, **_: Any) -> None:
    if _timed not in connection.execute_wrappers:
        connection.execute_wrappers.append(_timed)


def _timed(
    execute: Callable[..., Any], sql: str, parameters: Any, many: bool, context: dict[str, Any]
) -> Any:
    begun = time.perf_counter()
    try:
        return execute(sql, parameters, many, context)
    except Exception as error:
        metrics.DATABASE_ERRORS.labels(type(error).__name__).inc()
        raise
    finally:
        metrics.DATABASE_SECONDS.observe(time.perf_counter() - begun)
