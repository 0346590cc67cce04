"""The rooms and the direction between them, as import-linter and the interpreter's own list of modules see them."""

import ast
import re
import subprocess
import sys
import tomllib
from pathlib import Path

from django.conf import settings

from tests.paths import PROJECT

CONTRACTS = tomllib.loads((PROJECT / "pyproject.toml").read_text(encoding="utf-8"))["tool"]["importlinter"]
ROOMS = tuple(CONTRACTS["root_packages"])
#: What the pure room may import besides the standard library.
PURE = {"numpy", "isal"}


def imported(path: Path) -> set[str]:
    names: set[str] = set()
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            names |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path} imports relatively"
            names.add(node.module or "")
    return names


def test_contracts_are_kept() -> None:
    done = subprocess.run(
        [Path(sys.executable).with_name("lint-imports"), "--no-cache"],
        cwd=PROJECT,
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stdout


def test_every_package_has_its_place() -> None:
    """Contracts with `exhaustive` see to the modules inside; tests and measurements are no part of the program."""
    packages = {path.parent.name for path in PROJECT.glob("*/__init__.py")} - {"tests", "bench"}
    placed = [name for layer in CONTRACTS["contracts"][0]["layers"] for name in layer.split(" | ")]
    assert packages == set(ROOMS) == set(placed)
    assert {name.partition(".")[0] for name in settings.PROTOCOLS} < packages


def test_formats_are_pure() -> None:
    files = list((PROJECT / "catalogue" / "formats").glob("**/*.py"))
    assert files
    for path in files:
        foreign = {
            name
            for name in imported(path)
            if not name.startswith("catalogue.formats")
            and name.split(".")[0] not in sys.stdlib_module_names
            and name.split(".")[0] not in PURE
        }
        assert not foreign, f"{path.name} imports {foreign}"


def test_every_package_says_what_it_is_for() -> None:
    for room in ROOMS:
        for package in (PROJECT / room).glob("**/__init__.py"):
            if {"migrations", "management"} & set(package.parts):
                continue
            assert ast.get_docstring(ast.parse(package.read_text(encoding="utf-8"))), (
                f"{package} has no docstring"
            )


def test_the_page_on_the_architecture_names_what_there_is() -> None:
    page = (PROJECT / "docs" / "architecture.md").read_text(encoding="utf-8")
    named = set(re.findall(r"`([\w.]+/[\w./]*)`", page)) - {"delivery/", "planning/", "ab/cd/rest"}
    assert len(named) > 20
    folders = (PROJECT, PROJECT / "catalogue", PROJECT / "htsget_app")
    for name in named:
        assert any((folder / name).exists() for folder in folders), f"docs/architecture.md names {name}"


def test_nothing_is_called_utils() -> None:
    for room in ROOMS:
        for path in (PROJECT / room).glob("**/*.py"):
            assert path.stem not in {"utils", "util", "helpers", "helper", "common", "misc"}, path
