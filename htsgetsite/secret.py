"""The secret key: what an operator's has to be like, and the one that the site makes where none is given."""

import os
import secrets
import tempfile
from pathlib import Path
from typing import Final

MIN_LENGTH: Final = 50
MIN_DISTINCT: Final = 10


def secret_problem(secret: str) -> str | None:
    """Return what is wrong with an operator's secret key, None where it may be used. Never repeats it."""
    if len(secret) < MIN_LENGTH or len(set(secret)) < MIN_DISTINCT:
        return (
            f"expected at least {MIN_LENGTH} characters, {MIN_DISTINCT} of them different; make one with: "
            "python3 -c 'import secrets; print(secrets.token_urlsafe(64))'"
        )
    return None


def kept_secret(path: Path) -> str:
    """Return the secret in `path`, made there when absent; only its owner may read the file.

    Processes that start together all get the same one: the file appears complete or not at all, and only once.
    Raises OSError.
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
