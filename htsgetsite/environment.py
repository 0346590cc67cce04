"""Typed reads of environment variables: each setting is declared once, with its type, default and one line on it.

A bad value is remembered rather than raised, so that an operator sees every mistake at once; `Environment.verify()`
raises `EnvironmentProblem`, whose text is made for people and is all that `manage.py` prints.
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
    """One or more environment variables hold something unusable; the text names each variable and what was expected."""


class Unusable(Exception):
    """Raised by a parser; its text says what was expected, without repeating the value (it may be a secret)."""


@dataclass(frozen=True, slots=True)
class Declaration:
    """What docs/settings.md says of a setting: name, type and default in words, and one line on its meaning."""

    name: str
    kind: str
    default: str
    doc: str


class Environment:
    """Reads settings from `variables`. A variable that is empty or only white space counts as absent."""

    def __init__(self, variables: Mapping[str, str]) -> None:
        self._variables = variables
        self.declarations: list[Declaration] = []
        self.problems: list[str] = []

    def has(self, name: str) -> bool:
        """Whether the variable is set to something."""
        return bool(self._variables.get(name, "").strip())

    def text(self, name: str, *, default: str, doc: str, default_text: str | None = None) -> str:
        """Any text, without surrounding white space."""
        return self.parsed(name, str, kind="text", default=default, doc=doc, default_text=default_text)

    def flag(self, name: str, *, default: bool, doc: str) -> bool:
        """1/true/yes/on or 0/false/no/off, in any case."""

        def parse(value: str) -> bool:
            if value.lower() in _TRUE:
                return True
            if value.lower() in _FALSE:
                return False
            raise Unusable("expected 1, true, yes, on, 0, false, no or off")

        return self.parsed(
            name, parse, kind="flag", default=default, doc=doc, default_text="on" if default else "off"
        )

    def integer(self, name: str, *, default: int, doc: str, least: int = 0, most: int | None = None) -> int:
        """A whole number in `[least, most]`, both inclusive."""
        return self.parsed(
            name, _integer(least, most), kind="integer", default=default, doc=doc, default_text=str(default)
        )

    def optional_integer(self, name: str, *, doc: str, least: int = 0, most: int | None = None) -> int | None:
        """Read as `integer`; None where the variable is absent."""
        parse = _integer(least, most)
        return self.parsed(name, parse, kind="integer", default=None, doc=doc, default_text="none")

    def choice(self, name: str, choices: Sequence[str], *, default: str, doc: str) -> str:
        """One of the words, in any case; given back as listed."""

        def parse(value: str) -> str:
            for word in choices:
                if word.lower() == value.lower():
                    return word
            raise Unusable(f"expected one of {', '.join(choices)}")

        return self.parsed(name, parse, kind="one of " + ", ".join(choices), default=default, doc=doc)

    def words(
        self, name: str, *, default: Sequence[str], doc: str, default_text: str | None = None
    ) -> list[str]:
        """Words separated by commas or white space."""
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
        """A JSON object of texts; `check(key, value)` raises `Unusable` for an entry that cannot be."""

        def parse(value: str) -> dict[str, str]:
            try:
                document = json.loads(value)
            except ValueError as error:
                raise Unusable(f"expected a JSON object, but it is not JSON ({error})") from None
            if not isinstance(document, dict):
                raise Unusable("expected a JSON object of names and URLs")
            for key, entry in document.items():
                if not isinstance(entry, str):
                    raise Unusable(f"expected a text under {key!r}")
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
        """The general read: `parse` turns the text into the value or raises `Unusable`."""
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
        """Remembers a problem that only shows when several settings are seen together."""
        self.problems.append(f"{name}: {problem}")

    def verify(self) -> None:
        """Raises `EnvironmentProblem` when any declared variable was unusable."""
        if self.problems:
            raise EnvironmentProblem("\n".join(self.problems))


def _integer(least: int, most: int | None) -> Callable[[str], int]:
    expected = (
        f"a whole number of at least {least}" if most is None else f"a whole number from {least} to {most}"
    )

    def parse(value: str) -> int:
        # int() would also take "1_000", "+5" and digits of other scripts.
        if not (value.isascii() and value.isdigit()) or len(value) > 18:
            raise Unusable(f"expected {expected}")
        number = int(value)
        if number < least or (most is not None and number > most):
            raise Unusable(f"expected {expected}")
        return number

    return parse
