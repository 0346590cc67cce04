"""Registers the catalogue with Django."""

from django.apps import AppConfig


class CatalogueConfig(AppConfig):
    """The one Django application that owns models."""

    name = "catalogue"
    verbose_name = "Catalogue"
    default_auto_field = "django.db.models.BigAutoField"

    def ready(self) -> None:
        """Register the system checks, and the receivers of signals: audit, and removal of unused objects."""
        from catalogue import audit_receivers, checks  # noqa: F401
        from catalogue.ingest import objects, uploads  # noqa: F401
