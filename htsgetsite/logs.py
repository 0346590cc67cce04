"""Format the log: one line for each event, without tokens or anything else that gives access to data."""

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


class RequestFilter(logging.Filter):
    """Add the request id, which the audit has too, to each log record; `-` outside requests."""

    def filter(self, record: logging.LogRecord) -> bool:
        """Pass every record."""
        record.request_id = current_context().request_id or "-"
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


def _indented(text: str) -> str:
    return "    " + text.translate(_CONTROLS_BUT_NEWLINE).replace("\n", "\n    ")


def logging_config(level: str) -> dict[str, Any]:
    """Return Django's LOGGING: messages of `level` and above go to standard error."""
    return {
        "version": 1,
        "disable_existing_loggers": False,
        "formatters": {
            "plain": {
                "()": "htsgetsite.logs.DiscreetFormatter",
                "format": "%(asctime)s %(levelname)s [%(request_id)s] %(name)s: %(message)s",
            },
        },
        "filters": {"request": {"()": "htsgetsite.logs.RequestFilter"}},
        "handlers": {
            "stderr": {
                "class": "logging.StreamHandler",
                "formatter": "plain",
                "filters": ["request"],
                "stream": "ext://sys.stderr",
            },
        },
        "root": {"handlers": ["stderr"], "level": level},
        "loggers": {
            "django": {"level": level},
            # Answers 4xx are warnings and not logged; a failure of the site is an ERROR, with its traceback.
            "django.request": {"level": "ERROR"},
            "django.server": {"handlers": ["stderr"], "level": level, "propagate": False},
            # Its warnings are about the number of threads; what ends a worker is an error.
            "_granian": {"level": "ERROR"},
            "botocore": {"level": "WARNING"},
            "boto3": {"level": "WARNING"},
        },
    }
