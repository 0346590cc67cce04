"""The log never shows what gives access to data."""

import logging

import pytest
from procrastinate.exceptions import ConnectorException

from htsgetsite.logs import DiscreetFormatter, PoolFilter, QueueFilter


@pytest.mark.parametrize(
    ("said", "shown"),
    [
        ("Not Found: /data/eyJmIjoxfQ:1x:sig_-", "Not Found: /data/…"),
        ('"GET /data/abc.def?x=1 HTTP/1.1" 403', '"GET /data/…?… HTTP/1.1" 403'),
        ("GET /reads/a?referenceName=chr1&start=5 done", "GET /reads/a?… done"),
        ("https://b.s3.example.org/k?X-Amz-Signature=abc, next", "https://b.s3.example.org/k?…"),
        ("Authorization: Bearer abc.def-_=", "Authorization: Bearer …"),
        ("postgresql://site:hunter2@db/name", "postgresql://site:…@db/name"),
        ("What? nothing=to hide; /dataset/x stays", "What? nothing=to hide; /dataset/x stays"),
        ("a id\ngranian: forged\x1b[31m\r", r"a id\ngranian: forged\x1b[31m\r"),
        ("\x7f \x9b31m \u2028", r"\x7f \x9b31m \u2028"),
    ],
)
def test_what_is_left_out(said: str, shown: str) -> None:
    record = logging.LogRecord("name", logging.INFO, "path", 1, "%s", (said,), None)
    told = DiscreetFormatter("%(message)s").format(record)
    assert told.startswith(shown)
    for secret in ("eyJ", "abc", "hunter2", "chr1"):
        assert secret not in told


def test_tracebacks_are_treated_alike() -> None:
    try:
        raise ValueError("no /data/secrettoken")
    except ValueError as error:
        record = logging.LogRecord("name", logging.ERROR, "path", 1, "failed", (), (ValueError, error, None))
    told = DiscreetFormatter("%(message)s").format(record)
    assert "ValueError: no /data/…" in told
    assert "secrettoken" not in told


def test_no_line_of_a_traceback_looks_like_an_event() -> None:
    try:
        raise ValueError("line\n2026-01-01 INFO forged\x1b[2J")
    except ValueError as error:
        record = logging.LogRecord("name", logging.ERROR, "path", 1, "failed", (), (ValueError, error, None))
    first, *rest = DiscreetFormatter("%(message)s").format(record).split("\n")
    assert first == "failed"
    assert rest and all(line.startswith("    ") for line in rest)
    assert "\x1b" not in "".join(rest)


def test_a_database_that_is_away_is_not_told_for_each_task_of_the_queue() -> None:
    def passes(name: str, error: Exception | None) -> bool:
        info = None if error is None else (type(error), error, None)
        return QueueFilter().filter(logging.LogRecord(name, logging.ERROR, "", 1, "failed", (), info))

    assert not passes("procrastinate.worker.worker", ConnectorException())
    assert passes("procrastinate.worker.worker", ValueError())
    assert passes("procrastinate.worker.worker", None)
    assert passes("catalogue.jobs.worker", ConnectorException())


def test_why_connections_fail_is_told_now_and_then() -> None:
    filter = PoolFilter()

    def passes(
        seconds: float, message: str = "error connecting in %r: %s", name: str = "psycopg.pool"
    ) -> bool:
        record = logging.LogRecord(name, logging.WARNING, "", 1, message, ("pool-1", "refused"), None)
        record.created = 1_000_000 + seconds
        return filter.filter(record)

    assert [passes(seconds) for seconds in (0, 0.1, 9.9, 10.1, 10.2)] == [True, False, False, True, False]
    assert passes(10.3, "discarding closed connection: %s %s") and passes(10.4, name="catalogue.jobs.worker")
