"""The same comparison with every file in an object store: clients fetch blocks there, with what the ticket says alone.

The gate in front of the store refuses whatever is not signed as it is asked for; see tests/object_gate.py.
"""

from pathlib import Path
from typing import Any

import pytest
from django.test import Client

from tests.htsget_app.made_served import Served, each_file
from tests.htsget_app.test_served_tickets import CRAMS, compare_answers, compare_cram_answers, cram
from tests.object_store import ObjectStore

__all__ = ["cram"]
pytestmark = pytest.mark.django_db


@each_file
def test_answers(client: Client, settings: Any, served: Served, stored_in_s3: ObjectStore) -> None:
    compare_answers(client, settings, served, regions=3, posts=2)


@pytest.mark.parametrize("cram", CRAMS, indirect=True)
def test_cram_answers(
    client: Client, settings: Any, tmp_path: Path, cram: tuple[Path, Path], stored_in_s3: ObjectStore
) -> None:
    compare_cram_answers(client, settings, tmp_path, cram, regions=3, posts=1)
