"""The static folders that the server process serves."""

from pathlib import Path
from typing import Any

from django.contrib.staticfiles import finders

from htsgetsite.server import static_folders


def found(path: str) -> bytes:
    located = finders.find(path)
    assert isinstance(located, str)
    return Path(located).read_bytes()


def test_folders_that_applications_share_are_served_together(settings: Any, tmp_path: Path) -> None:
    settings.HTSGETSITE_HOME = tmp_path
    leftover = tmp_path / "static/admin/js/former.js"
    leftover.parent.mkdir(parents=True)
    leftover.write_text("former")
    for _ in range(2):
        folder = static_folders()["/static/admin"]
        assert folder.is_relative_to(tmp_path)
        # One file is Django's alone, the other has another content in django-unfold, which comes first.
        for name in ("js/core.js", "js/actions.js"):
            assert (folder / name).read_bytes() == found(f"admin/{name}")
    assert not leftover.exists()


def test_other_folders_are_served_where_they_are() -> None:
    assert (static_folders()["/static/catalogue"] / "desk.css").read_bytes() == found("catalogue/desk.css")
