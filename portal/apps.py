"""Registers the pages with Django, for their templates and static files."""

from django.apps import AppConfig


class PortalConfig(AppConfig):
    """The front door: no models."""

    name = "portal"
    verbose_name = "Portal"
