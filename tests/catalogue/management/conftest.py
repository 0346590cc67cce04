"""Fixtures of the tests of commands."""

from pathlib import Path
from typing import Any

import pytest

from catalogue import queries


@pytest.fixture
def stored(settings: Any, tmp_path: Path) -> Path:
    """The folder of the storage of residues, empty."""
    folder = tmp_path / "stored"
    folder.mkdir()
    settings.HTSGETSITE_STORAGES = {**settings.HTSGETSITE_STORAGES, "sequences": folder.as_uri()}
    queries.forget_sequences()
    return folder
