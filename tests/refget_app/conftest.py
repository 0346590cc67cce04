"""A storage of its own for each test, so that one may break it, and the sequence that most tests ask for."""

from pathlib import Path
from typing import Any

import pytest

from catalogue.models import Sequence
from tests.refget_app.answers.asked import RESIDUES
from tests.refget_app.made_sequences import make_sequence


@pytest.fixture(autouse=True)
def residues_folder(settings: Any, tmp_path: Path) -> Path:
    """The folder of the storage of residues."""
    folder = tmp_path / "sequences"
    folder.mkdir()
    settings.HTSGETSITE_STORAGES = {**settings.HTSGETSITE_STORAGES, "sequences": folder.as_uri()}
    return folder


@pytest.fixture
def held(db: None, residues_folder: Path) -> Sequence:
    """The row of RESIDUES, with names of four authorities, in a blob that holds something before it."""
    return make_sequence(
        RESIDUES,
        aliases=[("insdc", "BK006935.2"), ("Ensembl", "I"), ("ucsc", "chrI"), ("local", "a/b c")],
        before=b"NNNNN",
    )
