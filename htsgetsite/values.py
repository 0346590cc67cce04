"""Parsers for the values of settings.

Each parses one text, and raises `Unusable` with a message that says what it expected.
"""

from datetime import time
from pathlib import Path
from urllib.parse import urlsplit

from catalogue.rate_limits import Rate
from htsgetsite.environment import Unusable


def url(value: str) -> str:
    """Parse the URL of a site; return it without a slash at its end."""
    parts = urlsplit(value)
    if parts.scheme not in {"http", "https"} or not parts.netloc or parts.query or parts.fragment:
        raise Unusable("expected an address such as https://data.example.org, without query")
    return value.rstrip("/")


def path(value: str) -> Path:
    """Parse a path and make it absolute; `~` is the home of the account."""
    return Path(value).expanduser().absolute()


def storage(name: str, url: str) -> None:
    """Check an entry of HTSGETSITE_STORAGES."""
    if not name.replace("-", "").replace("_", "").isalnum() or not name.isascii() or len(name) > 64:
        raise Unusable(f"expected a name of ASCII letters, digits, - and _ (at most 64), not {name!r}")
    try:
        parts = urlsplit(url)
    except ValueError:
        raise Unusable(f"expected a URL under {name!r}") from None
    if parts.scheme == "file":
        if parts.netloc not in {"", "localhost"} or not parts.path.startswith("/") or parts.query:
            raise Unusable(f"expected file:///absolute/path under {name!r}")
    elif parts.scheme == "s3":
        # A system check makes every storage, and so reports options that cannot be used.
        if not parts.netloc or "@" in parts.netloc:
            raise Unusable(
                f"expected s3://bucket/prefix?endpoint_url=…&region=… without credentials under {name!r}"
            )
    else:
        raise Unusable(f"expected file:///… or s3://… under {name!r}")


_SPANS = {"second": 1, "minute": 60, "hour": 3600, "day": 86400}


def rate(value: str) -> Rate | None:
    """Parse a rate such as `60/minute`; return None for `none`."""
    if value.lower() == "none":
        return None
    count, _, span = value.partition("/")
    if (
        not (count.isascii() and count.isdigit())
        or not 0 < len(count) < 10
        or int(count) < 1
        or span not in _SPANS
    ):
        raise Unusable("expected none, or a number per second, minute, hour or day, such as 60/minute")
    return Rate(int(count), _SPANS[span])


def night(value: str) -> time | None:
    """Parse HH:MM, or "off" as None. Raises `Unusable`."""
    if value.lower() == "off":
        return None
    try:
        hours, minutes = value.split(":")
        return time(int(hours), int(minutes))
    except ValueError:
        raise Unusable("expected a time as 02:30, in UTC, or off") from None


def prefix(value: str) -> str:
    """Parse the path of a URL; return it with a slash at its start and none at its end."""
    if not value.startswith("/"):
        raise Unusable("expected a path that starts with /, such as /protected")
    return "/" + value.strip("/")


def file_mode(value: str) -> int:
    """Parse the permissions of a file in octal, such as 640; the owner must be able to read and write."""
    if (
        len(value) not in {3, 4}
        or set(value) - set("01234567")
        or int(value, 8) & ~0o666
        or int(value, 8) < 0o600
    ):
        raise Unusable("expected permissions of a file in octal, such as 600, 640 or 644")
    return int(value, 8)


def listen(value: str) -> tuple[str, int]:
    """Parse the address and port to listen on, such as `127.0.0.1:9100` or `[::1]:9100`."""
    host, _, port = value.rpartition(":")
    if not host or not (port.isascii() and port.isdigit() and len(port) < 6 and 0 < int(port) < 65536):
        raise Unusable("expected an address and a port, such as 127.0.0.1:9100")
    return host.strip("[]"), int(port)


def secret(value: str) -> str:
    """Check a token that the operator chose."""
    if len(value) < 20 or not value.isascii() or not value.isprintable() or " " in value:
        raise Unusable("expected at least 20 printable ASCII characters without spaces")
    return value
