"""Staging folders live as long as their process."""

import multiprocessing
import os
import signal
from pathlib import Path

import pytest

from catalogue.ingest.staging import staging_folder
from catalogue.storage import LocalStorage


def folders(place: LocalStorage) -> list[Path]:
    return list(place.staging().glob("ingest-*"))


def _die_in_staging(root: Path) -> None:
    with staging_folder(LocalStorage("x", root)) as folder:
        (folder / "half").write_bytes(b"ACGT")
        os.kill(os.getpid(), signal.SIGKILL)


def test_a_folder_of_its_own_is_removed_also_after_an_error(tmp_path: Path) -> None:
    place = LocalStorage("x", tmp_path)
    with staging_folder(place) as one, staging_folder(place) as other:
        assert one != other
        assert sorted(folders(place)) == sorted([one, other])
    with pytest.raises(ValueError, match="inside"), staging_folder(place) as folder:
        (folder / "deep").mkdir()
        raise ValueError("inside")
    assert not folders(place)


def test_the_folder_of_a_killed_process_is_removed_by_the_next(tmp_path: Path) -> None:
    place = LocalStorage("x", tmp_path)
    process = multiprocessing.get_context("fork").Process(target=_die_in_staging, args=(tmp_path,))
    process.start()
    process.join()
    assert process.exitcode == -signal.SIGKILL
    (left,) = folders(place)
    assert (left / "half").exists()
    with staging_folder(place) as folder:
        assert folders(place) == [folder]


def test_something_that_is_no_folder_does_no_harm(tmp_path: Path) -> None:
    place = LocalStorage("x", tmp_path)
    (place.staging() / "ingest-file").write_bytes(b"")
    (place.staging() / "ingest-without-lock").mkdir()
    with staging_folder(place) as folder:
        assert folder in folders(place)
        assert not (place.staging() / "ingest-without-lock").exists()
