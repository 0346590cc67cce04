"""The HTTP server process: Granian, which runs the WSGI application and serves the static files of the pages."""

import ctypes
import http.client
import logging
import os
import shutil
import signal
import socket
import sys
import threading
import time
from collections import defaultdict
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path

from django.conf import settings
from django.contrib.staticfiles.finders import AppDirectoriesFinder
from django.db import connection, connections
from django.db.utils import Error as DatabaseError
from granian.constants import HTTPModes, Interfaces
from granian.http import HTTP1Settings
from granian.log import LogLevels
from granian.server import Server

from htsgetsite.database import limit_waits, share_connections
from htsgetsite.health import unapplied_migrations
from htsgetsite.job_process import start_jobs
from htsgetsite.postgresql.base import DatabaseWrapper

log = logging.getLogger(__name__)

#: Connections that a worker keeps open, idle ones included; further ones wait until one is closed.
CONNECTIONS = 1024
#: Threads that a worker may start: one per connection, because a thread is busy while its client sends or receives a
#: body, and slow clients must not use up all threads. `connection_guard` limits how slow they may be.
THREADS = CONNECTIONS
#: Milliseconds within which a client has to send the headers of its next request.
HEADER_TIMEOUT = 30_000
#: Seconds that running requests get to finish when the server is told to stop.
GRACE = 30

_PR_SET_PDEATHSIG = 1


class CannotServe(Exception):
    """The server cannot start; the message says why and what to do."""


def serve(*, host: str, port: int, workers: int, when_ready: Callable[[str], None]) -> None:
    """Answer requests until SIGTERM, SIGINT or SIGHUP. Workers that die are replaced; none outlives this process.

    Calls `when_ready` with the URL once requests are answered. Raises `CannotServe`; exits with status 1 if workers die
    as soon as they start.
    """
    limit_waits()
    # Before there is a pool, which would wait for a server that is down.
    max_connections = _check_database()
    _warn_of_connections(workers, workers * share_connections(), max_connections)
    ip = _free_address(host, port)
    # Workers are forked and must not share database connections with this process.
    connections.close_all()
    for each in connections.all(initialized_only=True):
        if isinstance(each, DatabaseWrapper):
            each.close_pool()
    routes = static_folders()
    server = Server(
        "htsgetsite.worker:application",
        address=ip,
        port=port,
        interface=Interfaces.WSGI,
        workers=workers,
        blocking_threads=THREADS,
        backpressure=CONNECTIONS,
        # Over HTTP/1 a body shorter than its Content-Length ends the connection, so that every client notices.
        http=HTTPModes.http1,
        http1_settings=HTTP1Settings(header_read_timeout=HEADER_TIMEOUT),
        websockets=False,
        respawn_failed_workers=True,
        workers_kill_timeout=GRACE,
        static_path_route=list(routes),
        static_path_mount=list(routes.values()),
        log_level=LogLevels.error,
        log_dictconfig=settings.LOGGING,
    )

    @server.on_startup
    def end_with_the_terminal() -> None:
        signal.signal(signal.SIGHUP, server.signal_handler_interrupt)

    end_jobs = start_jobs(concurrency=settings.SERVE_JOBS)
    threading.Thread(target=_await_answer, args=(ip, port, when_ready), daemon=True).start()
    os.register_at_fork(after_in_child=partial(_become_worker, os.getpid()))
    end_metrics = _serve_metrics()
    try:
        server.serve()
    finally:
        end_jobs()
        end_metrics()


def address(host: str, port: int) -> str:
    """Return the URL of the site for a browser on this machine."""
    everywhere = {"0.0.0.0": "127.0.0.1", "::": "[::1]"}  # noqa: S104
    shown = everywhere.get(host, f"[{host}]" if ":" in host else host)
    return f"http://{shown}:{port}"


