"""The site's settings: what each environment leads to, in processes of their own, and their documentation."""

import os
import re
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from importlib import import_module
from pathlib import Path
from typing import Any
from unittest.mock import patch

import pytest

import htsgetsite
from htsgetsite import __version__, settings
from htsgetsite.database import database_from_url
from htsgetsite.environment import EnvironmentProblem, Unusable
from htsgetsite.secret import kept_secret
from tests.paths import PROJECT

SECRET = "3Yk0b9xJQv7mZt2sLw8nRf5hGd1cPa6eUi4oXyB-KqTzVjNrMgHsDlFw_E"
PRODUCTION = {
    "DATABASE_URL": "postgresql://site:hunter2@db.example.org/catalogue?sslmode=require&pool_max_size=16",
    "SECRET_KEY": SECRET,
    "ALLOWED_HOSTS": "data.example.org",
    "PUBLIC_URL": "https://data.example.org/",
    "TRUST_PROXY": "1",
    "SERVICE_ID": "org.example.data",
    "SERVICE_CONTACT_URL": "mailto:data@example.org",
}


def manage(home: Path, *arguments: str, **variables: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "manage.py", *arguments],
        cwd=PROJECT,
        env={"PATH": os.environ["PATH"], "HTSGETSITE_HOME": str(home), **variables},
        capture_output=True,
        text=True,
    )


def settings_of(home: Path, **variables: str) -> dict[str, Any]:
    """What the settings hold in that environment. Raises EnvironmentProblem."""
    with (
        patch.dict(os.environ, {"HTSGETSITE_HOME": str(home), **variables}, clear=True),
        patch.dict(sys.modules),
        patch.object(htsgetsite, "settings", settings),
    ):
        for name in [name for name in sys.modules if name.startswith("htsgetsite.settings")]:
            del sys.modules[name]
        return vars(import_module("htsgetsite.settings"))


def test_documentation_lists_every_setting_as_it_is_declared() -> None:
    page = (PROJECT / "docs" / "settings.md").read_text(encoding="utf-8")
    documented = re.findall(r"^\| `.*\|$", page, flags=re.MULTILINE)
    declared = [
        f"| `{d.name}` | {d.kind} | {d.default} | {d.doc} |" for d in settings.ENVIRONMENT.declarations
    ]
    assert documented == declared, "docs/settings.md must hold these lines:\n" + "\n".join(declared)


def test_the_page_on_security_has_the_defaults_of_every_rate_limit() -> None:
    page = (PROJECT / "docs" / "security.md").read_text(encoding="utf-8")
    told = dict(re.findall(r"^\| `(\w+)` \| ([\w/]+) \|", page, flags=re.MULTILINE))
    assert told == {
        d.name: d.default
        for d in settings.ENVIRONMENT.declarations
        if d.name.startswith("THROTTLE_") or d.name == "MAX_CONNECTIONS_PER_ADDRESS"
    }
    nginx = (PROJECT / "deploy" / "nginx.conf").read_text(encoding="utf-8")
    assert f"limit_conn clients {told['MAX_CONNECTIONS_PER_ADDRESS']};" in nginx


def test_the_test_run_ignores_the_environment_of_its_user() -> None:
    declared = {declaration.name for declaration in settings.ENVIRONMENT.declarations}
    assert not {name for name in declared if name in os.environ} - {"HTSGETSITE_HOME"}


def test_a_fresh_clone_needs_no_setting(tmp_path: Path) -> None:
    found = settings_of(tmp_path)
    assert found["DEBUG"] is False
    assert found["EMBEDDED"] is True
    assert found["ALLOWED_HOSTS"] == ["localhost", "127.0.0.1", "[::1]"]
    assert found["SECRET_KEY"] == (tmp_path / "secret_key").read_text().strip()
    assert settings_of(tmp_path)["SECRET_KEY"] == found["SECRET_KEY"]


def test_production_is_sound(tmp_path: Path) -> None:
    done = manage(tmp_path, "check", "--deploy", "--fail-level", "WARNING", **PRODUCTION)
    assert done.returncode == 0, done.stderr
    assert "hunter2" not in done.stdout + done.stderr
    assert not (tmp_path / "secret_key").exists()
    found = settings_of(tmp_path, **PRODUCTION)
    assert found["PUBLIC_URL"] == "https://data.example.org"
    assert found["SECURE_HSTS_SECONDS"] == 2592000
    assert found["SESSION_COOKIE_SECURE"] is True
    assert found["ALLOWED_HOSTS"] == ["data.example.org"]


