"""Parses the URL of an S3 storage: `s3://bucket/prefix?endpoint_url=…&region=…`."""

import re
from dataclasses import dataclass
from typing import Self
from urllib.parse import parse_qsl, unquote, urlsplit

_BUCKET = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{1,253}[A-Za-z0-9]")
_OPTIONS = {"endpoint_url", "public_endpoint_url", "region", "addressing_style", "profile", "anonymous"}
_STYLES = {"path", "virtual"}


@dataclass(frozen=True, slots=True)
class S3Address:
    """One bucket, or one prefix in it, and how to reach it.

    `prefix` is empty or ends with "/". `public_endpoint_url` is the endpoint in signed URLs, if clients reach the
    store at another address than the site. `anonymous` reads a public bucket without signatures. Credentials are not
    part of the URL: they come from the environment, a named `profile`, or the machine.
    """

    bucket: str
    prefix: str = ""
    endpoint_url: str | None = None
    public_endpoint_url: str | None = None
    region: str | None = None
    addressing_style: str = "virtual"
    profile: str | None = None
    anonymous: bool = False

    @classmethod
    def from_url(cls, url: str) -> Self:
        """Reads the URL. Raises ValueError, whose text repeats nothing that may be a secret."""
        parts = urlsplit(url)
        if "@" in parts.netloc:
            raise ValueError("credentials do not belong into it; give them in the environment or a profile")
        if not _BUCKET.fullmatch(parts.netloc):
            raise ValueError("expected s3://bucket/prefix with the name of a bucket")
        if parts.fragment:
            raise ValueError("expected no #fragment")
        said = parse_qsl(parts.query, keep_blank_values=True)
        options = dict(said)
        if unknown := options.keys() - _OPTIONS:
            raise ValueError(f"unknown: {', '.join(sorted(unknown))}; known: {', '.join(sorted(_OPTIONS))}")
        if len(said) > len(options):
            raise ValueError("an option is given twice")
        if empty := [name for name, value in said if not value]:
            raise ValueError(f"{empty[0]} is empty")
        endpoint = _endpoint(options.get("endpoint_url"))
        prefix = unquote(parts.path).strip("/")
        return cls(
            bucket=parts.netloc,
            prefix=f"{prefix}/" if prefix else "",
            endpoint_url=endpoint,
            public_endpoint_url=_endpoint(options.get("public_endpoint_url")),
            region=options.get("region"),
            addressing_style=_style(options.get("addressing_style"), own_endpoint=endpoint is not None),
            profile=options.get("profile"),
            anonymous=_flag(options.get("anonymous")),
        )


def _endpoint(value: str | None) -> str | None:
    if value is None:
        return None
    parts = urlsplit(value)
    if "@" in parts.netloc:
        raise ValueError("credentials do not belong into an endpoint")
    if parts.scheme not in {"http", "https"} or not parts.netloc or parts.query or parts.fragment:
        raise ValueError("expected an endpoint such as https://objects.example.org")
    return value.rstrip("/")


def _style(value: str | None, *, own_endpoint: bool) -> str:
    """Return the addressing style, by default path for a custom endpoint, else virtual.

    MinIO and Ceph rarely have bucket host names. For Amazon botocore's "auto" would sign URLs for the host without
    region, and the redirect from there breaks the signature.
    """
    if value is None:
        return "path" if own_endpoint else "virtual"
    if value not in _STYLES:
        raise ValueError("addressing_style is path or virtual")
    return value


def _flag(value: str | None) -> bool:
    if value not in {None, "true", "false"}:
        raise ValueError("anonymous is true or false")
    return value == "true"
