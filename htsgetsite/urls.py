"""Where each room hangs."""

from django.contrib import admin
from django.urls import include, path

from htsgetsite.health import alive, ready
from htsgetsite.home import home

urlpatterns = [
    path("", include("refget_app.urls")),
    path("", include("htsget_app.urls")),
    path("admin/", admin.site.urls),
    path("healthz", alive, name="healthz"),
    path("readyz", ready, name="readyz"),
    path("", home, name="home"),
]
