"""The site's settings. This is the only module that reads what operators set in the environment.

docs/settings.md has a row for each declaration below; a test compares them.
"""

import os
from datetime import time
from pathlib import Path
from urllib.parse import urlsplit

import django_stubs_ext

from catalogue.rate_limits import Rate
from htsgetsite import __version__, values
from htsgetsite.authentication.issuers import (
    Issuer,
    SignIn,
    VisaIssuer,
    access_token_issuers,
    sign_in,
    visa_issuers,
)
from htsgetsite.database import Database, database_from_url, embedded_database
from htsgetsite.django_settings import *  # noqa: F403
from htsgetsite.environment import Environment
from htsgetsite.logs import logging_config
from htsgetsite.secret import earlier_keys, secret_key

# Allows annotations such as QuerySet[Sequence] at run time.
django_stubs_ext.monkeypatch()

BASE_DIR = Path(__file__).resolve().parent.parent

ENVIRONMENT = Environment(os.environ)


# --- Home, database and addresses --------------------------------------------------------------------------------

HTSGETSITE_HOME: Path = ENVIRONMENT.parsed(
    "HTSGETSITE_HOME",
    values.path,
    kind="folder",
    default=BASE_DIR / "var",
    default_text="./var",
    doc="Where the site keeps what it makes: the embedded database, sequences, files and the secret key.",
)
DEBUG: bool = ENVIRONMENT.flag(
    "DEBUG", default=False, doc="Shows the details of errors to every client; for development only."
)
_database_url = ENVIRONMENT.parsed(
    "DATABASE_URL",
    database_from_url,
    kind="URL",
    default=None,
    default_text="embedded PostgreSQL",
    doc="The PostgreSQL server: postgresql://user:password@host:port/name?sslmode=…&pool_max_size=…",
)
DATABASE_STATEMENT_TIMEOUT: int = ENVIRONMENT.integer(
    "DATABASE_STATEMENT_TIMEOUT",
    default=30,
    maximum=3600,
    doc="Seconds that one database statement of a request may take; 0 sends no limit (PgBouncer needs that).",
)
EMBEDDED = not ENVIRONMENT.has("DATABASE_URL")
DATABASES: dict[str, Database] = {"default": _database_url or embedded_database()}

SECRET_KEY: str = ENVIRONMENT.text(
    "SECRET_KEY",
    default="",
    default_text="made and kept in the home with the embedded database or DEBUG; otherwise required",
    doc="Signs sessions and data URLs; at least 50 characters, the same for every process of the site.",
)
SECRET_KEY = secret_key(ENVIRONMENT, SECRET_KEY, HTSGETSITE_HOME if EMBEDDED or DEBUG else None)
SECRET_KEY_FALLBACKS: list[str] = earlier_keys(
    ENVIRONMENT,
    ENVIRONMENT.words(
        "SECRET_KEY_FALLBACKS",
        default=[],
        doc="Earlier secret keys, by which tickets and sessions still work for a while after SECRET_KEY was changed.",
    ),
)

_LOOPBACK = ["localhost", "127.0.0.1", "[::1]"]
ALLOWED_HOSTS: list[str] = ENVIRONMENT.words(
    "ALLOWED_HOSTS",
    default=_LOOPBACK if EMBEDDED or DEBUG else [],
    default_text="localhost, 127.0.0.1 and [::1] with the embedded database or DEBUG; otherwise none",
    doc="The host names that the site answers to; .example.org includes every name below it.",
)
PUBLIC_URL: str = ENVIRONMENT.parsed(
    "PUBLIC_URL",
    values.url,
    kind="URL",
    default="",
    default_text="taken from each request",
    doc="The address under which clients reach the site; it goes into tickets and links.",
)
TRUST_PROXY: bool = ENVIRONMENT.flag(
    "TRUST_PROXY",
    default=False,
    doc=(
        "Believes X-Forwarded-Proto, X-Forwarded-For as far as PROXY_HOPS says, and X-Request-ID; "
        "only behind a proxy that always sets the first two."
    ),
)
PROXY_HOPS: int = ENVIRONMENT.integer(
    "PROXY_HOPS",
    default=1,
    minimum=1,
    maximum=10,
    doc="How many proxies in a row add to X-Forwarded-For: the client's address is that many from its end.",
)
HSTS_SECONDS: int = ENVIRONMENT.integer(
    "HSTS_SECONDS",
    default=2592000,
    doc="Seconds for which browsers must use https after a page over https; only with an https PUBLIC_URL.",
)

