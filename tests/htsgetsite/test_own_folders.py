"""The site's own folders are closed to other accounts, whatever the umask."""

import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from htsgetsite.own_folders import make_own_folders


@pytest.fixture(autouse=True)
def open_umask() -> Iterator[None]:
    before = os.umask(0)
    yield
    os.umask(before)


def test_new_folders_are_for_their_owner_only(settings: Any, tmp_path: Path) -> None:
    home = tmp_path / "home"
    settings.HTSGETSITE_HOME = home
    settings.HTSGETSITE_STORAGES = {
        "sequences": (home / "data" / "sequences").as_uri(),
        "files": (tmp_path / "elsewhere").as_uri(),
    }
    make_own_folders()
    for folder in (home, home / "data", home / "data" / "sequences"):
        assert folder.stat().st_mode & 0o777 == 0o700, folder
    assert not (tmp_path / "elsewhere").exists(), "a folder outside the home is the operator's"
    make_own_folders()


def test_folders_that_exist_keep_their_permissions(settings: Any, tmp_path: Path) -> None:
    tmp_path.chmod(0o755)
    settings.HTSGETSITE_HOME = tmp_path
    settings.HTSGETSITE_STORAGES = {name: (tmp_path / name).as_uri() for name in ("sequences", "files")}
    make_own_folders()
    assert tmp_path.stat().st_mode & 0o777 == 0o755
    assert (tmp_path / "files").stat().st_mode & 0o777 == 0o700
