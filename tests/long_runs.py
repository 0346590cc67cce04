"""Parameters of which a part is left to `make test-long`."""

from collections.abc import Iterable
from typing import Any

import pytest


def every(step: int, values: Iterable[Any], first: int = 0) -> list[Any]:
    """Return all values; those between every `step`-th, from `first` on, are marked `long`."""
    return [
        value if number % step == first else pytest.param(value, marks=pytest.mark.long)
        for number, value in enumerate(values)
    ]
