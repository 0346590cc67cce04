"""The format of the log, which never shows what gives access to data."""

import logging
import re

from catalogue.request_context import current_context

# What follows /data/ is a signed token; queries may hold names of patients' regions or signatures of object stores.
_TOKEN = re.compile(r"(/data/)[^\s\"'?<>]+")
_QUERY = re.compile(r"([/\w.:%-]/?)\?[\w.~%-]+=[^\s\"'<>]*")
_CREDENTIAL = re.compile(r"(?i)\b(bearer|basic)\s+[\w.~+/=-]+")
_PASSWORD = re.compile(r"(\w+://[^/\s:@]*:)[^/\s@]+@")


class RequestFilter(logging.Filter):
    """Gives each record the id of the request at hand, as in the audit; `-` where there is none."""

    def filter(self, record: logging.LogRecord) -> bool:
        """Lets everything pass."""
        record.request_id = current_context().request_id or "-"
        return True


class DiscreetFormatter(logging.Formatter):
    """Formats as `logging.Formatter` and leaves out tokens, query strings, bearer credentials and passwords in URLs."""

    def format(self, record: logging.LogRecord) -> str:
        """The text of the record, its traceback included."""
        text = super().format(record)
        text = _QUERY.sub(r"\1?…", text)
        text = _TOKEN.sub(r"\1…", text)
        text = _CREDENTIAL.sub(r"\1 …", text)
        return _PASSWORD.sub(r"\1…@", text)
