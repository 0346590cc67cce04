"""The embedded PostgreSQL with real processes: starts at once, ends of every kind, crashes, forks."""

import os
import secrets
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest
from django.db import connection

from htsgetsite.embedded.server import EmbeddedServer
from tests.live import PATIENCE
from tests.long_runs import every
from tests.paths import PROJECT

#: Connects, says so, and stays until told to go on; then asks again and ends as any program does.
USER = """
import sys, django
django.setup()
from django.db import connection
def ask():
    with connection.cursor() as cursor:
        cursor.execute("SELECT current_database()")
        print(*cursor.fetchone(), flush=True)
ask()
for line in sys.stdin:
    connection.close_if_unusable_or_obsolete()
    ask()
"""

#: Connects, forks a child that connects by itself, and ends while the child goes on.
FORKS = """
import os, sys, django
django.setup()
from django.db import connection
def ask():
    with connection.cursor() as cursor:
        cursor.execute("SELECT current_database()")
        print(*cursor.fetchone(), flush=True)
ask()
connection.close()
if os.fork() == 0:
    ask()
    sys.stdin.readline()
    connection.close()
    ask()
"""


_users: list[subprocess.Popen[str]] = []


@pytest.fixture(autouse=True)
def _end_users() -> Iterator[None]:
    """A test that fails leaves no process behind."""
    yield
    while _users:
        user = _users.pop()
        user.kill()
        user.communicate(timeout=PATIENCE)


