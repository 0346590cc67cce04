"""Runs a worker of background jobs beside the server, in a process of its own: no crash of it stops the site."""

import logging
import os
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from functools import partial
from typing import Final

from django.conf import settings

log = logging.getLogger(__name__)

#: Seconds before a worker that ended is started again; doubled up to the second while it ends at once.
_BACK_OFF: Final = (1.0, 60.0)
#: Seconds after which a worker that ends counts as one that worked.
_SETTLED: Final = 60.0

#: Seconds that a worker gets, after the requests had theirs, to finish the file that it is at.
GRACE: Final = 5.0

#: Held while a worker is started, and by every fork of this process. A process that is forked in between would keep
#: open the pipe by which `Popen` waits for the worker's program to be loaded, and `Popen` would wait for ever.
_starting = threading.Lock()
os.register_at_fork(
    before=_starting.acquire, after_in_parent=_starting.release, after_in_child=_starting.release
)


def start_jobs(*, concurrency: int) -> Callable[[], None]:
    """Start a worker for so many jobs at a time, none for 0; return the function that stops it."""
    if not concurrency:
        return lambda: None
    process = JobProcess(concurrency=concurrency)
    process.start()
    return partial(process.stop, grace=GRACE)


class JobProcess:
    """A worker that is started again whenever it ends, until `stop`. It also ends when this process does."""

    def __init__(self, *, concurrency: int) -> None:
        self._command = [
            *(sys.executable, str(settings.BASE_DIR / "manage.py"), "work"),
            *("--concurrency", str(concurrency), "--until-stdin-closes"),
        ]
        self._stopping = threading.Event()
        self._guard = threading.Lock()
        self._process: subprocess.Popen[bytes] | None = None
        self._thread = threading.Thread(target=self._keep, daemon=True)

    def start(self) -> None:
        """Start the worker, in a moment."""
        self._thread.start()

    def request_stop(self) -> None:
        """Tell the worker to stop after the file that it is at."""
        with self._guard:
            self._stopping.set()
            if self._process is not None and self._process.stdin is not None:
                self._process.stdin.close()

    def stop(self, *, grace: float) -> None:
        """Stop the worker; kill it if it is not done after so many seconds. Another one does what it leaves."""
        self.request_stop()
        self._thread.join(grace)
        with self._guard:
            if self._process is not None and self._process.poll() is None:
                self._process.kill()
        self._thread.join()

    def _keep(self) -> None:
        pause = _BACK_OFF[0]
        while not self._stopping.is_set():
            begun = time.monotonic()
            status = self._run()
            if self._stopping.is_set():
                return
            pause = _BACK_OFF[0] if time.monotonic() - begun > _SETTLED else pause
            log.warning("the worker of background jobs ended with %s; it starts again in %s s", status, pause)
            self._stopping.wait(pause)
            pause = min(2 * pause, _BACK_OFF[1])

    def _run(self) -> int | None:
        """Run the worker once; return its exit status, None if it cannot be started or is not to."""
        with self._guard:
            if self._stopping.is_set():
                return None
            try:
                # In a session of its own, Ctrl-C reaches only the server, which then stops the worker.
                with _starting:
                    self._process = process = subprocess.Popen(
                        self._command, stdin=subprocess.PIPE, start_new_session=True
                    )
            except OSError as error:
                log.warning("the worker of background jobs does not start: %s", error)
                return None
        try:
            return process.wait()
        finally:
            if process.stdin is not None:
                process.stdin.close()