# --- Data ----------------------------------------------------------------------------------------------------------

HTSGETSITE_STORAGES: dict[str, str] = {
    "sequences": (HTSGETSITE_HOME / "sequences").as_uri(),
    "files": (HTSGETSITE_HOME / "files").as_uri(),
    **ENVIRONMENT.mapping(
        "HTSGETSITE_STORAGES",
        default={},
        default_text="sequences and files, below the home",
        check=values.storage,
        doc=(
            "Folders and buckets by name: name to file:///… or s3://bucket/prefix?endpoint_url=…&region=…; "
            "adds to the two defaults, or moves them."
        ),
    ),
}
STORAGE_FILE_MODE: int = ENVIRONMENT.parsed(
    "STORAGE_FILE_MODE",
    values.file_mode,
    kind="octal mode",
    default=0o600,
    default_text="600",
    doc="Permissions of files that the site writes to local storages, whatever the umask; folders also get x.",
)
STORAGE_MAPPED_FILES: int = ENVIRONMENT.integer(
    "STORAGE_MAPPED_FILES",
    default=128,
    minimum=0,
    maximum=10_000,
    doc="Files of residues that a worker maps into memory; 0 on network disks, whose faults would end the worker.",
)
STORAGE_CONNECT_TIMEOUT: int = ENVIRONMENT.integer(
    "STORAGE_CONNECT_TIMEOUT",
    default=2,
    minimum=1,
    doc="Seconds that an object store may take to accept a connection.",
)
STORAGE_READ_TIMEOUT: int = ENVIRONMENT.integer(
    "STORAGE_READ_TIMEOUT",
    default=5,
    minimum=1,
    doc="Seconds to wait for the next bytes from an object store.",
)
STORAGE_DEADLINE: int = ENVIRONMENT.integer(
    "STORAGE_DEADLINE",
    default=15,
    minimum=1,
    doc="Seconds that one read of an object store may take, retries included.",
)
STORAGE_CONNECTIONS: int = ENVIRONMENT.integer(
    "STORAGE_CONNECTIONS",
    default=32,
    minimum=1,
    doc="Connections that one process keeps open to each object store.",
)
INGEST_MAX_CONTIGS: int = ENVIRONMENT.integer(
    "INGEST_MAX_CONTIGS",
    default=1_000_000,
    maximum=2_000_000,
    minimum=1,
    doc="Contigs that the header of one file may declare; each takes about 1 KB of memory while it is ingested.",
)
INGEST_MAX_COMPRESSION_RATIO: int = ENVIRONMENT.integer(
    "INGEST_MAX_COMPRESSION_RATIO",
    default=100,
    minimum=1,
    doc="How many times its compressed size a FASTA file or table may inflate to; applies above 64 MiB.",
)
UPLOAD_MAX_BYTES: int = ENVIRONMENT.integer(
    "UPLOAD_MAX_BYTES",
    default=4 << 30,
    doc="The largest file that stewards may upload on the desk, in bytes; 0 allows none.",
)
TICKET_URL_TTL: int = ENVIRONMENT.integer(
    "TICKET_URL_TTL",
    default=3600,
    minimum=1,
    maximum=604800,
    doc="Seconds for which the URLs in a ticket work.",
)
REFGET_SUBSEQUENCE_LIMIT: int | None = ENVIRONMENT.optional_integer(
    "REFGET_SUBSEQUENCE_LIMIT",
    minimum=1,
    doc="The largest number of residues that one refget request for part of a sequence may ask for.",
)
REFGET_REDIRECT_ABOVE: int | None = ENVIRONMENT.optional_integer(
    "REFGET_REDIRECT_ABOVE",
    minimum=1 << 16,
    doc="Requests for whole sequences of more residues than this are redirected to the object store.",
)
HTSGET_MAX_POST_BYTES: int = ENVIRONMENT.integer(
    "HTSGET_MAX_POST_BYTES",
    default=1 << 20,
    minimum=1,
    doc="The largest body of a POST request for a ticket, in bytes.",
)
HTSGET_INLINE_BYTES: int = ENVIRONMENT.integer(
    "HTSGET_INLINE_BYTES",
    default=64 << 10,
    doc="Parts of up to this many bytes go into the ticket, as data: URLs.",
)
HTSGET_MAX_BLOCK_BYTES: int = ENVIRONMENT.integer(
    "HTSGET_MAX_BLOCK_BYTES",
    default=10**9,
    minimum=1 << 16,
    doc="Bytes above which a part of a ticket is split into several URLs.",
)
HTSGET_DERIVED_BYTES: int = ENVIRONMENT.integer(
    "HTSGET_DERIVED_BYTES",
    default=16 << 20,
    doc="Bytes of the stored file that each URL of rewritten records covers.",
)
STREAM_LIMIT: int = ENVIRONMENT.integer(
    "STREAM_LIMIT", default=4, minimum=1, doc="Conversions of records that one process runs at once."
)
HTSGET_PROXY_DATA: str = ENVIRONMENT.choice(
    "HTSGET_PROXY_DATA",
    ("never", "controlled", "always"),
    default="never",
    doc="Which data in object stores the site sends itself, instead of a URL of the store; see docs/storage.md.",
)
DATA_ACCEL_REDIRECT: str | None = ENVIRONMENT.parsed(
    "DATA_ACCEL_REDIRECT",
    values.prefix,
    kind="path",
    default=None,
    default_text="none",
    doc="The internal nginx location that serves the local storages (X-Accel-Redirect), so that nginx sends the bytes.",
)
GRAPHQL_MAX_BODY_BYTES: int = ENVIRONMENT.integer(
    "GRAPHQL_MAX_BODY_BYTES",
    default=64 << 10,
    minimum=1024,
    doc="The largest body of a GraphQL query with its variables, in bytes.",
)
GRAPHQL_MAX_DEPTH: int = ENVIRONMENT.integer(
    "GRAPHQL_MAX_DEPTH",
    default=20,
    minimum=1,
    maximum=100,
    doc="How many fields deep a GraphQL query may be; introspection by common clients needs 15.",
)
GRAPHQL_MAX_FIELDS: int = ENVIRONMENT.integer(
    "GRAPHQL_MAX_FIELDS",
    default=500,
    minimum=1,
    maximum=5000,
    doc="How many fields a GraphQL query may select, those of a fragment counted wherever it is used.",
)
GRAPHQL_MAX_ALIASES: int = ENVIRONMENT.integer(
    "GRAPHQL_MAX_ALIASES", default=50, doc="How many fields of a GraphQL query may have an alias."
)
GRAPHQL_MAX_PAGE_SIZE: int = ENVIRONMENT.integer(
    "GRAPHQL_MAX_PAGE_SIZE",
    default=1000,
    minimum=1,
    doc="The largest per_page of a GraphQL query, and how many genomes one search may name.",
)
GRAPHQL_MAX_OVERLAPS: int = ENVIRONMENT.integer(
    "GRAPHQL_MAX_OVERLAPS",
    default=1000,
    minimum=1,
    doc="How many genes, and how many transcripts, overlap_region of a GraphQL query may find.",
)
GRAPHQL_MAX_ROWS: int = ENVIRONMENT.integer(
    "GRAPHQL_MAX_ROWS",
    default=20_000,
    minimum=1,
    doc="How many rows of the database one GraphQL query may read.",
)
GRAPHQL_MAX_VALUES: int = ENVIRONMENT.integer(
    "GRAPHQL_MAX_VALUES",
    default=200_000,
    minimum=1,
    doc="How many values the answer to a GraphQL query may have, objects included.",
)
GRAPHQL_SECONDS: int = ENVIRONMENT.integer(
    "GRAPHQL_SECONDS",
    default=10,
    minimum=1,
    maximum=600,
    doc="Seconds that the look-ups of a GraphQL query may take, each of them and all together.",
)


