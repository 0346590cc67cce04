"""What every test may use. Each worker has a home, a database and an object store of its own: see tests/settings.py."""

from collections.abc import Iterator

import pytest

from tests import programs
from tests.object_store import object_store as object_store
from tests.object_store import running_object_store as running_object_store
from tests.object_store import stored_in_s3 as stored_in_s3
from tests.simulated_time import simulated_time as simulated_time


@pytest.hookimpl(wrapper=True, tryfirst=True)
def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> Iterator[None]:
    """Say, after the summaries of pytest and before its last line, which programs the skipped tests need."""
    yield
    skipped = terminalreporter.stats.get("skipped", [])
    if line := programs.summary([str(report.longrepr[-1]) for report in skipped]):
        terminalreporter.write_line(line, yellow=True)
