"""A storage of its own for each test, so that one may break it."""

from pathlib import Path
from typing import Any

import pytest


@pytest.fixture(autouse=True)
def residues_folder(settings: Any, tmp_path: Path) -> Path:
    """The folder of the storage of residues."""
    folder = tmp_path / "sequences"
    folder.mkdir()
    settings.HTSGETSITE_STORAGES = {**settings.HTSGETSITE_STORAGES, "sequences": folder.as_uri()}
    return folder
