"""What every test may use. The run has a home and an embedded PostgreSQL of its own: see tests/settings.py."""

import os
import shutil
from pathlib import Path

import pytest

from tests.object_store import object_store as object_store
from tests.object_store import running_object_store as running_object_store
from tests.object_store import stored_in_s3 as stored_in_s3


def pytest_unconfigure(config: pytest.Config) -> None:
    """Stops the embedded PostgreSQL of the run and removes its home."""
    from htsgetsite.embedded.base import embedded_server
    from tests.settings import OWN_HOME, OWNER

    embedded_server().leave()
    if OWNER and OWN_HOME in os.environ:
        shutil.rmtree(Path(os.environ.pop(OWN_HOME)), ignore_errors=True)
