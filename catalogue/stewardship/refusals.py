"""Errors of what stewards ask for; the messages are for them."""

from collections.abc import Iterator
from contextlib import contextmanager

from django.core.exceptions import ValidationError
from django.db import IntegrityError

from catalogue.errors import CatalogueError
from catalogue.models.violations import explain


class NotAllowed(CatalogueError):
    """The account may not do this; the message says what."""


class Unusable(CatalogueError):
    """A value cannot be used; the message names the field."""


class WriteConflict(CatalogueError):
    """What there is does not allow the change; the message says why, and what to do."""


@contextmanager
def told_by_field() -> Iterator[None]:
    """Raise Unusable for values that a model refuses, and WriteConflict for rows that the database refuses."""
    try:
        yield
    except ValidationError as error:
        if hasattr(error, "error_dict"):
            said = [
                f"{name}: {' '.join(messages)}" if name != "__all__" else " ".join(messages)
                for name, messages in error.message_dict.items()
            ]
        else:
            said = error.messages
        raise Unusable("; ".join(said)) from None
    except IntegrityError as error:
        raise WriteConflict(explain(error)) from None
