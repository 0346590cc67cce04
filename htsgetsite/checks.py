"""System checks of the deployment: `manage.py check --deploy` warns of settings that a public site must not have."""

from collections.abc import Sequence
from typing import Any

from django.apps import AppConfig
from django.conf import settings
from django.core.checks import CheckMessage, Tags, Warning, register


@register(Tags.security, deploy=True)
def check_public_address(app_configs: Sequence[AppConfig] | None, **_: Any) -> list[CheckMessage]:
    """Warn if URLs in links and tickets come from the client's Host header."""
    if settings.PUBLIC_URL:
        return []
    return [
        Warning(
            "PUBLIC_URL is not set: the URLs in tickets are made from the Host header of each request.",
            hint="Set PUBLIC_URL to the address under which clients reach the site.",
            id="htsgetsite.W001",
        )
    ]


@register(Tags.security, deploy=True)
def check_database(app_configs: Sequence[AppConfig] | None, **_: Any) -> list[CheckMessage]:
    """Warn if the site uses the embedded database."""
    if not settings.EMBEDDED:
        return []
    return [
        Warning(
            "DATABASE_URL is not set: the embedded PostgreSQL serves one machine only and has no backups.",
            hint="Set DATABASE_URL to a PostgreSQL server.",
            id="htsgetsite.W002",
        )
    ]


@register(Tags.security, deploy=True)
def check_service_identity(app_configs: Sequence[AppConfig] | None, **_: Any) -> list[CheckMessage]:
    """Warn if service-info documents still have the default id or no contact."""
    if settings.SERVICE_ID != "org.example.htsgetsite" and settings.SERVICE_CONTACT_URL:
        return []
    return [
        Warning(
            "SERVICE_ID and SERVICE_CONTACT_URL are not both set: service-info documents do not say who you are.",
            hint="Set the SERVICE_… settings; docs/settings.md lists them.",
            id="htsgetsite.W003",
        )
    ]
