"""The examples of docs/api.md run as they stand, on the demonstration that they name."""

import os
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.live import PATIENCE, Site, make_site, served
from tests.paths import PROJECT

EXAMPLES = re.findall(r"```python\n(.*?)```", (PROJECT / "docs/api.md").read_text("utf-8"), re.DOTALL)

ACCOUNTS = """
from django.contrib.auth.models import Group, User
from catalogue import api_tokens
boss = User.objects.create_user("boss")
boss.groups.add(Group.objects.get(name="catalogue administrator"))
User.objects.create_user("colleague")
print(api_tokens.issue(user=boss, name="tests", scopes=["reads", "variants", "sequences", "manage"])[1])
"""


@pytest.fixture(scope="module")
def demo(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Site, str]]:
    site = make_site(tmp_path_factory.mktemp("demo"), {"SERVE_JOBS": "1"}, demo=True)
    token = site.manage("shell", "--verbosity", "0", "-c", ACCOUNTS).stdout.strip().splitlines()[-1]
    with served(site) as running:
        yield running, token


def test_there_are_examples() -> None:
    assert len(EXAMPLES) == 4


@pytest.mark.parametrize("number", range(len(EXAMPLES)))
def test_an_example(demo: tuple[Site, str], tmp_path: Path, number: int) -> None:
    site, token = demo
    program = EXAMPLES[number].replace("http://127.0.0.1:8000", site.url).replace("sleep(0.5)", "sleep(0.05)")
    assert site.url in program
    done = subprocess.run(
        [sys.executable, "-c", program], cwd=tmp_path, env={**os.environ, "TOKEN": token}, capture_output=True,
        text=True, timeout=PATIENCE,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
