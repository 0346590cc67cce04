"""What pages of the desk that belong to no table share: how they register, and how they are answered."""

from collections.abc import Callable
from typing import Any, cast

from django import forms
from django.contrib import admin
from django.http import HttpRequest, HttpResponse
from django.template.response import TemplateResponse

from catalogue.desk_site import DeskSite, View


def page(route: str, *, name: str) -> Callable[[View], View]:
    """Register a view as a page of the desk, at `/admin/<route>`; its URL is named `admin:<name>`."""

    def register(view: View) -> View:
        cast(DeskSite, admin.site).add_page(route, view, name=name)
        return view

    return register


def answer(
    request: HttpRequest, template: str, *, title: str, status: int = 200, **context: Any
) -> HttpResponse:
    """Return a page made of `catalogue/desk/<template>.html`, in the frame of the desk."""
    request.current_app = admin.site.name
    whole = {**admin.site.each_context(request), "title": title, **context}
    return TemplateResponse(request, f"catalogue/desk/{template}.html", whole, status=status)


def whole_number(text: str | None, *, default: int = 1) -> int:
    """Return a number from a query, at least 1; `default` for anything else."""
    return max(1, int(text)) if text and text.isascii() and text.isdigit() and len(text) < 10 else default


class PlainForm(forms.Form):
    """A form whose fields say in `aria-describedby` where their help and errors are."""

    required_css_class = "desk-required"
    use_required_attribute = False
    template_name = "catalogue/desk/form.html"
