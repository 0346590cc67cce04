"""Register the site itself with Django, for its commands, templates and system checks."""

from django.apps import AppConfig


class SiteConfig(AppConfig):
    """The site: no models, but the commands `serve` and `demo`, and the deployment checks."""

    name = "htsgetsite"
    label = "site"
    verbose_name = "Site"

    def ready(self) -> None:
        """Register the system checks."""
        from htsgetsite import checks  # noqa: F401
