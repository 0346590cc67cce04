"""What every test may use. The run has a home and an embedded PostgreSQL of its own: see tests/settings.py."""

import os
import shutil
from pathlib import Path

import pytest


def pytest_unconfigure(config: pytest.Config) -> None:
    """Stops the embedded PostgreSQL of the run and removes its home."""
    from htsgetsite.embedded.base import embedded_server
    from tests.settings import OWN_HOME, OWNER

    embedded_server().leave()
    if OWNER and OWN_HOME in os.environ:
        shutil.rmtree(Path(os.environ.pop(OWN_HOME)), ignore_errors=True)
