"""Typed reads of environment variables: each setting is declared once, with its type, default and one line on it.

Bad values are collected, so that an operator sees all mistakes at once: `Environment.verify()` raises one
`EnvironmentProblem`, and `manage.py` prints only its message.
"""

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import TypeVar

from django.core.exceptions import ImproperlyConfigured

T = TypeVar("T")

_TRUE = frozenset({"1", "true", "yes", "on"})
_FALSE = frozenset({"0", "false", "no", "off"})


class EnvironmentProblem(ImproperlyConfigured):
    """Environment variables have values that cannot be used; the message names each and what was expected."""


class Unusable(Exception):
    """Raised by a parser; the message says what was expected and does not repeat the value, which may be a secret."""


@dataclass(frozen=True, slots=True)
class Declaration:
    """A row of docs/settings.md: name, type and default in words, and one line on the meaning of a setting."""

    name: str
    kind: str
    default: str
    doc: str


class Environment:
    """Read settings from `variables`. A variable that is empty or only white space counts as absent."""

    def __init__(self, variables: Mapping[str, str]) -> None:
        self._variables = variables
        self.declarations: list[Declaration] = []
        self.problems: list[str] = []

    def has(self, name: str) -> bool:
        """Return whether the variable has a value."""
        return bool(self._variables.get(name, "").strip())

    def text(self, name: str, *, default: str, doc: str, default_text: str | None = None) -> str:
        """Read any text, without surrounding white space."""
        return self.parsed(name, str, kind="text", default=default, doc=doc, default_text=default_text)

    def flag(self, name: str, *, default: bool, doc: str) -> bool:
        """Read 1/true/yes/on or 0/false/no/off, in any case."""

        def parse(value: str) -> bool:
            if value.lower() in _TRUE:
                return True
            if value.lower() in _FALSE:
                return False
            raise Unusable("expected 1, true, yes, on, 0, false, no or off")

        return self.parsed(
            name, parse, kind="flag", default=default, doc=doc, default_text="on" if default else "off"
        )

    def integer(
        self,
        name: str,
        *,
        default: int,
        doc: str,
        minimum: int = 0,
        maximum: int | None = None,
        default_text: str | None = None,
    ) -> int:
        """Read a whole number in `[minimum, maximum]`, both inclusive."""
        return self.parsed(
            name,
            _integer(minimum, maximum),
            kind="integer",
            default=default,
            doc=doc,
            default_text=default_text or str(default),
        )

    def optional_integer(
        self, name: str, *, doc: str, minimum: int = 0, maximum: int | None = None
    ) -> int | None:
        """Read a number as `integer` does; None if the variable is absent."""
        parse = _integer(minimum, maximum)
        return self.parsed(name, parse, kind="integer", default=None, doc=doc, default_text="none")

    def choice(self, name: str, choices: Sequence[str], *, default: str, doc: str) -> str:
        """Read one of `choices`, in any case; return it as listed."""

        def parse(value: str) -> str:
            for word in choices:
                if word.lower() == value.lower():
                    return word
            raise Unusable(f"expected one of {', '.join(choices)}")

        return self.parsed(name, parse, kind="one of " + ", ".join(choices), default=default, doc=doc)

    def words(
        self, name: str, *, default: Sequence[str], doc: str, default_text: str | None = None
    ) -> list[str]:
        """Read words separated by commas or white space."""
        said = default_text if default_text is not None else (", ".join(default) or "none")
        return self.parsed(
            name,
            lambda value: value.replace(",", " ").split(),
            kind="words",
            default=list(default),
            doc=doc,
            default_text=said,
        )

    def mapping(
        self,
        name: str,
        *,
        default: Mapping[str, str],
        doc: str,
        check: Callable[[str, str], None],
        default_text: str,
    ) -> dict[str, str]:
        """Read a JSON object of strings; `check(key, value)` raises `Unusable` for a bad entry."""

        def parse(value: str) -> dict[str, str]:
            try:
                document = json.loads(value)
            except ValueError as error:
                raise Unusable(f"expected a JSON object, but it is not JSON ({error})") from None
            if not isinstance(document, dict):
                raise Unusable("expected a JSON object of names and URLs")
            for key, entry in document.items():
                if not isinstance(entry, str):
                    raise Unusable(f"expected a string under {key!r}")
                check(key, entry)
            return document

        return self.parsed(
            name, parse, kind="JSON object", default=dict(default), doc=doc, default_text=default_text
        )

    def parsed(
        self,
        name: str,
        parse: Callable[[str], T],
        *,
        kind: str,
        default: T,
        doc: str,
        default_text: str | None = None,
    ) -> T:
        """Read any type of value: `parse` turns the text into it or raises `Unusable`."""
        said = default_text if default_text is not None else (str(default) or "empty")
        self.declarations.append(Declaration(name, kind, said, doc))
        value = self._variables.get(name, "").strip()
        if not value:
            return default
        try:
            return parse(value)
        except Unusable as unusable:
            self.complain(name, str(unusable))
            return default

    def complain(self, name: str, problem: str) -> None:
        """Add a problem that `verify` reports."""
        self.problems.append(f"{name}: {problem}")

    def verify(self) -> None:
        """Raise `EnvironmentProblem` if any setting has a problem."""
        if self.problems:
            raise EnvironmentProblem("\n".join(self.problems))


def _integer(minimum: int, maximum: int | None) -> Callable[[str], int]:
    expected = (
        f"a whole number of at least {minimum}"
        if maximum is None
        else f"a whole number from {minimum} to {maximum}"
    )

    def parse(value: str) -> int:
        # int() would also accept "1_000", "+5" and digits of other scripts.
        if not (value.isascii() and value.isdigit()) or len(value) > 18:
            raise Unusable(f"expected {expected}")
        number = int(value)
        if number < minimum or (maximum is not None and number > maximum):
            raise Unusable(f"expected {expected}")
        return number

    return parse
