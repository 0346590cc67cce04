"""The processes of the site: port, logs, metrics."""

from htsgetsite import values
from htsgetsite.settings.home import ENVIRONMENT

PORT: int = ENVIRONMENT.integer(
    "PORT", default=8000, minimum=1, maximum=65535, doc="The port that `manage.py serve` listens on."
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
