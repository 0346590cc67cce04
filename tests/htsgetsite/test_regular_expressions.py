"""Every regular expression of the project takes linear time, whatever it is given."""

import importlib
import re
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from itertools import product
from typing import Any

from tests.paths import PROJECT

#: At this length a pattern of quadratic cost takes seconds, and a linear one less than a millisecond.
LENGTH = 40_000
#: Upper bound of the processor time for one text, which does not depend on what else the machine does.
SECONDS = 0.5
#: Repeated to the length, with and without what each pattern may have to see first.
UNITS = (
    *'a0 \t=:/?.,;-_*<"\\',
    *("a=", 'a="', "a,", "a:", "://", "/?", "?a", "A0", "0."),
)
STARTS = ("", "bearer ", "://a:", "/data/", "a?", ' a="', " GN=", "a, ", "<DEL:", ";SVLEN=")
#: Methods that try a pattern at every position of the text.
SEARCHES = ("search", "sub", "finditer", "findall", "split")


def modules() -> Iterator[tuple[str, str]]:
    """Names and sources of the project's modules that compile a regular expression."""
    for path in sorted(PROJECT.glob("*/**/*.py")):
        parts = path.relative_to(PROJECT).with_suffix("").parts
        if parts[0] in {"tests", "bench", "var", ".venv"} or "migrations" in parts:
            continue
        source = path.read_text(encoding="utf-8")
        if "re.compile(" in source:
            yield ".".join(parts), source


def patterns(value: Any) -> Iterator["re.Pattern[Any]"]:
    """The patterns in a global of a module, also inside tuples and dictionaries."""
    if isinstance(value, re.Pattern):
        yield value
    elif isinstance(value, tuple | list):
        for each in value:
            yield from patterns(each)
    elif isinstance(value, dict):
        yield from patterns(list(value.values()))


def try_all() -> int:
    """Give every pattern every text; return the number of patterns."""
    uses = list(uses_of_patterns())
    for start, unit in product(STARTS, UNITS):
        text = start + unit * (LENGTH // len(unit)) + "\n"
        encoded = text.encode()
        for label, pattern, use in uses:
            sys.stderr.write(f"{label} {start!r} {unit!r}\n")
            timed(use, text if isinstance(pattern.pattern, str) else encoded)
    return len(uses)


def uses_of_patterns() -> Iterator[tuple[str, "re.Pattern[Any]", Callable[[Any], object]]]:
    """The name of each pattern of the project, and how its module uses it: from the start, or at every position."""
    for name, source in modules():
        for label, value in vars(importlib.import_module(name)).items():
            for pattern in patterns(value):
                searched = not isinstance(value, re.Pattern) or re.search(
                    rf"\b{label}\.({'|'.join(SEARCHES)})\(", source
                )
                yield f"{name}.{label}", pattern, pattern.search if searched else pattern.fullmatch


def timed(use: Callable[[Any], object], text: str | bytes) -> None:
    """Use a pattern; the process is killed if that takes too long."""
    signal.setitimer(signal.ITIMER_PROF, SECONDS)
    use(text)
    signal.setitimer(signal.ITIMER_PROF, 0)


def run(call: str) -> "subprocess.CompletedProcess[str]":
    """Print what a function of this module returns, in a process of its own."""
    script = (
        "import os, django\n"
        "os.environ['DJANGO_SETTINGS_MODULE'] = 'tests.settings'\n"
        "django.setup()\n"
        "from tests.htsgetsite.test_regular_expressions import *\n"
        f"print({call})\n"
    )
    return subprocess.run([sys.executable, "-c", script], cwd=PROJECT, capture_output=True, text=True)


def test_no_pattern_takes_more_than_linear_time() -> None:
    done = run("try_all()")
    assert done.returncode != -signal.SIGPROF, f"this pattern did not end: {done.stderr.splitlines()[-1]}"
    assert done.returncode == 0, done.stderr[-2000:]
    assert int(done.stdout) > 40


def test_a_pattern_of_quadratic_time_is_noticed() -> None:
    assert run("timed(re.compile('a*b').search, 'a' * LENGTH)").returncode == -signal.SIGPROF
