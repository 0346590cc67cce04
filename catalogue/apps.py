"""Registers the catalogue with Django."""

from django.apps import AppConfig


class CatalogueConfig(AppConfig):
    """The one Django application that owns models."""

    name = "catalogue"
    verbose_name = "Catalogue"
    default_auto_field = "django.db.models.BigAutoField"

    def ready(self) -> None:
        """Registers the system checks, and the receivers that record changes of access."""
        from catalogue import audit_receivers, checks  # noqa: F401
