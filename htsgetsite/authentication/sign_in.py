"""Sign people in to the pages with an OpenID Connect issuer, if the settings name one. The protocols do not use it.

mozilla-django-oidc runs the flow in the browser (authorization code with PKCE; state and nonce are in the session). The
id token is checked here like every other token: issuer, audience, times and signature. An `Identity` that an
administrator made links the subject to an account; the site creates no account and does not match by email.
"""

import hmac
import logging
from typing import Any, Final

from django.conf import settings
from django.contrib.auth.models import User
from django.core.exceptions import ImproperlyConfigured
from django.http import Http404, HttpRequest
from django.http.response import HttpResponseBase
from django.shortcuts import redirect
from django.urls import path
from django.views.decorators.cache import never_cache
from mozilla_django_oidc.auth import OIDCAuthenticationBackend
from mozilla_django_oidc.utils import import_from_settings
from mozilla_django_oidc.views import OIDCAuthenticationCallbackView, OIDCAuthenticationRequestView

from catalogue.queries.accounts import account_by_subject
from htsgetsite.authentication.fetching import NotFetched, fetch_json
from htsgetsite.authentication.issuers import SignIn
from htsgetsite.authentication.keys import KeysUnavailable, discovered
from htsgetsite.authentication.signatures import NotValid, verified

log = logging.getLogger(__name__)

_ENDPOINTS: Final = {
    "OIDC_OP_AUTHORIZATION_ENDPOINT": "authorization_endpoint",
    "OIDC_OP_TOKEN_ENDPOINT": "token_endpoint",
    "OIDC_OP_USER_ENDPOINT": "userinfo_endpoint",
    "OIDC_OP_JWKS_ENDPOINT": "jwks_uri",
}


def _chosen() -> SignIn:
    chosen: SignIn | None = settings.SIGN_IN
    if chosen is None:
        raise ImproperlyConfigured("HTSGETSITE_SIGN_IN is not set")
    return chosen


def _setting(name: str, *default: Any) -> Any:
    """Return a setting of mozilla-django-oidc: from SIGN_IN, the issuer's discovery document, or Django's settings."""
    chosen = _chosen()
    if name in _ENDPOINTS:
        return discovered(chosen.issuer, _ENDPOINTS[name])
    match name:
        case "OIDC_RP_CLIENT_ID":
            return chosen.client_id
        case "OIDC_RP_CLIENT_SECRET":
            return chosen.client_secret
        case _:
            return import_from_settings(name, *default)


class SignInBackend(OIDCAuthenticationBackend):  # type: ignore[misc]
    """Exchange the authorization code that the browser brings back for an account."""

    get_settings = staticmethod(_setting)

    def __init__(self) -> None:
        # Django makes a backend for every request with a session, so `authenticate` calls the base class's `__init__`,
        # which fetches the discovery document.
        self.UserModel = User

    def authenticate(self, request: HttpRequest | None, **credentials: Any) -> User | None:
        """Return the account of the person who signed in at the issuer; None if there is none, or for a password."""
        if settings.SIGN_IN is None or request is None or "nonce" not in credentials:
            return None
        try:
            super().__init__()
            account: User | None = super().authenticate(request, **credentials)
        except (NotFetched, NotValid, KeysUnavailable) as fault:
            log.warning("signing in failed: %s", fault)
            return None
        return account

    def get_token(self, payload: dict[str, Any]) -> dict[str, Any]:
        """Exchange an authorization code for tokens."""
        return fetch_json(self.OIDC_OP_TOKEN_ENDPOINT, form=payload)

    def verify_token(self, token: Any, **more: Any) -> dict[str, Any]:
        """Return the claims of the id token. Raises NotValid if it is not for this site or this sign-in."""
        chosen = _chosen()
        if not isinstance(token, str):
            raise NotValid("there is no id token")
        claims = verified(
            token,
            keys_url=self.OIDC_OP_JWKS_ENDPOINT,
            issuer=chosen.issuer,
            audiences=(chosen.client_id,),
            algorithms=chosen.algorithms,
            required=("sub", "aud", "iat", "nonce"),
        )
        if not hmac.compare_digest(str(claims["nonce"]).encode(), str(more.get("nonce")).encode()):
            raise NotValid("the nonce of the id token is of another sign-in")
        # `azp` names the client that the token was issued to (OpenID Connect Core 1.0 §3.1.3.7).
        if claims.get("azp", chosen.client_id) != chosen.client_id:
            raise NotValid("the id token was issued to another client")
        return claims

    def get_or_create_user(self, access_token: Any, id_token: Any, payload: dict[str, Any]) -> User | None:
        """Return the active account of the subject, or None. Creates no account."""
        issuer = _chosen().issuer
        known = account_by_subject(issuer=issuer, subject=str(payload["sub"]))
        user: User | None = self.get_user(known.pk) if known else None
        if user is None:
            log.warning("signing in failed: a subject of %s has no active account here", issuer)
        return user


class _RequestView(OIDCAuthenticationRequestView):  # type: ignore[misc]
    get_settings = staticmethod(_setting)


class _CallbackView(OIDCAuthenticationCallbackView):  # type: ignore[misc]
    get_settings = staticmethod(_setting)


@never_cache
def start(request: HttpRequest) -> HttpResponseBase:
    """Redirect the browser to the issuer."""
    return _walked(request, _RequestView)


@never_cache
def done(request: HttpRequest) -> HttpResponseBase:
    """Open a session when the browser comes back from the issuer."""
    return _walked(request, _CallbackView)


def _walked(request: HttpRequest, view: Any) -> HttpResponseBase:
    if settings.SIGN_IN is None:
        raise Http404
    try:
        answer: HttpResponseBase = view.as_view()(request)
    except KeysUnavailable as fault:
        log.warning("signing in failed: %s", fault)
        return redirect(settings.LOGIN_REDIRECT_URL_FAILURE)
    return answer


def urls() -> list[Any]:
    """Return the URLs of the two views, with the names that mozilla-django-oidc expects."""
    return [
        path("account/oidc/start", start, name="oidc_authentication_init"),
        path("account/oidc/done", done, name="oidc_authentication_callback"),
    ]
