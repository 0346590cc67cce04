"""The folder in which the processes of a server count."""

import os
import subprocess
import sys
import tempfile
from pathlib import Path

import pytest

from htsgetsite.observability.process_files import VARIABLE, share_metrics
from tests.paths import PROJECT


@pytest.fixture(autouse=True)
def folders(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    # Set first, so that it is removed again at the end.
    monkeypatch.setenv(VARIABLE, "")
    monkeypatch.delenv(VARIABLE)
    return tmp_path


def run(script: str) -> list[str]:
    """The lines that a process prints which shares its metrics, in these folders."""
    code = f"import os\nfrom htsgetsite.observability.process_files import *\nshare_metrics()\n{script}"
    done = subprocess.run(
        [sys.executable, "-c", code],
        cwd=PROJECT,
        env={**os.environ, "TMPDIR": str(tempfile.tempdir)},
        capture_output=True,
        text=True,
        check=True,
    )
    return done.stdout.split()


def test_a_folder_is_made_and_removed_with_its_process(folders: Path) -> None:
    shown = "folder = os.environ[VARIABLE]\nprint(folder, oct(os.stat(folder).st_mode))"
    [made, mode] = run(
        f"{shown}\nif os.fork() == 0:\n    raise SystemExit\nos.wait()\nassert os.path.exists(folder)"
    )
    assert Path(made).parent == folders and mode == "0o40700"
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
    assert run("print(os.environ[VARIABLE])") == [str(folders)]
    assert folders.exists()


def test_metrics_count_into_files_with_reserved_disk() -> None:
    made = "from prometheus_client import Counter\nCounter('a', 'b').inc()\n"
    shown = "print(*(os.stat(f'{os.environ[VARIABLE]}/{n}').st_blocks * 512 for n in os.listdir(os.environ[VARIABLE])))"
    assert [int(size) >= 1 << 19 for size in run(made + shown)] == [True]
