"""Rules that hold for the whole code and that no linter checks: sizes, names, and what must not be written down."""

import ast
import re
import statistics
import subprocess
import tomllib
from collections.abc import Iterator
from pathlib import Path

from tests.paths import PROJECT

MAX_MODULE, MAX_FUNCTION, MAX_MEDIAN = 400, 50, 8
#: Words that docs/glossary.md and STYLE replace: by retry, dry run, redirect, fast path, byte range, cache and MAX_.
FORMER = {
    "alone", "door", "elsewhere", "memory", "most", "persist", "rehearsal", "rehearse", "stretch", "stretches",
}  # fmt: skip
_MACHINE_PATH = re.compile(r"(?<![\w./~-])/(?:home|Users|work|root)/\w")


def tracked(*patterns: str) -> list[str]:
    """The files of the project, by git or, outside a clone, by the folders."""
    listed = subprocess.run(["git", "ls-files", *patterns], cwd=PROJECT, capture_output=True, text=True)
    if listed.returncode == 0 and listed.stdout:
        return [name for name in listed.stdout.splitlines() if (PROJECT / name).is_file()]
    found = (path for pattern in patterns for path in PROJECT.rglob(pattern))
    return [
        str(relative)
        for path in found
        if not (relative := path.relative_to(PROJECT)).parts[0].startswith((".", "var"))
    ]


def production() -> Iterator[tuple[str, str]]:
    """Each module that runs in production, with its source."""
    for name in tracked("*.py"):
        if not name.startswith(("tests/", "bench/")) and "/migrations/" not in name:
            yield name, (PROJECT / name).read_text(encoding="utf-8")


def functions(tree: ast.AST, inside: str = "") -> Iterator[tuple[str, int]]:
    """Each function's dotted name and its number of lines."""
    for node in ast.iter_child_nodes(tree):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            yield f"{inside}{node.name}", (node.end_lineno or 0) - node.lineno + 1
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
            yield from functions(node, f"{inside}{node.name}.")
        else:
            yield from functions(node, inside)


def defined(tree: ast.Module) -> Iterator[str]:
    """The names that a module defines, and those of its classes' methods."""
    for node in tree.body:
        match node:
            case ast.FunctionDef():
                yield node.name
            case ast.ClassDef():
                yield node.name
                yield from (method.name for method in node.body if isinstance(method, ast.FunctionDef))
            case ast.Assign():
                yield from (target.id for target in node.targets if isinstance(target, ast.Name))
            case ast.AnnAssign(target=ast.Name(id=name)):
                yield name


def words(name: str) -> set[str]:
    return {word.lower() for word in re.findall(r"[A-Z]?[a-z]+|[A-Z]+(?![a-z])", name)}


def test_modules_and_functions_are_short() -> None:
    found, lengths = set(), []
    for name, source in production():
        if source.count("\n") > MAX_MODULE:
            found.add(name)
        for function, lines in functions(ast.parse(source)):
            lengths.append(lines)
            if lines > MAX_FUNCTION:
                found.add(f"{name}:{function}")
    assert not found
    assert statistics.median(lengths) <= MAX_MEDIAN


def test_modules_of_tests_are_short() -> None:
    lengths = {
        name: (PROJECT / name).read_text("utf-8").count("\n")
        for name in tracked("tests/**/*.py", "tests/*.py")
    }
    assert not [name for name, lines in lengths.items() if lines > MAX_MODULE]


def test_replaced_words_do_not_come_back() -> None:
    found = {
        f"{name}:{defined_name}"
        for name, source in production()
        if "settings" not in name  # where names are Django's
        for defined_name in defined(ast.parse(source))
        if words(defined_name) & FORMER or re.match("_?LONGEST_", defined_name)
    }
    assert not found, "see docs/glossary.md for the words to use"


def test_tests_are_not_imported_from_tests() -> None:
    """Shared builders are in `made_*.py` or a conftest; a suite that is run twice is the exception."""
    suites_run_twice = {"tests/conformance/test_htsget_in_s3.py", "tests/conformance/test_refget_in_s3.py"}
    found = {
        name
        for name in tracked("tests/**/*.py", "tests/*.py")
        if re.search(r"^from tests[\w.]*\.test_\w+ import", (PROJECT / name).read_text("utf-8"), re.MULTILINE)
    }
    assert found <= suites_run_twice


def test_no_file_names_a_path_of_one_machine() -> None:
    for name in tracked("*.py", "*.md", "*.toml", "*.yml", "Makefile", "*.conf"):
        if name != Path(__file__).relative_to(PROJECT).as_posix():
            found = _MACHINE_PATH.search((PROJECT / name).read_text(encoding="utf-8"))
            assert found is None, f"{name}: {found}"


def test_pre_commit_runs_the_linters_of_make() -> None:
    recipe = (PROJECT / "Makefile").read_text("utf-8").partition("\nlint:")[2].partition("\n\n")[0]
    hooks = (PROJECT / ".pre-commit-config.yaml").read_text("utf-8")
    linters = re.findall(r"\$\(BIN\)/((?!python)[\w-]+(?: \w+)?)", recipe)
    assert len(linters) == 4
    assert all(f".venv/bin/{linter}" in hooks for linter in linters)
    assert "check-migrations" in recipe and "check-migrations" in hooks


def test_contributing_names_files_that_exist() -> None:
    text = (PROJECT / "CONTRIBUTING.md").read_text("utf-8")
    named = set(re.findall(r"`((?:\w+/)+[\w.]*|[\w-]+\.(?:toml|txt|md))`", text))
    assert len(named) > 20
    assert not [name for name in named if not (PROJECT / name).exists()]


def test_the_changes_say_nothing_twice() -> None:
    """Lines of `CHANGELOG.md` are merged by union, which may keep both what was moved and where it was."""
    for version in re.split(r"^## ", (PROJECT / "CHANGELOG.md").read_text("utf-8"), flags=re.MULTILINE)[1:]:
        titles = re.findall(r"^### .+", version, re.MULTILINE)
        entries = [" ".join(entry.split()) for entry in re.split(r"^- |^### .+", version, flags=re.MULTILINE)]
        assert len(set(titles)) == len(titles), version[:10]
        assert len(set(filter(None, entries))) == len(list(filter(None, entries))), version[:10]


def test_coverage_and_types_look_at_every_package() -> None:
    tools = tomllib.loads((PROJECT / "pyproject.toml").read_text("utf-8"))["tool"]
    packages = set(tools["importlinter"]["root_packages"])
    assert set(tools["coverage"]["run"]["source"]) == packages
    assert packages <= set(tools["mypy"]["files"])
    rooms = (PROJECT / "CONTRIBUTING.md").read_text("utf-8")
    assert all(f"| `{package}` |" in rooms for package in packages)
