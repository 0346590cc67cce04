"""Fixtures of the tests of annotation."""

from pathlib import Path

import pytest

from tests.catalogue.made_releases import RESIDUES, register


@pytest.fixture
def collection(tmp_path: Path) -> Path:
    """A collection of one sequence, `c`."""
    register(tmp_path, {"c": RESIDUES})
    return tmp_path
