"""The sign-in page, with rate limits, and the account page, where people make, list and revoke their API tokens."""

from datetime import timedelta
from hashlib import sha256
from typing import Any

from django import forms
from django.conf import settings
from django.contrib.admin.forms import AdminAuthenticationForm
from django.contrib.auth.decorators import login_required
from django.contrib.auth.forms import AuthenticationForm
from django.contrib.auth.views import LoginView
from django.core.exceptions import ValidationError
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils import timezone
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods, require_POST

from catalogue import api_tokens, rate_limits
from catalogue.request_context import current_context


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
    """The sign-in form of the admin."""


class SignInView(LoginView):
    """Check the password and open a session."""

    template_name = "htsgetsite/sign_in.html"
    authentication_form = SignInForm
    redirect_authenticated_user = True

    def get_context_data(self, **context: Any) -> dict[str, Any]:
        """Add the OpenID Connect issuer, if one is set, and whether signing in there has just failed."""
        return super().get_context_data(
            issuer=settings.SIGN_IN.issuer if settings.SIGN_IN else "",
            failed="failed" in self.request.GET,
            **context,
        )


class TokenForm(forms.Form):
    """The name, scopes and expiry of a new token."""

    name = forms.CharField(max_length=100, label="Name")
    scopes = forms.MultipleChoiceField(
        choices=api_tokens.SCOPES,
        initial=[value for value, _ in api_tokens.SCOPES],
        widget=forms.CheckboxSelectMultiple,
        label="Scopes",
    )
    days = forms.IntegerField(
        min_value=1, max_value=36500, required=False, label="Days until it expires", help_text="empty: never"
    )

    def clean(self) -> dict[str, Any]:
        """Add `expires`; API_TOKEN_MAX_DAYS may limit it."""
        cleaned: dict[str, Any] = super().clean() or {}
        days = cleaned.get("days")
        ends = None if days is None else timezone.now() + timedelta(days=days)
        cleaned["expires"] = api_tokens.checked_expiry(ends)
        return cleaned


@login_required
@never_cache
@require_http_methods(["GET", "HEAD", "POST"])
def account(request: HttpRequest) -> HttpResponse:
    """List the tokens of the signed-in account; a POST makes one and shows its text, this once."""
    form, made = TokenForm(), None
    if request.method == "POST":
        form = TokenForm(request.POST)
        if form.is_valid():
            given = form.cleaned_data
            _, made = api_tokens.issue(
                user=request.user, name=given["name"], scopes=given["scopes"], expires=given["expires"]
            )
            form = TokenForm()
    context = {
        "form": form,
        "made": made,
        "tokens": api_tokens.tokens_of(request.user.pk),
        "name": settings.SERVICE_NAME,
    }
    return render(request, "htsgetsite/account.html", context, status=400 if form.errors else 200)


@login_required
@require_POST
def revoke(request: HttpRequest, pk: int) -> HttpResponse:
    """Revoke a token of the signed-in account."""
    if not api_tokens.revoke(pk, user=request.user.pk):
        raise Http404
    return redirect("account")