def static_folders() -> dict[str, Path]:
    """Return the static folders of the installed applications by URL path; the first application wins.

    This needs no `collectstatic`, and nothing but these folders is served. Where applications share a folder, as
    django-unfold does with Django's admin, its files are copied together below the home.
    """
    found: defaultdict[str, list[Path]] = defaultdict(list)
    for storage in AppDirectoriesFinder().storages.values():
        for folder in sorted(Path(storage.location).iterdir()):
            if folder.is_dir():
                found[folder.name].append(folder)
    prefix = settings.STATIC_URL.rstrip("/")
    return {
        f"{prefix}/{name}": folders[0] if len(folders) == 1 else _merged(name, folders)
        for name, folders in found.items()
    }


def _merged(name: str, folders: Sequence[Path]) -> Path:
    """Copy the files of several folders into one, those of the first folder over others; return it."""
    target = Path(settings.HTSGETSITE_HOME) / "static" / name
    wanted: dict[Path, Path] = {}
    for folder in reversed(folders):
        wanted |= {path.relative_to(folder): path for path in folder.rglob("*") if path.is_file()}
    for known in target.rglob("*"):
        if known.is_file() and known.relative_to(target) not in wanted:
            known.unlink()
    for relative, source in wanted.items():
        copy = target / relative
        if not copy.exists() or copy.read_bytes() != source.read_bytes():
            copy.parent.mkdir(parents=True, exist_ok=True)
            # Renamed into place, because another server may be sending the former file.
            draft = copy.with_name(f".{copy.name}.{os.getpid()}")
            shutil.copyfile(source, draft)
            draft.replace(copy)
    return target


def _serve_metrics() -> Callable[[], None]:
    # It imports models, and this module may be imported before Django is set up.
    from htsgetsite.observability.endpoint import serve_metrics

    try:
        return serve_metrics(settings.METRICS_LISTEN)
    except OSError as error:
        raise CannotServe(f"Cannot listen on METRICS_LISTEN: {error.strerror}.") from error


def _check_database() -> int:
    """Return the number of connections that the database allows. Raises `CannotServe`."""
    try:
        missing = unapplied_migrations()
        with connection.cursor() as cursor:
            cursor.execute("SHOW max_connections")
            max_connections = int(cursor.fetchone()[0])
    except DatabaseError as error:
        raise CannotServe(f"The database does not answer: {error}") from error
    if missing:
        raise CannotServe(
            f"The database is not up to date ({len(missing)} migrations are missing, first {missing[0]}). "
            "Run: manage.py migrate"
        )
    return max_connections


def _warn_of_connections(workers: int, wanted: int, max_connections: int) -> None:
    if wanted > max_connections:
        log.warning(
            "%d workers may want %d connections, but the database allows %d: add pool_max_size=%d to DATABASE_URL",
            *(workers, wanted, max_connections, max(1, (max_connections - 10) // workers)),
        )


def _free_address(host: str, port: int) -> str:
    """Return the IP address to listen on. Raises `CannotServe` if the port is in use.

    The check is needed because workers share the port: a second server would silently take half of the requests.
    """
    try:
        family, kind, _, _, found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0]
        with socket.socket(family, kind) as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            probe.bind(found)
    except OSError as error:
        raise CannotServe(f"Cannot listen on {host} port {port}: {error.strerror}.") from error
    return str(found[0])


def _become_worker(server: int) -> None:
    """Prepare a new worker, a child of the process `server`.

    Restores the default signal handlers, because until Granian sets its own the inherited ones would ignore signals.
    Makes a process group, so that Ctrl-C reaches only the server, which then stops its workers. Ends the worker with
    its server, because a worker whose server was killed would keep the port.
    """
    for told in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
        signal.signal(told, signal.SIG_DFL)
    os.setpgid(0, 0)
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGTERM)
        if os.getppid() != server:
            os._exit(1)


def _await_answer(host: str, port: int, when_ready: Callable[[str], None]) -> None:
    url = address(host, port)
    target = url.removeprefix("http://").rpartition(":")[0].strip("[]")
    while True:
        attempt = http.client.HTTPConnection(target, port, timeout=5)
        try:
            attempt.request("GET", "/healthz")
            attempt.getresponse().read()
        except (OSError, http.client.HTTPException):
            time.sleep(0.05)
        else:
            when_ready(url)
            return
        finally:
            attempt.close()
