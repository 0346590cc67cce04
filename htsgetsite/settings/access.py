"""Who may see what, and how often they may ask."""

from catalogue.rate_limits import Rate
from htsgetsite import values
from htsgetsite.authentication.issuers import (
    Issuer,
    SignIn,
    VisaIssuer,
    access_token_issuers,
    sign_in,
    visa_issuers,
)
from htsgetsite.settings.home import ENVIRONMENT


def _rate(name: str, default: str, doc: str) -> Rate | None:
    return ENVIRONMENT.parsed(
        name, values.rate, kind="rate", default=values.rate(default), default_text=default, doc=doc
    )


HIDE_CONTROLLED: bool = ENVIRONMENT.flag(
    "HIDE_CONTROLLED",
    default=False,
    doc="Answers 404 instead of 401 and 403 for what the viewer may not see, as if it did not exist.",
)
OIDC_ISSUERS: dict[str, Issuer] = ENVIRONMENT.parsed(
    "HTSGETSITE_OIDC_ISSUERS",
    access_token_issuers,
    kind="JSON object",
    default={},
    default_text="none",
    doc=(
        "OpenID Connect issuers whose access tokens are taken: issuer to "
        '{"audience": …, "algorithms": […], "jwks_url": …, "userinfo": true}; see docs/access.md.'
    ),
)
VISA_ISSUERS: dict[str, VisaIssuer] = ENVIRONMENT.parsed(
    "HTSGETSITE_VISA_ISSUERS",
    visa_issuers,
    kind="JSON object",
    default={},
    default_text="none",
    doc='Issuers whose GA4GH visas are believed: issuer to {"jku": […], "algorithms": […]}; see docs/access.md.',
)
SIGN_IN: SignIn | None = ENVIRONMENT.parsed(
    "HTSGETSITE_SIGN_IN",
    sign_in,
    kind="JSON object",
    default=None,
    default_text="none",
    doc=(
        "An OpenID Connect issuer by which people sign in to the pages: "
        '{"issuer": …, "client_id": …, "client_secret": …, "algorithms": […]}; see docs/access.md.'
    ),
)
API_TOKEN_MAX_DAYS: int | None = ENVIRONMENT.optional_integer(
    "API_TOKEN_MAX_DAYS",
    minimum=1,
    doc="The longest life of an API token, in days; without it tokens may be made that never expire.",
)
DATA_RECHECK_SECONDS: int = ENVIRONMENT.integer(
    "DATA_RECHECK_SECONDS",
    default=0,
    maximum=3600,
    doc="Seconds for which a data URL may still work after its grant was revoked; 0 checks the grant at every request.",
)
THROTTLE_TICKETS_USER: Rate | None = _rate(
    "THROTTLE_TICKETS_USER",
    "6000/minute",
    doc="How many tickets an account, or a subject of an issuer, may ask for; none for no limit.",
)
THROTTLE_TICKETS_ADDRESS: Rate | None = _rate(
    "THROTTLE_TICKETS_ADDRESS",
    "3000/minute",
    doc="How many tickets an address may ask for without credentials; none for no limit.",
)
THROTTLE_GRAPHQL_USER: Rate | None = _rate(
    "THROTTLE_GRAPHQL_USER",
    "6000/minute",
    doc="How many GraphQL queries an account, or a subject of an issuer, may send; none for no limit.",
)
THROTTLE_GRAPHQL_ADDRESS: Rate | None = _rate(
    "THROTTLE_GRAPHQL_ADDRESS",
    "1200/minute",
    doc="How many GraphQL queries an address may send without credentials; none for no limit.",
)
THROTTLE_FAILURES: Rate | None = _rate(
    "THROTTLE_FAILURES",
    "60/minute",
    doc="How many bad credentials or altered data URLs an address may send; none for no limit.",
)
THROTTLE_SIGN_IN: Rate | None = _rate(
    "THROTTLE_SIGN_IN",
    "10/minute",
    doc="How many passwords an address may send to the sign-in pages; none for no limit.",
)
THROTTLE_SIGN_IN_ACCOUNT: Rate | None = _rate(
    "THROTTLE_SIGN_IN_ACCOUNT",
    "100/hour",
    doc="How many passwords may be sent for one account, from all addresses together; none for no limit.",
)
