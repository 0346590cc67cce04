"""System checks of the storages: each way in which one cannot be used has its message, and no other is named."""

from pathlib import Path

import pytest
from pytest_django import Settings

from catalogue.checks import check_storages


def found(settings: Settings, **urls: str) -> list[tuple[str, str]]:
    settings.HTSGETSITE_STORAGES = urls
    return [(message.id or "", message.msg) for message in check_storages(None)]


def test_folders_that_can_be_used_and_those_still_to_be_made(settings: Settings, tmp_path: Path) -> None:
    there = tmp_path / "there"
    there.mkdir()
    assert (
        found(
            settings,
            sequences=(tmp_path / "new" / "deep").as_uri(),
            files=there.as_uri(),
            more=there.as_uri(),
        )
        == []
    )


def test_a_foreign_folder_that_is_missing(settings: Settings, tmp_path: Path) -> None:
    [(kind, said)] = found(settings, cohort=(tmp_path / "cohort").as_uri())
    assert kind == "catalogue.W001"
    assert "'cohort'" in said


@pytest.mark.parametrize("name", ["files", "cohort"])
def test_a_place_that_is_no_folder(settings: Settings, tmp_path: Path, name: str) -> None:
    (tmp_path / "file").touch()
    [(kind, said)] = found(settings, **{name: (tmp_path / "file").as_uri()})
    assert kind == "catalogue.E002"
    assert repr(name) in said


def test_a_url_that_no_storage_takes(settings: Settings) -> None:
    [(kind, said)] = found(settings, cohort="ftp://host/path")
    assert kind == "catalogue.E001"
    assert "'cohort'" in said
