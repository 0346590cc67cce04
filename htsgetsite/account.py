"""The page of an account: its own tokens, made, shown once, and revoked; and signing in, not too often in vain."""

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

    Attempts are counted before the password is checked, so that parallel ones count too. Right passwords count as well:
    which ones are right is known too late.
    """

    def clean(self) -> dict[str, Any]:
        """Raise ValidationError, without looking at the password, over a limit."""
        network = rate_limits.network_of(current_context().address)
        # The name is whatever the client sent, of any length; its digest is not.
        account = sha256(self.cleaned_data.get("username", "").encode()).hexdigest()
        for key, rate in (
            (f"sign-in from {network}", settings.THROTTLE_SIGN_IN),
            (f"sign-in to {account}", settings.THROTTLE_SIGN_IN_ACCOUNT),
        ):
            if rate is not None and (wait := rate_limits.count(key, rate)) is not None:
                raise ValidationError(f"Too many attempts to sign in. Try again in {wait} seconds.")
        return super().clean()


class SignInForm(_Limited):
    """For the page of an account."""


class AdminSignInForm(_Limited, AdminAuthenticationForm):
    """For the stewards' pages."""


class SignInView(LoginView):
    """Opens a session."""

    template_name = "htsgetsite/sign_in.html"
    authentication_form = SignInForm
    redirect_authenticated_user = True

    def get_context_data(self, **context: Any) -> dict[str, Any]:
        """Adds the issuer by which one may sign in as well, and whether that has just failed."""
        return super().get_context_data(
            issuer=settings.SIGN_IN.issuer if settings.SIGN_IN else "",
            failed="failed" in self.request.GET,
            **context,
        )


class TokenForm(forms.Form):
    """What a new token is for, and until when."""

    name = forms.CharField(max_length=100, label="What it is for")
    scopes = forms.MultipleChoiceField(
        choices=api_tokens.SCOPES,
        initial=[value for value, _ in api_tokens.SCOPES],
        widget=forms.CheckboxSelectMultiple,
        label="What it opens",
    )
    days = forms.IntegerField(
        min_value=1, max_value=36500, required=False, label="Days until it expires", help_text="empty: never"
    )

    def clean(self) -> dict[str, Any]:
        """Adds `expires`, which the settings may bound."""
        cleaned: dict[str, Any] = super().clean() or {}
        days = cleaned.get("days")
        ends = None if days is None else timezone.now() + timedelta(days=days)
        cleaned["expires"] = api_tokens.checked_expiry(ends)
        return cleaned


@login_required
@never_cache
@require_http_methods(["GET", "HEAD", "POST"])
def account(request: HttpRequest) -> HttpResponse:
    """The tokens of whoever is signed in; a POST makes one, which only the answer to it ever shows."""
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
    """Revoke a token of whoever is signed in."""
    if not api_tokens.revoke(pk, user=request.user.pk):
        raise Http404
    return redirect("account")
