"""Registers the site itself with Django, for its commands, templates and system checks."""

from django.apps import AppConfig


class SiteConfig(AppConfig):
    """The site has no models; it brings `serve` and `demo`, the home page and the checks of the deployment."""

    name = "htsgetsite"
    label = "site"
    verbose_name = "Site"

    def ready(self) -> None:
        """Registers the system checks."""
        from htsgetsite import checks  # noqa: F401
