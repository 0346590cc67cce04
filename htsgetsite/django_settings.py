"""Django settings that are the same in every deployment; `settings` has those that the environment changes."""

from typing import Any

# The `urls` module of each declares its protocols: see ga4gh/protocol.py.
PROTOCOLS = ["refget_app", "seqcol_app", "htsget_app", "annotation_app", "portal.api"]

INSTALLED_APPS = [
    # First, so that the desk can leave out its pages.
    "procrastinate.contrib.django",
    # Before django-unfold, whose templates some of its own replace, and that before Django's admin.
    "catalogue.apps.CatalogueConfig",
    "unfold.apps.BasicAppConfig",
    "catalogue.desk_site.DeskConfig",
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.sessions",
    "django.contrib.messages",
    "django.contrib.staticfiles",
    "corsheaders",
    "drf_spectacular",
    "drf_spectacular_sidecar",
    *PROTOCOLS,
    "portal.apps.PortalConfig",
    "htsgetsite.apps.SiteConfig",
]

MIDDLEWARE = [
    "htsgetsite.request_middleware.RequestMiddleware",
    "django.middleware.security.SecurityMiddleware",
    "ga4gh.cors.CrossOriginMiddleware",
    "htsgetsite.page_middleware.SessionMiddleware",
    "htsgetsite.page_middleware.CommonMiddleware",
    "htsgetsite.page_middleware.CsrfViewMiddleware",
    "htsgetsite.page_middleware.AuthenticationMiddleware",
    "htsgetsite.request_middleware.ActorMiddleware",
    "htsgetsite.page_middleware.MessageMiddleware",
    "htsgetsite.page_middleware.XFrameOptionsMiddleware",
]

ROOT_URLCONF = "htsgetsite.urls"
WSGI_APPLICATION = "htsgetsite.wsgi.application"

# Scripts of any origin may read what the protocols serve; ga4gh/cors.py has the paths and methods of each.
CORS_ALLOWED_ORIGIN_REGEXES = [r".+"]
CORS_EXPOSE_HEADERS = (
    "Accept-Ranges", "Content-Length", "Content-Range", "ETag", "Retry-After", "WWW-Authenticate",
)  # fmt: skip
CORS_PREFLIGHT_MAX_AGE = 30 * 24 * 3600

TEMPLATES: list[dict[str, Any]] = [
    {
        "BACKEND": "django.template.backends.django.DjangoTemplates",
        "APP_DIRS": True,
        "OPTIONS": {
            "context_processors": [
                "django.template.context_processors.request",
                "django.contrib.auth.context_processors.auth",
                "django.contrib.messages.context_processors.messages",
            ],
        },
    },
]

# The desk. Its templates and style sheet replace what django-unfold would make of the rest of its settings.
UNFOLD = {
    "SIDEBAR": {"navigation": "catalogue.admin.navigation.navigation"},
    "DASHBOARD_CALLBACK": "catalogue.admin.dashboard.dashboard",
}

OIDC_RP_SCOPES = "openid"
OIDC_RP_SIGN_ALGO = "RS256"
OIDC_USE_PKCE = True
LOGIN_REDIRECT_URL_FAILURE = "/account/sign-in?failed"
CSRF_FAILURE_VIEW = "portal.pages.errors.csrf_failure"
LOGIN_URL = "sign-in"
LOGIN_REDIRECT_URL = "account"
LOGOUT_REDIRECT_URL = "home"

# No form takes files: without a handler they are discarded and never written to disk. The desk takes them in parts.
FILE_UPLOAD_HANDLERS: list[str] = []
DATA_UPLOAD_MAX_MEMORY_SIZE = 1 << 20

# The only module with tasks; procrastinate would look for `tasks` in every application.
PROCRASTINATE_AUTODISCOVER_MODULE_NAME = ""
PROCRASTINATE_IMPORT_PATHS = ["catalogue.jobs.tasks"]

DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"
LANGUAGE_CODE = "en-gb"
USE_I18N = False
USE_TZ = True
TIME_ZONE = "UTC"
STATIC_URL = "/static/"
APPEND_SLASH = True

REST_FRAMEWORK = {
    # REST framework only identifies the viewer and limits the rate; the catalogue decides who may see what.
    "DEFAULT_AUTHENTICATION_CLASSES": ["htsgetsite.authentication.bearer.BearerAuthentication"],
    "DEFAULT_THROTTLE_CLASSES": ["htsgetsite.throttles.TicketThrottle"],
    "DEFAULT_PERMISSION_CLASSES": [],
    "DEFAULT_RENDERER_CLASSES": ["rest_framework.renderers.JSONRenderer"],
    "DEFAULT_PARSER_CLASSES": ["rest_framework.parsers.JSONParser"],
    "UNAUTHENTICATED_USER": None,
}

SILENCED_SYSTEM_CHECKS = [
    # htsgetsite/page_middleware.py has subclasses of the middleware that these checks look for.
    "security.W002",
    "security.W003",
    # HSTS for subdomains and preloading concern other hosts, for which this site cannot decide.
    "security.W005",
    "security.W021",
]
SECURE_REDIRECT_EXEMPT = [r"^healthz$", r"^readyz$"]
SESSION_COOKIE_HTTPONLY = True

SPECTACULAR_SETTINGS = {
    "TITLE": "htsgetsite",
    "DESCRIPTION": "The catalogue of the site, and the protocols that serve what it holds.",
    "VERSION": "1.0.0",
    "OAS_VERSION": "3.1.0",
    "SCHEMA_PATH_PREFIX": "/api",
    "PREPROCESSING_HOOKS": ["portal.api.schema.only_resources"],
    "POSTPROCESSING_HOOKS": ["portal.api.schema.with_protocols"],
    "APPEND_COMPONENTS": {"securitySchemes": {"bearer": {"type": "http", "scheme": "bearer"}}},
    # The schema is served by a view of the site itself.
    "ENABLE_DJANGO_DEPLOY_CHECK": False,
}
