"""Rows written in batches: all of them, in order, bounded, and told when they cannot be written."""

import logging
import threading
from collections.abc import Sequence

import pytest
from django.db import OperationalError

from catalogue.event_queue import EventQueue
from tests.live import PATIENCE


class Written:
    """Where rows are written to; fails while `broken`, and waits while `open` is not set."""

    def __init__(self) -> None:
        self.batches: list[list[int]] = []
        self.broken = False
        self.tried = threading.Semaphore(0)
        self.open = threading.Event()
        self.open.set()

    def __call__(self, rows: Sequence[int]) -> None:
        self.open.wait(PATIENCE)
        self.tried.release()
        if self.broken:
            raise OSError("away")
        self.batches.append(list(rows))

    def rows(self) -> list[int]:
        return [row for batch in self.batches for row in batch]


def make_queue(written: Written, *, max_waiting: int = 100, seconds: float = 0.0) -> EventQueue[int]:
    queue = EventQueue(written, what="audit", max_waiting=max_waiting, seconds=seconds)
    queue.start()
    return queue


def test_rows_of_many_threads_are_written_once_each() -> None:
    written = Written()
    queue = make_queue(written, max_waiting=100_000)
    threads = [
        threading.Thread(target=lambda first=first: [queue.put(first + n) for n in range(500)])
        for first in range(0, 4000, 500)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    queue.close()
    assert sorted(written.rows()) == list(range(4000))
    for first in range(0, 4000, 500):
        mine = [row for row in written.rows() if first <= row < first + 500]
        assert mine == sorted(mine)


def test_rows_wait_for_each_other_but_not_beyond_the_end() -> None:
    written = Written()
    queue = make_queue(written, seconds=PATIENCE)
    assert all(queue.put(row) for row in range(10))
    queue.close()
    assert written.batches == [list(range(10))]


def test_a_full_or_closed_queue_takes_nothing() -> None:
    written = Written()
    written.open.clear()
    queue = make_queue(written, max_waiting=3)
    assert [queue.put(row) for row in range(5)] == [True, True, True, False, False]
    written.open.set()
    queue.close()
    assert written.rows() == [0, 1, 2]
    assert not queue.put(9)


def test_rows_that_cannot_be_written_are_tried_again(caplog: pytest.LogCaptureFixture) -> None:
    written = Written()
    written.broken = True
    queue = make_queue(written)
    assert queue.put(1)
    assert written.tried.acquire(timeout=PATIENCE) and written.tried.acquire(timeout=PATIENCE)
    assert queue.put(2)
    written.broken = False
    queue.close()
    assert written.rows() == [1, 2]
    assert "not written yet" in caplog.text


@pytest.mark.parametrize(
    ("error", "traces"), [(OperationalError("away\nHINT: wait"), False), (KeyError(), True)]
)
def test_a_database_that_is_away_is_one_line(
    caplog: pytest.LogCaptureFixture, error: Exception, traces: bool
) -> None:
    def write(rows: Sequence[int]) -> None:
        raise error

    queue: EventQueue[int] = EventQueue(write, what="audit", max_waiting=1, seconds=0)
    queue.put(1)
    queue.start()
    queue.close()
    told = [record for record in caplog.records if record.levelno == logging.ERROR]
    assert told
    for record in told:
        assert bool(record.exc_info) == traces and "\n" not in record.getMessage()


def test_rows_that_are_lost_are_told(caplog: pytest.LogCaptureFixture) -> None:
    written = Written()
    written.broken = True
    queue = make_queue(written)
    queue.put(77)
    queue.close()
    lost = [record for record in caplog.records if record.levelno == logging.CRITICAL]
    assert len(lost) == 1 and "77" in lost[0].getMessage()
