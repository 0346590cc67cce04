"""Format the log: one line for each event, without tokens or anything else that gives access to data.

As text for people, or as JSON for programs (`LOG_FORMAT`).
"""

import json
import logging
import re
from types import TracebackType
from typing import Any, Final

from catalogue.request_context import current_context

# Clients control the text that is logged, so each pattern must match in linear time: none starts with a repetition.
_REDACTIONS: Final = (
    # Query strings may name regions of patients, or hold the signatures of presigned URLs.
    (re.compile(r"([/\w.:%-]/?)\?[\w.~%-]+=[^\s\"'<>]*"), r"\1?…"),
    # A signed token follows /data/.
    (re.compile(r"(/data/)[^\s\"'?<>]+"), r"\1…"),
    (re.compile(r"(?i)\b(bearer|basic)\s+[\w.~+/=-]+"), r"\1 …"),
    # The password of a URL with credentials.
    (re.compile(r"(://[^/\s:@]*:)[^/\s@]+@"), r"\1…@"),
)
# C0 and C1 control characters, DEL, and the line and paragraph separators of Unicode.
_CONTROLS: Final = {
    code: chr(code).encode("unicode_escape").decode("ascii")
    for code in (*range(0x20), *range(0x7F, 0xA0), 0x2028, 0x2029)
}
_CONTROLS_BUT_NEWLINE: Final = {code: text for code, text in _CONTROLS.items() if code != ord("\n")}


_POOL_SECONDS: Final = 10.0

_FORMAT: Final = "%(asctime)s %(levelname)s [%(request_id)s] %(name)s: %(message)s"


class RequestFilter(logging.Filter):
    """Add the request id, which the audit has too, to each log record; `-` outside requests."""

    def filter(self, record: logging.LogRecord) -> bool:
        """Pass every record."""
        if not hasattr(record, "request_id"):
            record.request_id = current_context().request_id or "-"
        return True


class QueueFilter(logging.Filter):
    """Leave out what the queue says of a database that is away: a traceback for each of its tasks.

    The worker of jobs says it in one line.
    """

    def filter(self, record: logging.LogRecord) -> bool:
        """Return whether to log a record. The queue is named, not imported, because every command loads this module."""
        error = record.exc_info[1] if record.exc_info else None
        return not (record.name.startswith("procrastinate.") and type(error).__name__ == "ConnectorException")


class PoolFilter(logging.Filter):
    """Pass one line every ten seconds, for each process, of why connections to the database fail.

    The pool writes one for every attempt, many a second, and each request that fails has a line of its own.
    """

    def __init__(self) -> None:
        super().__init__()
        self._next = 0.0

    def filter(self, record: logging.LogRecord) -> bool:
        """Return whether to log a record."""
        if record.name != "psycopg.pool" or not record.msg.startswith("error connecting"):
            return True
        if record.created < self._next:
            return False
        self._next = record.created + _POOL_SECONDS
        return True


class DiscreetFormatter(logging.Formatter):
    """Redact tokens, query strings, credentials and passwords, and escape control characters.

    A message is always one line. The lines of a traceback are indented, so that none looks like an event.
    """

    def format(self, record: logging.LogRecord) -> str:
        """Return the record's text, its traceback included."""
        text = super().format(record)
        for pattern, replacement in _REDACTIONS:
            text = pattern.sub(replacement, text)
        return text

    def formatMessage(self, record: logging.LogRecord) -> str:
        return super().formatMessage(record).translate(_CONTROLS)

    def formatException(
        self,
        ei: tuple[type[BaseException], BaseException, TracebackType | None] | tuple[None, None, None],
    ) -> str:
        return _indented(super().formatException(ei))

    def formatStack(self, stack_info: str) -> str:
        return _indented(super().formatStack(stack_info))


class AccessFormatter(logging.Formatter):
    """Write a line of the access log, whose fields hold nothing that has to be left out; escape control characters."""

    def formatMessage(self, record: logging.LogRecord) -> str:
        return super().formatMessage(record).translate(_CONTROLS)


class JsonFormatter(DiscreetFormatter):
    """Write each event as one JSON object, with the same parts left out; `fields` of the record become members."""

    def format(self, record: logging.LogRecord) -> str:
        """Return the object as one line of ASCII."""
        told = {
            "time": self.formatTime(record, "%Y-%m-%dT%H:%M:%S") + f".{int(record.msecs):03d}Z",
            "level": record.levelname,
            "request_id": getattr(record, "request_id", "-"),
            "logger": record.name,
            **getattr(record, "fields", {"message": super().format(record)}),
        }
        return json.dumps(told)


def _indented(text: str) -> str:
    return "    " + text.translate(_CONTROLS_BUT_NEWLINE).replace("\n", "\n    ")


def logging_config(level: str, style: str = "text") -> dict[str, Any]:
    """Return Django's LOGGING: messages of `level` and above go to standard error, as `text` or as `json`."""
    return {
        "version": 1,
        "disable_existing_loggers": False,
        "formatters": {
            "access": {"()": "htsgetsite.logs.AccessFormatter", "format": _FORMAT},
            "json": {"()": "htsgetsite.logs.JsonFormatter", "format": "%(message)s"},
            "text": {
                "()": "htsgetsite.logs.DiscreetFormatter",
                "format": _FORMAT,
            },
        },
        "filters": {
            "pool": {"()": "htsgetsite.logs.PoolFilter"},
            "queue": {"()": "htsgetsite.logs.QueueFilter"},
            "request": {"()": "htsgetsite.logs.RequestFilter"},
        },
        "handlers": {
            "access": {
                "class": "logging.StreamHandler",
                "formatter": "access" if style == "text" else style,
                "stream": "ext://sys.stderr",
            },
            "stderr": {
                "class": "logging.StreamHandler",
                "formatter": style,
                "filters": ["pool", "queue", "request"],
                "stream": "ext://sys.stderr",
            },
        },
        "root": {"handlers": ["stderr"], "level": level},
        "loggers": {
            "django": {"level": level},
            "htsgetsite.access": {"handlers": ["access"], "level": level, "propagate": False},
            # Answers 4xx are warnings and not logged; a failure of the site is an ERROR, with its traceback.
            "django.request": {"level": "ERROR"},
            "django.server": {"handlers": ["stderr"], "level": level, "propagate": False},
            # Its warnings are about the number of threads; what ends a worker is an error.
            "_granian": {"level": "ERROR"},
            # The site logs a line for each part of a job.
            "procrastinate": {"level": "WARNING"},
            "botocore": {"level": "WARNING"},
            "boto3": {"level": "WARNING"},
        },
    }
