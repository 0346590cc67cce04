"""The admin site of data stewards: who may enter it, its pages that belong to no table, and what every page shows.

Imports neither models nor the pages, which register themselves here.
"""

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from django.conf import settings
from django.contrib.admin.apps import SimpleAdminConfig
from django.http import HttpRequest, HttpResponseBase
from django.urls import path

from catalogue.desk_entry import may_enter

if TYPE_CHECKING:
    from django.contrib.admin import AdminSite as UnfoldAdminSite
else:
    from unfold.sites import UnfoldAdminSite

#: Names, icons and labels of the colour schemes.
_THEMES = (
    ("light", "light_mode", "Light"),
    ("dark", "dark_mode", "Dark"),
    ("auto", "computer", "As the system"),
)

View = Callable[..., HttpResponseBase]


class DeskConfig(SimpleAdminConfig):
    """Django's admin, with the site below as its default. The URLs load its pages; commands need neither."""

    default_site = "catalogue.desk_site.DeskSite"


class DeskSite(UnfoldAdminSite):
    """The desk."""

    index_title = "Desk"
    enable_nav_sidebar = True

    def __init__(self, name: str = "admin") -> None:
        super().__init__(name)
        self._pages: list[tuple[str, View, str]] = []

    def add_page(self, route: str, view: View, *, name: str) -> None:
        """Add a page at `/admin/<route>`, for those who may enter; the view decides about everything else."""
        self._pages.append((route, view, name))

    def get_urls(self) -> list[Any]:
        """Return the URLs of the added pages and of the tables."""
        pages = [path(route, self.admin_view(view), name=name) for route, view, name in self._pages]
        return [*pages, *super().get_urls()]

    def has_permission(self, request: HttpRequest) -> bool:
        """Return whether the account may enter: staff, and members of the groups of roles."""
        return may_enter(request.user)

    def each_context(self, request: HttpRequest) -> dict[str, Any]:
        """Return what every page needs; names and colours come from this site and its style sheet."""
        return {
            **super().each_context(request),
            "site_title": settings.SERVICE_NAME,
            "site_header": settings.SERVICE_NAME,
            "colors": None,
            "desk_themes": _THEMES,
        }
