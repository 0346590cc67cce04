"""Processes of conversions end with the process that forked them."""

import os
import signal

from htsget_app.conversion.process import _end_with


def test_a_process_is_killed_when_its_parent_is() -> None:
    """A pipe that only the grandchild holds open reads as ended once that is gone."""
    alive, held = os.pipe()
    told, tell = os.pipe()
    if (child := os.fork()) == 0:
        parent = os.getpid()
        if os.fork() == 0:
            _end_with(parent)
            os.write(tell, b"x")
        else:
            os.close(held)
        while True:
            signal.pause()
    os.close(held)
    try:
        assert os.read(told, 1) == b"x"
    finally:
        os.kill(child, signal.SIGKILL)
        os.waitpid(child, 0)
    assert os.read(alive, 1) == b""
    for descriptor in (alive, told, tell):
        os.close(descriptor)


def test_a_process_whose_parent_is_gone_already_ends() -> None:
    if (child := os.fork()) == 0:
        _end_with(os.getppid() + 1)
        os._exit(0)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 1
