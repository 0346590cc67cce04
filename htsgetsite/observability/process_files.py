"""The folder in which the processes of one server count together (prometheus_client's multiprocess mode).

Imports neither Django nor prometheus_client at first: the folder must be known before the first metric is declared.
"""

import atexit
import os
import shutil
import sys
import tempfile
from pathlib import Path
from typing import Final

VARIABLE: Final = "PROMETHEUS_MULTIPROC_DIR"
_PREFIX: Final = "htsgetsite-metrics-"


def share_metrics() -> None:
    """Let this process and all that it forks count into one folder until its end.

    Removes the folders of servers that were killed. Keeps a folder that the operator chose.
    """
    if VARIABLE not in os.environ:
        _make_folder()
    if sys.platform == "linux":
        from htsgetsite.observability.counting_files import reserve_files

        reserve_files()


def _make_folder() -> None:
    parent = Path(tempfile.gettempdir())
    for folder in parent.glob(f"{_PREFIX}*"):
        server = folder.name.removeprefix(_PREFIX).partition("-")[0]
        if folder.stat().st_uid == os.getuid() and not Path("/proc", server).exists():
            shutil.rmtree(folder, ignore_errors=True)
    os.environ[VARIABLE] = tempfile.mkdtemp(prefix=f"{_PREFIX}{os.getpid()}-", dir=parent)
    atexit.register(_remove, os.getpid(), os.environ[VARIABLE])


def _remove(process: int, folder: str) -> None:
    # Not at the end of a process that was forked.
    if os.getpid() == process:
        shutil.rmtree(folder, ignore_errors=True)
