"""Programs of others that tests run where they are installed, and the line that says which of them are missing."""

import re
import shutil
from collections import Counter
from collections.abc import Sequence

import pytest

#: Package that holds each program in Debian and Ubuntu, where it has another name than the program.
_PACKAGES = {
    "Rscript": "r-base-core",
    "chromedriver": "chromium-driver",
    "promtool": "prometheus",
    "systemd-analyze": "systemd",
}
#: System folders that are not on the path of every account.
_SYSTEM_FOLDERS = "/usr/sbin:/usr/local/sbin"
_MISSING = re.compile(r"([\w.-]+) is not installed$")


def need(program: str) -> str:
    """Return the program's path, or skip the test that needs it."""
    found = shutil.which(program) or shutil.which(program, path=_SYSTEM_FOLDERS)
    if found is None:
        pytest.skip(f"{program} is not installed")
    return found


def summary(reasons: Sequence[str]) -> str:
    """Say in one line how many tests were skipped for want of what, and how to have them run; "" when none was."""
    programs = Counter(found[1] for reason in reasons if (found := _MISSING.search(reason)))
    lacking = sum("shared/data" in reason for reason in reasons)
    parts = []
    if programs:
        packages = " ".join(sorted({_PACKAGES.get(name, name) for name in programs}))
        parts.append(
            f"{programs.total()} tests were skipped for want of {', '.join(sorted(programs))} "
            f"(to run them: apt-get install {packages})"
        )
    if lacking:
        parts.append(f"{lacking} for want of real files (to run them: put them into ../shared/data)")
    return "; ".join(parts)
