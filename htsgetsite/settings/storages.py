"""Storages, and what is taken into them."""

from htsgetsite import values
from htsgetsite.settings.home import ENVIRONMENT, HTSGETSITE_HOME

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
