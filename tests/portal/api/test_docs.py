"""The examples of docs/api.md run as they stand, on the demonstration that they name."""

import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.live import PATIENCE, Site, make_site, served
from tests.paths import PROJECT

EXAMPLES = re.findall(r"```python\n(.*?)```", (PROJECT / "docs/api.md").read_text("utf-8"), re.DOTALL)


@pytest.fixture(scope="module")
def demo(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    site = make_site(tmp_path_factory.mktemp("demo"), demo=True)
    with served(site) as running:
        yield running


def test_there_are_examples() -> None:
    assert len(EXAMPLES) == 2


@pytest.mark.parametrize("number", range(len(EXAMPLES)))
def test_an_example(demo: Site, tmp_path: Path, number: int) -> None:
    program = EXAMPLES[number].replace("http://127.0.0.1:8000", demo.url)
    assert demo.url in program
    done = subprocess.run(
        [sys.executable, "-c", program], cwd=tmp_path, capture_output=True, text=True, timeout=PATIENCE
    )
    assert done.returncode == 0, done.stderr
