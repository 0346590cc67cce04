"""The progress line: only on a terminal, and cleared at the end."""

from io import StringIO

import pytest

from catalogue.management.progress import ProgressLine


class Terminal(StringIO):
    def isatty(self) -> bool:
        return True


def test_it_shows_share_and_rate_on_a_terminal(monkeypatch: pytest.MonkeyPatch) -> None:
    clock = iter([0.0, 0.0, 2.0, 2.1, 10.0])
    monkeypatch.setattr("catalogue.management.progress.time.monotonic", lambda: next(clock))
    stream = Terminal()
    with ProgressLine(stream=stream) as line:
        line.start("genome.fa", 400_000_000)
        line.advance(100_000_000)
        # Too soon to be shown.
        line.advance(150_000_000)
        line.start("stdin", None)
    shown = stream.getvalue()
    assert "genome.fa  100 MB  50 MB/s  [######                  ]  25%  6 s left" in shown
    assert "150 MB" not in shown
    assert shown.endswith("\r\x1b[K")


def test_it_says_nothing_elsewhere() -> None:
    stream = StringIO()
    with ProgressLine(stream=stream) as line:
        line.start("genome.fa", None)
        line.advance(1)
    assert stream.getvalue() == ""
