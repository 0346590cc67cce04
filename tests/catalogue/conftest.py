"""Fixtures of the catalogue's tests."""

from pathlib import Path
from typing import Any

import pytest

from tests.catalogue.lab import Lab, make_lab


@pytest.fixture
def lab(settings: Any, tmp_path: Path) -> Lab:
    """A folder that is a storage named `lab`, one that is none, and the site's own storage of files."""
    return make_lab(settings, tmp_path)
