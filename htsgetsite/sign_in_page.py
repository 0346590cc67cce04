"""The sign-in page, and the sign-in form of the admin, with rate limits."""

from hashlib import sha256
from typing import Any

from django.conf import settings
from django.contrib.admin.forms import AdminAuthenticationForm
from django.contrib.auth.forms import AuthenticationForm
from django.contrib.auth.views import LoginView
from django.core.exceptions import ValidationError

from catalogue import rate_limits
from catalogue.desk_entry import ENTER
from catalogue.request_context import current_context
from portal.pages.page import frame


class _Limited(AuthenticationForm):
    """Reject sign-ins from an address over `THROTTLE_SIGN_IN`, and to an account over `THROTTLE_SIGN_IN_ACCOUNT`.

    Attempts are counted before the password is checked, so that parallel attempts count too. Attempts with the right
    password therefore count as well.
    """

    def clean(self) -> dict[str, Any]:
        """Raise ValidationError over a limit, before the password is checked."""
        network = rate_limits.network_of(current_context().address)
        # The name that the client sent may have any length; its digest has a fixed one.
        account = sha256(self.cleaned_data.get("username", "").encode()).hexdigest()
        for key, rate in (
            (f"sign-in from {network}", settings.THROTTLE_SIGN_IN),
            (f"sign-in to {account}", settings.THROTTLE_SIGN_IN_ACCOUNT),
        ):
            if rate is not None and (wait := rate_limits.count(key, rate)) is not None:
                raise ValidationError(f"Too many attempts to sign in. Try again in {wait} seconds.")
        return super().clean()


class SignInForm(_Limited):
    """The form of the sign-in page."""


class AdminSignInForm(_Limited, AdminAuthenticationForm):
    """The sign-in form of the desk, for staff and members of the groups of its roles."""

    def confirm_login_allowed(self, user: Any) -> None:
        """Raise ValidationError for an account that may not enter the desk."""
        if user.has_perm(ENTER):
            # What holds for every page: the account is active.
            super(AdminAuthenticationForm, self).confirm_login_allowed(user)
        else:
            super().confirm_login_allowed(user)


class SignInView(LoginView):
    """Check the password and open a session."""

    template_name = "portal/sign_in.html"
    authentication_form = SignInForm
    redirect_authenticated_user = True

    def get_context_data(self, **context: Any) -> dict[str, Any]:
        """Add the OpenID Connect issuer, if one is set, and whether signing in there has just failed."""
        return super().get_context_data(
            **frame(self.request),
            issuer=settings.SIGN_IN.issuer if settings.SIGN_IN else "",
            failed="failed" in self.request.GET,
            **context,
        )
