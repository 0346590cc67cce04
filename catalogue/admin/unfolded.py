"""The classes of django-unfold that the admin pages derive from; for the type checker they are those of Django."""

from typing import TYPE_CHECKING, Any

from django.http import HttpRequest

if TYPE_CHECKING:
    from django.contrib.admin import ModelAdmin, TabularInline
else:
    from django.contrib.admin import helpers
    from unfold.admin import ModelAdmin as UnfoldModelAdmin
    from unfold.admin import TabularInline
    from unfold.forms import AdminForm, Fieldline
    from unfold.mixins import DatasetModelAdminMixin

    class ModelAdmin(UnfoldModelAdmin):
        """django-unfold's, without its datasets: to them every form with a field named `dataset` is theirs."""

        #: The template of a row takes longer than its query.
        list_per_page = 50

        def changeform_view(
            self,
            request: HttpRequest,
            object_id: str | None = None,
            form_url: str = "",
            extra_context: dict[str, Any] | None = None,
        ) -> Any:
            """Show the form with django-unfold's parts."""
            helpers.AdminForm, helpers.Fieldline = AdminForm, Fieldline
            # Skip the mixins of django-unfold that come before Django's own class.
            return super(DatasetModelAdminMixin, self).changeform_view(
                request, object_id, form_url, extra_context
            )


__all__ = ["ModelAdmin", "TabularInline"]