def _rate(name: str, default: str, doc: str) -> Rate | None:
    return ENVIRONMENT.parsed(
        name, values.rate, kind="rate", default=values.rate(default), default_text=default, doc=doc
    )


# --- Background jobs ------------------------------------------------------------------------------------------------

SERVE_JOBS: int = ENVIRONMENT.integer(
    "SERVE_JOBS",
    default=1 if EMBEDDED else 0,
    maximum=64,
    default_text="1 with the embedded database, otherwise 0",
    doc="Jobs that `manage.py serve` does at a time, in a process beside it; 0 leaves all to `manage.py work`.",
)


def _night(name: str, default: str, doc: str) -> time | None:
    return ENVIRONMENT.parsed(
        name, values.night, kind="HH:MM or off", default=values.night(default), default_text=default, doc=doc
    )


NIGHTLY_REFRESH_STATES: time | None = _night(
    "NIGHTLY_REFRESH_STATES",
    "02:00",
    "When (UTC) a job looks whether every registered object is there, of the registered size and ETag; or off.",
)
NIGHTLY_VERIFY_FILES: time | None = _night(
    "NIGHTLY_VERIFY_FILES",
    "off",
    "When (UTC) a job verifies all files as `verify_files` does, which reads the header and the end of each; or off.",
)
NIGHTLY_REMOVE_ORPHANS: time | None = _night(
    "NIGHTLY_REMOVE_ORPHANS",
    "03:00",
    "When (UTC) a job removes objects that nothing refers to, as `remove_orphans` does; or off.",
)
NIGHTLY_PRUNE_AUDIT: time | None = _night(
    "NIGHTLY_PRUNE_AUDIT",
    "03:30",
    "When (UTC) a job removes the events of the audit that are older than AUDIT_DAYS, if that is set; or off.",
)
AUDIT_DAYS: int | None = ENVIRONMENT.optional_integer(
    "AUDIT_DAYS",
    minimum=1,
    maximum=100_000,
    doc="Days for which events of the audit are kept; without it they are kept until `prune_audit` removes them.",
)

