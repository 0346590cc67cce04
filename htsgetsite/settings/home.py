"""The home of the site, its database, secret key and addresses."""

import os
from pathlib import Path

from htsgetsite import values
from htsgetsite.database import Database, database_from_url, embedded_database
from htsgetsite.environment import Environment
from htsgetsite.secret import earlier_keys, secret_key

BASE_DIR = Path(__file__).resolve().parent.parent.parent

#: The only object that reads what operators set in the environment.
ENVIRONMENT = Environment(os.environ)

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
