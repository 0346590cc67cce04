"""Map URLs to the views of the site and of each protocol."""

from django.conf import settings
from django.contrib import admin
from django.contrib.auth.views import LogoutView
from django.urls import include, path

from htsgetsite.account import AdminSignInForm, SignInView, account, revoke
from htsgetsite.authentication import sign_in
from htsgetsite.health import alive, ready
from htsgetsite.home import home
from htsgetsite.observability.endpoint import metrics

admin.site.login_form = AdminSignInForm
admin.site.site_header = admin.site.site_title = settings.SERVICE_NAME
admin.site.index_title = "Data stewards' desk"

urlpatterns = [
    *sign_in.urls(),
    *(path("", include(f"{app}.urls")) for app in settings.PROTOCOLS),
    path("admin/", admin.site.urls),
    path("account/", account, name="account"),
    path("account/sign-in", SignInView.as_view(), name="sign-in"),
    path("account/sign-out", LogoutView.as_view(), name="sign-out"),
    path("account/tokens/<int:pk>/revoke", revoke, name="revoke-token"),
    path("healthz", alive, name="healthz"),
    path("readyz", ready, name="readyz"),
    path("metrics", metrics, name="metrics"),
    path("", home, name="home"),
]
