"""Fixtures of all tests. Each worker has a home, a database and an object store of its own: see tests/settings.py."""

import gc
from collections.abc import Iterator
from importlib import import_module

import pytest
from django.apps import apps
from django.db import connection
from django.db.models.signals import post_migrate

from tests import programs
from tests.object_store import object_store as object_store
from tests.object_store import running_object_store as running_object_store
from tests.object_store import stored_in_s3 as stored_in_s3
from tests.own_database import database_url as database_url
from tests.own_database import migrated_database as migrated_database
from tests.reading import _reads_here as _reads_here
from tests.reading import reader_processes as reader_processes
from tests.simulated_time import simulated_time as simulated_time


@pytest.hookimpl(wrapper=True)
def pytest_collection() -> Iterator[None]:
    """Collect tests, which live to the end, without looking for garbage among them, then and later."""
    gc.disable()
    try:
        return (yield)
    finally:
        gc.freeze()
        gc.enable()


@pytest.hookimpl(wrapper=True, tryfirst=True)
def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> Iterator[None]:
    """Say, after the summaries of pytest and before its last line, which programs the skipped tests need."""
    yield
    skipped = terminalreporter.stats.get("skipped", [])
    if line := programs.summary([str(report.longrepr[-1]) for report in skipped]):
        terminalreporter.write_line(line, yellow=True)


@pytest.fixture(scope="session")
def django_db_modify_db_settings(
    django_db_modify_db_settings_parallel_suffix: None, migrated_database: str
) -> None:
    """Make the database of the tests, too, by copying that one."""
    connection.settings_dict["TEST"]["TEMPLATE"] = migrated_database


@pytest.fixture(scope="session", autouse=True)
def _seed_after_flush() -> Iterator[None]:
    """Add again what migrations seed, when a test that commits is followed by a flush of every table."""
    seeds = [
        import_module(f"catalogue.migrations.{name}").seed
        for name in ("0002_authorities", "0011_sam_authority", "0051_roles", "0071_genome_roles")
    ]

    def seed(**_: object) -> None:
        for each in seeds:
            each(apps, None)

    catalogue = apps.get_app_config("catalogue")
    post_migrate.connect(seed, sender=catalogue)
    yield
    post_migrate.disconnect(seed, sender=catalogue)


@pytest.fixture(autouse=True)
def _no_events_of_other_tests(request: pytest.FixtureRequest) -> None:
    """Let each test begin with an empty audit: processes of a test that commits may write after its flush."""
    marker = request.node.get_closest_marker("django_db")
    if marker is None or marker.kwargs.get("transaction"):
        return
    request.getfixturevalue("db")
    with connection.cursor() as cursor:
        # Within the transaction of the test, which is rolled back.
        cursor.execute("SELECT set_config('htsgetsite.audit_removal', 'retention', true)")
        cursor.execute("DELETE FROM catalogue_auditevent")
        cursor.execute("SELECT set_config('htsgetsite.audit_removal', 'flush', true)")
