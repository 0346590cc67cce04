"""Configure the PostgreSQL server that the site uses: the one of `DATABASE_URL`, or the embedded one."""

from typing import Any, NotRequired, TypedDict
from urllib.parse import parse_qsl, urlencode, urlsplit

import psycopg
from django.conf import settings
from django.db import DEFAULT_DB_ALIAS, connections
from psycopg.conninfo import conninfo_to_dict

from htsgetsite.embedded.server import DATABASE
from htsgetsite.environment import Unusable

#: Size of the connection pool of one worker, unless DATABASE_URL has `pool_max_size`.
POOL_SIZE = 16
#: Seconds that a thread waits for a connection of the pool.
POOL_TIMEOUT = 10.0


#: Options of libpq that end connections to a server that does not answer, in seconds (the last in milliseconds).
_LIVENESS = {
    "connect_timeout": 5,
    "keepalives_idle": 30,
    "keepalives_interval": 10,
    "keepalives_count": 3,
    "tcp_user_timeout": 30_000,
}


class Database(TypedDict):
    """One entry of Django's DATABASES."""

    ENGINE: str
    NAME: str
    OPTIONS: dict[str, Any]
    CONN_MAX_AGE: int | None
    CONN_HEALTH_CHECKS: bool
    USER: NotRequired[str]
    PASSWORD: NotRequired[str]
    HOST: NotRequired[str]
    PORT: NotRequired[str]


def embedded_database() -> Database:
    """Return the entry for the embedded server; each thread keeps its connection open."""
    return {
        "ENGINE": "htsgetsite.embedded",
        "NAME": DATABASE,
        "OPTIONS": {},
        "CONN_MAX_AGE": None,
        "CONN_HEALTH_CHECKS": True,
    }


def database_from_url(url: str) -> Database:
    """Parse `postgresql://user:password@host:port/name?option=value…` as libpq does.

    Two options are the site's own: `pool_max_size` and `pool_min_size`, the size of a connection pool that the threads
    of a process share, instead of one connection per thread. Raises `Unusable`, whose message never repeats the URL,
    because it may hold a password.
    """
    parts = urlsplit(url)
    if parts.scheme not in {"postgresql", "postgres"}:
        raise Unusable("expected a URL that starts with postgresql://")
    query = dict(parse_qsl(parts.query, keep_blank_values=True))
    pool: dict[str, int] = {}
    for name in ("min_size", "max_size"):
        value = query.pop(f"pool_{name}", None)
        if value is not None:
            if not (value.isascii() and value.isdigit()):
                raise Unusable(f"expected a whole number as pool_{name}")
            pool[name] = int(value)
    if pool and (
        "max_size" not in pool or not pool.get("min_size", 0) <= pool["max_size"] or not pool["max_size"]
    ):
        raise Unusable("expected pool_max_size of at least 1, and pool_min_size no larger")
    try:
        found = conninfo_to_dict(parts._replace(query=urlencode(query)).geturl())
    except psycopg.ProgrammingError:
        raise Unusable(
            "expected postgresql://user:password@host:port/name?option=value, with options that libpq knows"
        ) from None
    options: dict[str, Any] = {name: value for name, value in found.items() if value is not None}
    name = str(options.pop("dbname", ""))
    if not name:
        raise Unusable("expected the name of a database after the host: postgresql://host/name")
    database: Database = {
        "ENGINE": "htsgetsite.postgresql",
        "NAME": name,
        "USER": str(options.pop("user", "")),
        "PASSWORD": str(options.pop("password", "")),
        "HOST": str(options.pop("host", "")),
        "PORT": str(options.pop("port", "")),
        "OPTIONS": options,
        "CONN_MAX_AGE": None,
        "CONN_HEALTH_CHECKS": True,
    }
    if pool:
        _use_pool(database, {"min_size": 0, **pool})
    return database


def _use_pool(database: Database, pool: dict[str, Any]) -> None:
    database["OPTIONS"]["pool"] = pool
    database["CONN_MAX_AGE"] = 0
    # The backend sees by itself whether a connection of the pool is open; the pool would ask the server.
    database["CONN_HEALTH_CHECKS"] = False


def limit_waits() -> None:
    """Let new connections of this process end where the server does not answer."""
    options: dict[str, Any] = connections.settings[DEFAULT_DB_ALIAS]["OPTIONS"]
    for name, value in _LIVENESS.items():
        options.setdefault(name, value)


def share_connections() -> int:
    """Set up a connection pool and timeouts for a process that answers requests; return the size of the pool.

    Commands do not call it: they use one connection, and their statements may take long. Connections that are open are
    closed, because they are not of the pool.
    """
    connections.close_all()
    database = connections.settings[DEFAULT_DB_ALIAS]
    options: dict[str, Any] = database["OPTIONS"]
    limit_waits()
    if settings.DATABASE_STATEMENT_TIMEOUT:
        # The operator's own options come last, and so win.
        timeout = f"-c statement_timeout={settings.DATABASE_STATEMENT_TIMEOUT}s"
        if timeout not in options.get("options", ""):
            options["options"] = f"{timeout} {options.get('options', '')}".strip()
    pool = {"min_size": 0, "max_size": POOL_SIZE, "timeout": POOL_TIMEOUT, **options.get("pool", {})}
    _use_pool(database, pool)
    return int(pool["max_size"])