# --- Access --------------------------------------------------------------------------------------------------------

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
HTSGET_MAX_REGIONS: int = ENVIRONMENT.integer(
    "HTSGET_MAX_REGIONS",
    default=10_000,
    minimum=1,
    doc="How many regions one POST request for a ticket may ask for.",
)
MAX_HEADER_BYTES: int = ENVIRONMENT.integer(
    "MAX_HEADER_BYTES",
    default=128 << 10,
    minimum=4096,
    maximum=1 << 20,
    doc="The largest size of the headers of a request, in bytes; a passport of many visas is long.",
)

MAX_CONNECTIONS_PER_ADDRESS: int = ENVIRONMENT.integer(
    "MAX_CONNECTIONS_PER_ADDRESS",
    minimum=1,
    default=256,
    doc="Connections that an address may have open to one worker; behind a proxy (TRUST_PROXY) the proxy limits them.",
)

# --- Service-info documents ----------------------------------------------------------------------------------------

SERVICE_ID: str = ENVIRONMENT.text(
    "SERVICE_ID",
    default="org.example.htsgetsite",
    doc="The id of the service, by convention a reversed domain name.",
)
SERVICE_NAME: str = ENVIRONMENT.text("SERVICE_NAME", default="htsgetsite", doc="The name of the service.")
SERVICE_DESCRIPTION: str = ENVIRONMENT.text(
    "SERVICE_DESCRIPTION",
    default="Reference sequences, reads and variants over the GA4GH protocols refget and htsget.",
    doc="One or two sentences about the service.",
)
SERVICE_ORGANIZATION_NAME: str = ENVIRONMENT.text(
    "SERVICE_ORGANIZATION_NAME", default="Example organisation", doc="Who runs the service."
)
SERVICE_ORGANIZATION_URL: str = ENVIRONMENT.parsed(
    "SERVICE_ORGANIZATION_URL",
    values.url,
    kind="URL",
    default="https://example.org",
    doc="The page of the organisation.",
)
SERVICE_CONTACT_URL: str = ENVIRONMENT.text(
    "SERVICE_CONTACT_URL", default="", doc="Where to ask for help: a mailto: or https: address."
)
SERVICE_ENVIRONMENT: str = ENVIRONMENT.choice(
    "SERVICE_ENVIRONMENT",
    ("prod", "test", "dev", "staging"),
    default="prod",
    doc="The kind of deployment, as service-info documents give it.",
)

