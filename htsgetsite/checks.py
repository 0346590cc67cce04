"""System checks of the deployment: `manage.py check --deploy` warns of settings that a public site must not have."""

import ipaddress
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final
from urllib.parse import parse_qs, urlsplit

from django.apps import AppConfig
from django.conf import settings
from django.core.checks import CheckMessage, Tags, Warning, register

_DAY: Final = 24 * 3600


@dataclass(frozen=True, slots=True)
class Risk:
    """A setting that a public site must not have: when it applies, what it leads to, and what to do."""

    number: int
    applies: Callable[[], bool]
    message: str
    hint: str


#: The ids of the checks are `htsgetsite.W001` and so on. Numbers are never given twice.
RISKS: Final = (
    Risk(
        1,
        lambda: not settings.PUBLIC_URL,
        "PUBLIC_URL is not set: the URLs in tickets are made from the Host header of each request.",
        "Set PUBLIC_URL to the address under which clients reach the site.",
    ),
    Risk(
        2,
        lambda: bool(settings.EMBEDDED),
        "DATABASE_URL is not set: the embedded PostgreSQL serves one machine only and has no backups.",
        "Set DATABASE_URL to a PostgreSQL server.",
    ),
    Risk(
        3,
        lambda: settings.SERVICE_ID == "org.example.htsgetsite" or not settings.SERVICE_CONTACT_URL,
        "SERVICE_ID and SERVICE_CONTACT_URL are not both set: service-info documents do not say who you are.",
        "Set the SERVICE_… settings; docs/settings.md lists them.",
    ),
    Risk(
        4,
        lambda: "*" in settings.ALLOWED_HOSTS,
        "ALLOWED_HOSTS has *: links can be made for hosts that are not yours.",
        "Name the hosts of the site.",
    ),
    Risk(
        5,
        lambda: urlsplit(settings.PUBLIC_URL).scheme == "http",
        "PUBLIC_URL is not https: tokens, passwords and data can be read on the way.",
        "Put TLS in front of the site; docs/deploy.md says how.",
    ),
    Risk(
        6,
        lambda: urlsplit(settings.PUBLIC_URL).scheme == "https" and not settings.TRUST_PROXY,
        "PUBLIC_URL is https but TRUST_PROXY is off: every client seems to have the proxy's address.",
        "Set TRUST_PROXY=1 behind a proxy that sets X-Forwarded-For and X-Forwarded-Proto.",
    ),
    Risk(
        7,
        lambda: (
            None
            in (
                *(
                    settings.THROTTLE_TICKETS_USER,
                    settings.THROTTLE_TICKETS_ADDRESS,
                    settings.THROTTLE_FAILURES,
                ),
                *(settings.THROTTLE_GRAPHQL_USER, settings.THROTTLE_GRAPHQL_ADDRESS),
                *(settings.THROTTLE_SIGN_IN, settings.THROTTLE_SIGN_IN_ACCOUNT),
            )
        ),
        "A rate limit is switched off: tokens and passwords can be guessed, or the site be kept busy, without end.",
        "Give each of the THROTTLE_… settings a rate.",
    ),
    Risk(
        8,
        lambda: settings.TICKET_URL_TTL > _DAY,
        "TICKET_URL_TTL is over a day: whoever gets hold of a data URL can use it for that long.",
        "An hour is enough: clients ask for a new ticket.",
    ),
    Risk(
        9,
        lambda: (
            not all(
                _is_private(listen[0])
                for listen in (settings.METRICS_LISTEN, settings.WORK_METRICS_LISTEN)
                if listen is not None
            )
        ),
        "METRICS_LISTEN or WORK_METRICS_LISTEN is an address that others may reach: it asks for no credentials.",
        "Listen on an address of the internal network, or use METRICS_TOKEN.",
    ),
    Risk(
        10,
        lambda: bool(settings.STORAGE_FILE_MODE & 0o007),
        "STORAGE_FILE_MODE lets every account of the machine read or change the stored files.",
        "Use 600, or 640 with a group for nginx.",
    ),
    Risk(
        11,
        lambda: bool(settings.SECRET_KEY_FALLBACKS),
        "SECRET_KEY_FALLBACKS is set: what was signed with an earlier key is still accepted.",
        "Remove it once TICKET_URL_TTL has passed since the change; at once if the earlier key became known.",
    ),
    Risk(
        12,
        lambda: _is_far_in_the_clear(settings.DATABASES["default"]),
        "DATABASE_URL leads to another network without TLS: the password and the data can be read on the way.",
        "Add sslmode=verify-full, and sslrootcert if the server's certificate is of an authority of your own.",
    ),
    Risk(
        13,
        lambda: any(map(_sends_in_the_clear, settings.HTSGETSITE_STORAGES.values())),
        "A storage of HTSGETSITE_STORAGES is reached over http on another network: data, and URLs that open data, "
        "can be read on the way.",
        "Put TLS in front of the object store, and give https addresses as endpoint_url and public_endpoint_url.",
    ),
)


@register(Tags.security, deploy=True)
def check_risks(app_configs: Sequence[AppConfig] | None, **_: Any) -> list[CheckMessage]:
    """Return a warning for each of the risks that applies."""
    return [
        Warning(risk.message, hint=risk.hint, id=f"htsgetsite.W{risk.number:03}")
        for risk in RISKS
        if risk.applies()
    ]


def _is_far_in_the_clear(database: Mapping[str, Any]) -> bool:
    """Return whether a database is on another network, and the connection to it may be without TLS."""
    modes = {"require", "verify-ca", "verify-full"}
    return _is_far(database.get("HOST", "")) and database["OPTIONS"].get("sslmode") not in modes


def _sends_in_the_clear(storage: str) -> bool:
    """Return whether bytes of a storage, by the site or by its clients, cross networks over http."""
    options = parse_qs(urlsplit(storage).query)
    urls = [
        urlsplit(url) for name in ("endpoint_url", "public_endpoint_url") for url in options.get(name, ())
    ]
    return any(url.scheme == "http" and _is_far(url.hostname or "") for url in urls)


def _is_far(host: str) -> bool:
    """Return whether a host may be on another network: not this machine, a private address or a name without a dot."""
    if not host or host.startswith("/"):
        return False
    try:
        return not ipaddress.ip_address(host).is_private
    except ValueError:
        return "." in host and not host.endswith((".internal", ".local", ".svc"))


def _is_private(host: str) -> bool:
    """Return whether an address to listen on is of this machine or an internal network."""
    try:
        address = ipaddress.ip_address(host)
    except ValueError:
        return host == "localhost"
    return address.is_private and not address.is_unspecified
