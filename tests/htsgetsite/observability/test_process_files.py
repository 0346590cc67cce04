"""The folder in which the processes of a server count."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from htsgetsite.observability.process_files import VARIABLE, remove_metrics, share_metrics


@pytest.fixture(autouse=True)
def folders(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    # Set first, so that it is removed again at the end.
    monkeypatch.setenv(VARIABLE, "")
    monkeypatch.delenv(VARIABLE)
    return tmp_path


def test_a_folder_is_made_and_removed(folders: Path) -> None:
    share_metrics()
    [made] = folders.iterdir()
    assert os.environ[VARIABLE] == str(made)
    assert made.stat().st_mode & 0o777 == 0o700
    remove_metrics()
    assert not list(folders.iterdir())


def test_folders_of_killed_servers_are_removed_and_others_stay(folders: Path) -> None:
    ended = subprocess.Popen([sys.executable, "-c", ""])
    ended.wait()
    for name in (f"htsgetsite-metrics-{ended.pid}-x", f"htsgetsite-metrics-{os.getppid()}-x", "other"):
        (folders / name).mkdir()
    share_metrics()
    kept = {folder.name for folder in folders.iterdir()} - {Path(os.environ[VARIABLE]).name}
    assert kept == {f"htsgetsite-metrics-{os.getppid()}-x", "other"}


def test_the_folder_of_the_operator_is_used_and_stays(folders: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(VARIABLE, str(folders))
    share_metrics()
    remove_metrics()
    assert os.environ[VARIABLE] == str(folders)
    assert folders.exists()
