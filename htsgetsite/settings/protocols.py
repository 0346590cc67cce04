"""What the protocols answer, and how much of it."""

from htsgetsite import values
from htsgetsite.settings.home import ENVIRONMENT

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
HTSGET_MAX_REGIONS: int = ENVIRONMENT.integer(
    "HTSGET_MAX_REGIONS",
    default=10_000,
    minimum=1,
    doc="How many regions one POST request for a ticket may ask for.",
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
