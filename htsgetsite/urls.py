"""Map URLs to the views of the site, of each protocol, and of the portal, whose paths come last."""

from django.conf import settings
from django.contrib import admin
from django.contrib.auth.views import LogoutView
from django.urls import include, path

from htsgetsite.authentication import sign_in
from htsgetsite.health import alive, ready
from htsgetsite.observability.endpoint import metrics
from htsgetsite.sign_in_page import AdminSignInForm, SignInView

admin.autodiscover()
admin.site.login_form = AdminSignInForm
admin.site.site_header = admin.site.site_title = settings.SERVICE_NAME
admin.site.index_title = "Data stewards' desk"

urlpatterns = [
    *sign_in.urls(),
    *(path("", include(f"{app}.urls")) for app in settings.PROTOCOLS),
    path("admin/", admin.site.urls),
    path("account/sign-in", SignInView.as_view(), name="sign-in"),
    path("account/sign-out", LogoutView.as_view(), name="sign-out"),
    path("healthz", alive, name="healthz"),
    path("readyz", ready, name="readyz"),
    path("metrics", metrics, name="metrics"),
    path("", include("portal.urls")),
]

handler400 = "portal.pages.errors.bad_request"
handler403 = "portal.pages.errors.forbidden"
handler404 = "portal.pages.errors.not_found"
handler500 = "portal.pages.errors.server_error"