SERVICE_VERSION = __version__

# --- The process ------------------------------------------------------------------------------------------------

PORT: int = ENVIRONMENT.integer(
    "PORT", default=8000, minimum=1, maximum=65535, doc="The port that `manage.py serve` listens on."
)
LOG_LEVEL: str = ENVIRONMENT.choice(
    "LOG_LEVEL",
    ("DEBUG", "INFO", "WARNING", "ERROR"),
    default="INFO",
    doc="The lowest level of messages that are logged, on standard error.",
)
LOG_FORMAT: str = ENVIRONMENT.choice(
    "LOG_FORMAT",
    ("text", "json"),
    default="text",
    doc="How events are logged: text for people, json for programs.",
)
ACCESS_LOG: bool = ENVIRONMENT.flag(
    "ACCESS_LOG", default=True, doc="Logs one line for each request, without its query."
)
TRACES: bool = ENVIRONMENT.flag(
    "TRACES",
    default=False,
    doc="Sends OpenTelemetry traces, as the OTEL_… variables say; needs requirements-traces.txt.",
)
METRICS_LISTEN: tuple[str, int] | None = ENVIRONMENT.parsed(
    "METRICS_LISTEN",
    values.listen,
    kind="host:port",
    default=None,
    default_text="none",
    doc="An address of its own for `/metrics`, without credentials; only where Prometheus alone can reach it.",
)
WORK_METRICS_LISTEN: tuple[str, int] | None = ENVIRONMENT.parsed(
    "WORK_METRICS_LISTEN",
    values.listen,
    kind="host:port",
    default=None,
    default_text="none",
    doc="The same for `manage.py work`; a worker that `serve` starts counts together with it.",
)
METRICS_TOKEN: str = ENVIRONMENT.parsed(
    "METRICS_TOKEN",
    values.secret,
    kind="text",
    default="",
    default_text="none",
    doc="The bearer token that opens `/metrics` on the site, at least 20 characters; without it the path is 404.",
)

ENVIRONMENT.verify()

# --- Django -------------------------------------------------------------------------------------------------------

AUTHENTICATION_BACKENDS = [
    "django.contrib.auth.backends.ModelBackend",
    *(["htsgetsite.authentication.sign_in.SignInBackend"] if SIGN_IN else []),
]
STATIC_ROOT = BASE_DIR / "staticfiles"

# --- Security -----------------------------------------------------------------------------------------------------

_https = PUBLIC_URL.startswith("https://")
if TRUST_PROXY:
    SECURE_PROXY_SSL_HEADER = ("HTTP_X_FORWARDED_PROTO", "https")
# Without X-Forwarded-Proto every request behind a proxy looks like http, and the redirect would loop.
SECURE_SSL_REDIRECT = _https and TRUST_PROXY
SECURE_HSTS_SECONDS = HSTS_SECONDS if _https else 0
SESSION_COOKIE_SECURE = CSRF_COOKIE_SECURE = _https
CSRF_TRUSTED_ORIGINS = ["://".join(urlsplit(PUBLIC_URL)[:2])] if PUBLIC_URL else []
LOGGING = logging_config(LOG_LEVEL, LOG_FORMAT)