def make_user(home: Path, program: str = USER) -> subprocess.Popen[str]:
    """A process that uses the server of `home`; wait for its first line before relying on it."""
    user = subprocess.Popen(
        [sys.executable, "-c", program],
        cwd=PROJECT,
        env={
            "PATH": os.environ["PATH"],
            "HTSGETSITE_HOME": str(home),
            "DJANGO_SETTINGS_MODULE": "tests.htsgetsite.database_settings",
        },
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    _users.append(user)
    return user


def hear(user: "subprocess.Popen[str]") -> str:
    assert user.stdout is not None
    return user.stdout.readline().strip()


def ask(user: "subprocess.Popen[str]") -> str:
    assert user.stdin is not None
    user.stdin.write("again\n")
    user.stdin.flush()
    return hear(user)


def end(user: "subprocess.Popen[str]") -> None:
    user.communicate(timeout=PATIENCE)
    assert user.returncode == 0


def postmaster(home: Path) -> psutil.Process | None:
    """The server process of `home`, where it is alive."""
    try:
        pid = int((home / "postgres" / "postmaster.pid").read_text().split()[0])
        process = psutil.Process(pid)
        if process.name() == "postgres" and process.status() != psutil.STATUS_ZOMBIE:
            return process
    except (FileNotFoundError, IndexError, psutil.NoSuchProcess):
        pass
    return None


def was_shut_down(home: Path) -> bool:
    """Whether the server's own log tells an orderly end since its last start."""
    log = (home / "postgres" / "server.log").read_text()
    return "database system is shut down" in log.rpartition("ready to accept connections")[2]


def await_orderly_end(home: Path) -> None:
    """Wait until the server is gone, and its log has the end: the file of its pid may be half written before."""
    deadline = time.monotonic() + PATIENCE
    while postmaster(home) is not None or not was_shut_down(home):
        assert time.monotonic() < deadline, (home / "postgres" / "server.log").read_text()[-2000:]
        time.sleep(0.05)


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A home with a cluster, which nobody uses at the moment."""
    home = tmp_path_factory.mktemp("embedded")
    user = make_user(home)
    assert hear(user) == "htsgetsite"
    end(user)
    assert postmaster(home) is None
    return home


def test_what_is_committed_is_on_the_disk(tmp_path: Path) -> None:
    """The server of the tests is told not to wait for the disk; the site's own never is."""
    options = EmbeddedServer(tmp_path)._options()
    assert "--listen_addresses=" in options
    assert not any(name in options for name in ("fsync", "synchronous_commit", "full_page_writes"))


@pytest.mark.django_db
def test_the_database_orders_by_code_point_and_knows_letters() -> None:
    with connection.cursor() as cursor:
        cursor.execute("SHOW server_version_num")
        assert cursor.fetchone()[0].startswith("18")
        cursor.execute("SELECT array_agg(word ORDER BY word) FROM unnest(ARRAY['a', 'B', 'ä', 'Z']) AS word")
        assert cursor.fetchone()[0] == ["B", "Z", "a", "ä"]
        cursor.execute("SELECT upper('ä'), current_setting('listen_addresses')")
        assert cursor.fetchone() == ("Ä", "")


def test_processes_that_start_together_share_one_new_server(tmp_path: Path) -> None:
    (tmp_path / "postgres.new").mkdir()
    (tmp_path / "postgres.new" / "PG_VERSION").write_text("left by a process that was killed")
    users = [make_user(tmp_path) for _ in range(6)]
    assert [hear(user) for user in users] == ["htsgetsite"] * 6
    server = postmaster(tmp_path)
    assert server is not None
    for user in users[:-1]:
        end(user)
    assert postmaster(tmp_path) == server
    assert ask(users[-1]) == "htsgetsite"
    end(users[-1])
    assert postmaster(tmp_path) is None
    assert was_shut_down(tmp_path)


def test_only_the_owner_may_enter(home: Path) -> None:
    assert (home / "postgres").stat().st_mode & 0o777 == 0o700
    assert (home / "secret_key").stat().st_mode & 0o777 == 0o600


@pytest.mark.parametrize("sent", every(3, [signal.SIGKILL, signal.SIGTERM, signal.SIGHUP]))
def test_a_killed_process_leaves_the_server_to_the_others(home: Path, sent: signal.Signals) -> None:
    first, second = make_user(home), make_user(home)
    assert hear(first) == hear(second) == "htsgetsite"
    first.send_signal(sent)
    first.communicate(timeout=PATIENCE)
    assert ask(second) == "htsgetsite"
    end(second)
    assert postmaster(home) is None


@pytest.mark.parametrize("sent", every(3, [signal.SIGKILL, signal.SIGTERM, signal.SIGHUP]))
def test_the_server_ends_with_the_last_process_though_that_was_killed(
    home: Path, sent: signal.Signals
) -> None:
    user = make_user(home)
    assert hear(user) == "htsgetsite"
    user.send_signal(sent)
    user.communicate(timeout=PATIENCE)
    await_orderly_end(home)


@pytest.mark.parametrize("steps", [10, pytest.param(60, marks=pytest.mark.long)])
def test_users_that_come_and_go_and_die_at_random_never_meet_a_stopped_server(home: Path, steps: int) -> None:
    users: list[subprocess.Popen[str]] = []
    for _ in range(steps):
        if len(users) < 3 or secrets.randbelow(2):
            users.append(make_user(home))
        else:
            user = users.pop(secrets.randbelow(len(users)))
            # Some have said their word, some are in the middle of joining.
            if secrets.randbelow(2):
                assert hear(user) == "htsgetsite"
            user.kill()
            user.communicate(timeout=PATIENCE)
    for user in users:
        assert hear(user) == "htsgetsite"
        assert ask(user) == "htsgetsite"
    for user in users:
        end(user)
    assert postmaster(home) is None


def test_a_crashed_server_is_started_again_by_the_next_connection(home: Path) -> None:
    user = make_user(home)
    assert hear(user) == "htsgetsite"
    server = postmaster(home)
    assert server is not None
    server.kill()
    deadline = time.monotonic() + PATIENCE
    while server.is_running() and server.status() != psutil.STATUS_ZOMBIE:
        assert time.monotonic() < deadline
        time.sleep(0.01)
    assert ask(user) == "htsgetsite"
    end(user)
    assert postmaster(home) is None


def test_a_pid_file_that_names_another_program_is_no_obstacle(home: Path) -> None:
    lines = [
        str(os.getpid()),
        str(home / "postgres"),
        "1700000000",
        "5432",
        str(home / "postgres"),
        "",
        "1 2",
        "ready",
    ]
    (home / "postgres" / "postmaster.pid").write_text("\n".join(lines) + "\n")
    user = make_user(home)
    assert hear(user) == "htsgetsite"
    end(user)


def test_a_forked_process_is_a_user_of_its_own(home: Path) -> None:
    user = make_user(home, FORKS)
    assert [hear(user), hear(user)] == ["htsgetsite", "htsgetsite"]
    assert user.wait(timeout=PATIENCE) == 0
    assert postmaster(home) is not None
    assert ask(user) == "htsgetsite"
    user.communicate(timeout=PATIENCE)
    await_orderly_end(home)


def test_a_home_too_deep_for_a_socket(tmp_path: Path) -> None:
    deep = tmp_path / ("d" * 60) / ("e" * 60)
    user = make_user(deep)
    assert hear(user) == "htsgetsite"
    end(user)
    assert postmaster(deep) is None


@pytest.mark.parametrize(
    "command", every(2, [["check"], ["--help"], ["migrate", "--help"], ["makemigrations", "--help"]])
)
def test_what_needs_no_database_starts_none(tmp_path: Path, command: list[str]) -> None:
    subprocess.run(
        [sys.executable, "manage.py", *command],
        cwd=PROJECT,
        env={"PATH": os.environ["PATH"], "HTSGETSITE_HOME": str(tmp_path)},
        check=True,
        capture_output=True,
    )
    assert not list(tmp_path.glob("postgres*"))
