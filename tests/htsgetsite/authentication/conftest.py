"""Issuers on the loopback, and caches that are empty before each test."""

from collections.abc import Iterator
from typing import Any

import pytest

from htsgetsite.authentication import jwt_tokens, keys
from htsgetsite.authentication.issuers import Issuer
from tests.made_issuer import AUDIENCE, MadeIssuer, made_issuer


@pytest.fixture(autouse=True)
def forgetful() -> None:
    keys.forget_keys()
    jwt_tokens.forget_tokens()


@pytest.fixture
def issuer(settings: Any) -> Iterator[MadeIssuer]:
    """An issuer that the site trusts."""
    with made_issuer() as made:
        settings.OIDC_ISSUERS = {made.url: Issuer(url=made.url, audiences=(AUDIENCE,))}
        yield made


@pytest.fixture
def stranger() -> Iterator[MadeIssuer]:
    """An issuer that the site does not trust."""
    with made_issuer() as made:
        yield made
