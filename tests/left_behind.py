"""What a served site has open: its processes, and the unnamed files of its conversions."""

import os
import time
from collections.abc import Callable, Iterable
from pathlib import Path

import psutil

from tests.live import PATIENCE, Site


def server_of(site: Site) -> psutil.Process:
    """The process of `manage.py serve` that this test process started for a site."""
    (server,) = (
        process
        for process in psutil.Process().children()
        if is_alive(process)
        and "serve" in process.cmdline()
        and process.environ().get("HTSGETSITE_HOME") == str(site.home)
    )
    return server


def workers_of(server: psutil.Process) -> list[psutil.Process]:
    """The workers of a server that live."""
    return [child for child in server.children() if is_alive(child) and "serve" in child.cmdline()]


def conversions_of(worker: psutil.Process) -> list[psutil.Process]:
    """The processes of running conversions, without the one that forks them."""
    return [child for starter in worker.children() for child in starter.children(recursive=True)]


def is_alive(process: psutil.Process) -> bool:
    try:
        return bool(process.is_running() and process.status() != psutil.STATUS_ZOMBIE)
    except psutil.NoSuchProcess:
        return False


def unnamed_files(home: Path, processes: Iterable[psutil.Process]) -> int:
    """Count the open files below `home` that have no name."""
    count = 0
    for process in processes:
        try:
            links = [str(path.readlink()) for path in Path(f"/proc/{process.pid}/fd").iterdir()]
        except OSError:
            continue
        count += sum(link.startswith(str(home)) and link.endswith("(deleted)") for link in links)
    return count


def names_below(folder: Path) -> set[str]:
    """The files and folders below a folder, without those of PostgreSQL."""
    return {
        os.path.relpath(os.path.join(top, name), folder)
        for top, folders, files in os.walk(folder)
        for name in (*folders, *files)
        if not os.path.relpath(top, folder).startswith("postgres")
    }


def wait_until(is_so: Callable[[], object]) -> None:
    """Wait for something that must happen."""
    deadline = time.monotonic() + PATIENCE
    while not is_so():
        assert time.monotonic() < deadline, "it has not happened"
        time.sleep(0.02)
