"""The secret key: check the operator's, or make and keep one where none is required."""

import os
import secrets
import tempfile
from pathlib import Path
from typing import Final

from htsgetsite.environment import Environment

MIN_LENGTH: Final = 50
MIN_DISTINCT: Final = 10


def secret_key(environment: Environment, given: str, home: Path | None) -> str:
    """Return the operator's secret key, or the one kept in `home` where none is given.

    The key is required if `home` is None. A key that cannot be used is reported to `environment`.
    """
    if not given and home is not None:
        try:
            return kept_secret(home / "secret_key")
        except OSError as error:
            environment.complain("HTSGETSITE_HOME", f"expected a folder that the site may write to ({error})")
    elif not given:
        environment.complain("SECRET_KEY", "expected a secret, because DATABASE_URL is set and DEBUG is not")
    elif _is_weak(given):
        environment.complain(
            "SECRET_KEY",
            f"expected at least {MIN_LENGTH} characters, {MIN_DISTINCT} of them different; make one with: "
            "python3 -c 'import secrets; print(secrets.token_urlsafe(64))'",
        )
    return given


def earlier_keys(environment: Environment, given: list[str]) -> list[str]:
    """Return the earlier secret keys; report to `environment` if one is too weak to be a secret key."""
    if any(map(_is_weak, given)):
        environment.complain(
            "SECRET_KEY_FALLBACKS",
            f"expected earlier secret keys, each of at least {MIN_LENGTH} characters, separated by spaces or commas",
        )
    return given


def _is_weak(secret: str) -> bool:
    return len(secret) < MIN_LENGTH or len(set(secret)) < MIN_DISTINCT


def kept_secret(path: Path) -> str:
    """Return the secret in `path`; make the file if it is absent, readable by its owner only.

    The file is created atomically, so that processes that start together all get the same secret. Raises OSError.
    """
    try:
        return path.read_text(encoding="ascii").strip()
    except FileNotFoundError:
        pass
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    # mkstemp makes the file with mode 0600.
    descriptor, draft = tempfile.mkstemp(prefix=f".{path.name}.", dir=path.parent)
    try:
        with os.fdopen(descriptor, "w", encoding="ascii") as file:
            file.write(secrets.token_urlsafe(64) + "\n")
            file.flush()
            os.fsync(file.fileno())
        try:
            os.link(draft, path)
        except FileExistsError:
            pass
    finally:
        os.unlink(draft)
    return path.read_text(encoding="ascii").strip()
