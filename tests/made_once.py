"""What takes long to make, made once a test run, by the first of its workers that needs it."""

import fcntl
import os
from collections.abc import Callable
from pathlib import Path

from tests.paths import OWN_HOME


def made_once(name: str, make: Callable[[Path], object]) -> Path:
    """Return the folder of this name; `make` fills it if no other test did. Nobody changes what is in it."""
    folder = Path(os.environ[OWN_HOME], "made", name)
    folder.parent.mkdir(exist_ok=True)
    with folder.with_name(f"{name}.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not folder.exists():
            draft = folder.with_name(f"{name}.draft")
            draft.mkdir()
            make(draft)
            draft.rename(folder)
    return folder
