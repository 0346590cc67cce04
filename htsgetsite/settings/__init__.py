"""The site's settings: those that operators set in the environment, by subject, and what Django makes of them.

docs/settings.md has a row for each declaration, in the order of the imports below; a test compares them.
"""

# ruff: noqa: F403, F405, I001

from urllib.parse import urlsplit

import django_stubs_ext

from htsgetsite.django_settings import *
from htsgetsite.logs import logging_config
from htsgetsite.settings.home import *
from htsgetsite.settings.storages import *
from htsgetsite.settings.protocols import *
from htsgetsite.settings.jobs import *
from htsgetsite.settings.access import *
from htsgetsite.settings.service_info import *
from htsgetsite.settings.process import *

# Allows annotations such as QuerySet[Sequence] at run time.
django_stubs_ext.monkeypatch()

ENVIRONMENT.verify()

AUTHENTICATION_BACKENDS = [
    "django.contrib.auth.backends.ModelBackend",
    *(["htsgetsite.authentication.sign_in.SignInBackend"] if SIGN_IN else []),
]
STATIC_ROOT = BASE_DIR / "staticfiles"

_https = PUBLIC_URL.startswith("https://")
if TRUST_PROXY:
    SECURE_PROXY_SSL_HEADER = ("HTTP_X_FORWARDED_PROTO", "https")
# Without X-Forwarded-Proto every request behind a proxy looks like http, and the redirect would loop.
SECURE_SSL_REDIRECT = _https and TRUST_PROXY
SECURE_HSTS_SECONDS = HSTS_SECONDS if _https else 0
SESSION_COOKIE_SECURE = CSRF_COOKIE_SECURE = _https
CSRF_TRUSTED_ORIGINS = ["://".join(urlsplit(PUBLIC_URL)[:2])] if PUBLIC_URL else []
LOGGING = logging_config(LOG_LEVEL, LOG_FORMAT)
