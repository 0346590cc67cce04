"""The home page, for people who open the site in a browser."""

from django.conf import settings
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.views.decorators.cache import cache_control
from django.views.decorators.http import require_safe

from ga4gh.views import site_url


@require_safe
@cache_control(public=True, max_age=300)
def home(request: HttpRequest) -> HttpResponse:
    """Show what this server is, which protocols it speaks, and an example of each."""
    context = {
        "base": site_url(request),
        "name": settings.SERVICE_NAME,
        "description": settings.SERVICE_DESCRIPTION,
        "organisation": settings.SERVICE_ORGANIZATION_NAME,
        "organisation_url": settings.SERVICE_ORGANIZATION_URL,
        "contact": settings.SERVICE_CONTACT_URL,
    }
    return render(request, "htsgetsite/home.html", context)