@pytest.mark.parametrize(
    ("variables", "said"),
    [
        ({"DATABASE_URL": "postgresql://db/name"}, "SECRET_KEY: expected a secret"),
        (
            {"DATABASE_URL": "mysql://u:hunter2@db/name"},
            "DATABASE_URL: expected a URL that starts with postgresql://",
        ),
        ({"DATABASE_URL": "postgresql://u:hunter2@db"}, "DATABASE_URL: expected the name of a database"),
        (
            {"DATABASE_URL": "postgresql://u:hunter2@db/n?sslmod=require"},
            "DATABASE_URL: expected postgresql://user",
        ),
        (
            {"DATABASE_URL": "postgresql://db/n?pool_max_size=many"},
            "DATABASE_URL: expected a whole number as pool_max",
        ),
        ({"DATABASE_URL": "postgresql://db/n?pool_min_size=4"}, "DATABASE_URL: expected pool_max_size"),
        ({"SECRET_KEY": "hunter2"}, "SECRET_KEY: expected at least 50 characters"),
        ({"SECRET_KEY": "hunter2" * 10, "DEBUG": "1"}, "10 of them different"),
        (
            {"SECRET_KEY_FALLBACKS": f"{SECRET} hunter2"},
            "SECRET_KEY_FALLBACKS: expected earlier secret keys, each of",
        ),
        ({"DEBUG": "nope"}, "DEBUG: expected 1, true"),
        ({"PORT": "70000"}, "PORT: expected a whole number from 1 to 65535"),
        ({"PUBLIC_URL": "data.example.org"}, "PUBLIC_URL: expected an address such as https://"),
        ({"HTSGETSITE_STORAGES": '{"files": "/srv"}'}, "HTSGETSITE_STORAGES: expected file:///… or s3://…"),
        (
            {"HTSGETSITE_STORAGES": '{"files": "file://srv/a"}'},
            "HTSGETSITE_STORAGES: expected file:///absolute",
        ),
        ({"HTSGETSITE_STORAGES": '{"a/b": "file:///srv"}'}, "HTSGETSITE_STORAGES: expected a name of ASCII"),
        ({"LOG_LEVEL": "chatty"}, "LOG_LEVEL: expected one of DEBUG, INFO"),
        ({"TICKET_URL_TTL": "0"}, "TICKET_URL_TTL: expected a whole number from 1"),
    ],
)
def test_a_bad_setting_is_told(tmp_path: Path, variables: dict[str, str], said: str) -> None:
    with pytest.raises(EnvironmentProblem) as problem:
        settings_of(tmp_path, **variables)
    assert said in str(problem.value)
    assert "hunter2" not in str(problem.value)


def test_bad_settings_end_a_command_with_a_sentence_each(tmp_path: Path) -> None:
    done = manage(tmp_path, "check", DEBUG="nope", DATABASE_URL="mysql://u:hunter2@db/name")
    assert done.returncode == 2
    assert [line.partition(":")[0] for line in done.stderr.splitlines()[1:]] == [
        "DEBUG",
        "DATABASE_URL",
        "SECRET_KEY",
    ]
    assert "Traceback" not in done.stderr
    assert "hunter2" not in done.stderr


def test_a_home_that_cannot_be_made_is_told(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(
        EnvironmentProblem, match="HTSGETSITE_HOME: expected a folder that the site may write to"
    ):
        settings_of(tmp_path / "file" / "home")


def test_database_url() -> None:
    database = database_from_url(
        "postgres://us%40er:p%2Fw@[::1]:6543/na%20me?sslmode=verify-full&connect_timeout=5"
    )
    assert database == {
        "ENGINE": "htsgetsite.postgresql",
        "NAME": "na me",
        "USER": "us@er",
        "PASSWORD": "p/w",
        "HOST": "::1",
        "PORT": "6543",
        "OPTIONS": {"sslmode": "verify-full", "connect_timeout": "5"},
        "CONN_MAX_AGE": None,
        "CONN_HEALTH_CHECKS": True,
    }
    socket = database_from_url("postgresql://site@%2Fvar%2Frun/name?pool_max_size=4")
    assert socket["HOST"] == "/var/run"
    assert socket["OPTIONS"] == {"pool": {"min_size": 0, "max_size": 4}}
    # Django keeps no connection of its own beside a pool.
    assert socket["CONN_MAX_AGE"] == 0
    with pytest.raises(Unusable):
        database_from_url("postgresql://host/name?pool_min_size=5&pool_max_size=2")


def test_processes_that_start_together_keep_one_secret(tmp_path: Path) -> None:
    path = tmp_path / "home" / "secret_key"
    with ThreadPoolExecutor(16) as threads:
        found = set(threads.map(lambda _: kept_secret(path), range(64)))
    assert len(found) == 1
    assert len(found.pop()) >= 50
    assert path.stat().st_mode & 0o777 == 0o600
    assert [entry.name for entry in path.parent.iterdir()] == ["secret_key"]


@pytest.mark.parametrize("said", ["version", "--version"])
def test_the_version_is_the_sites(tmp_path: Path, said: str) -> None:
    done = manage(tmp_path, said, DEBUG="nope")
    assert (done.returncode, done.stdout) == (0, f"htsgetsite {__version__}\n")


def test_no_command_is_offered_that_cannot_work(tmp_path: Path) -> None:
    offered = manage(tmp_path, "help", "--commands").stdout.split()
    assert "serve" in offered and "generateschema" not in offered
