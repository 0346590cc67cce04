"""An S3 store for tests: a simulated one in a process of its own, behind a gate that checks every signature.

A test takes the fixture `object_store` to have the store and its credentials in the environment, or `stored_in_s3` to
have the site's own two storages in it as well.
"""

import json
import logging
import os
import secrets
import subprocess
import sys
from collections.abc import Iterator
from functools import cache
from typing import Any
from urllib.parse import quote, urlencode

import boto3
import botocore.session
import pytest
from botocore.config import Config
from botocore.credentials import Credentials
from pytest_django import Settings

from catalogue.storage import FILES, SEQUENCES
from tests.live import PATIENCE
from tests.object_gate import Gate
from tests.object_signatures import REGION

# It ends when its standard input does, so with the test run however that ends. The ETag of an object is computed under
# the lock of its readers, which otherwise move the place in its file meanwhile, so that the store gives a wrong one.
_STORE = """
import logging, sys
logging.disable()
from moto.s3.models import FakeKey
from moto.server import ThreadedMotoServer
computed = FakeKey.etag.fget
def etag(key):
    with key.lock:
        return computed(key)
FakeKey.etag = property(etag)
server = ThreadedMotoServer("127.0.0.1", 0, verbose=False)
server.start()
print(server.get_host_and_port()[1], flush=True)
sys.stdin.read()
"""

#: What the environment of whoever runs the tests says of S3 does not count.
FOREIGN = (
    "AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN", "AWS_SECURITY_TOKEN", "AWS_PROFILE",
    "AWS_DEFAULT_PROFILE", "AWS_DEFAULT_REGION", "AWS_REGION", "AWS_ENDPOINT_URL", "AWS_ENDPOINT_URL_S3",
    "AWS_S3_ACCESS_KEY_ID", "AWS_S3_SECRET_ACCESS_KEY", "AWS_S3_SESSION_PROFILE", "AWS_CA_BUNDLE",
    "AWS_ROLE_ARN", "AWS_WEB_IDENTITY_TOKEN_FILE", "AWS_CONTAINER_CREDENTIALS_FULL_URI",
    "AWS_CONTAINER_CREDENTIALS_RELATIVE_URI", "HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY", "http_proxy", "https_proxy",
    "all_proxy",
)  # fmt: skip


class ObjectStore:
    """The running store. `gate` counts requests and makes them fail; `backstage` is a client that bypasses it."""

    def __init__(self, port: int) -> None:
        self._keys = Credentials(f"AK{secrets.token_hex(9).upper()}", secrets.token_urlsafe(30))
        self.gate = Gate(port, self._keys)
        self.backstage: Any = boto3.session.Session().client(
            "s3",
            endpoint_url=f"http://127.0.0.1:{port}",
            region_name=REGION,
            aws_access_key_id=self._keys.access_key,
            aws_secret_access_key=self._keys.secret_key,
            config=Config(s3={"addressing_style": "path"}),
        )

    def make_bucket(self) -> str:
        """Make an empty bucket and return its name."""
        name = f"bucket-{secrets.token_hex(6)}"
        self.backstage.create_bucket(Bucket=name, CreateBucketConfiguration={"LocationConstraint": REGION})
        return name

    def url(self, bucket: str, prefix: str = "", **options: str) -> str:
        """Return the URL of a bucket, or of a prefix in it, for `HTSGETSITE_STORAGES`."""
        said = urlencode({"endpoint_url": self.gate.url, "region": REGION, **options})
        return f"s3://{bucket}/{quote(prefix)}?{said}"

    def put(self, bucket: str, key: str, content: bytes) -> None:
        """Write an object past the gate."""
        self.backstage.put_object(Bucket=bucket, Key=key, Body=content)

    def get(self, bucket: str, key: str) -> bytes:
        """Read an object past the gate."""
        return bytes(self.backstage.get_object(Bucket=bucket, Key=key)["Body"].read())

    def site_variables(self) -> dict[str, str]:
        """Return the settings of a site whose two own storages are in new buckets of this store, below a prefix."""
        storages = {
            SEQUENCES: self.url(self.make_bucket(), "refget/residues"),
            FILES: self.url(self.make_bucket(), "data"),
        }
        return {**self.environment(), "HTSGETSITE_STORAGES": json.dumps(storages)}

    def environment(self) -> dict[str, str]:
        """Return the variables that give a process its credentials and keep it from asking other hosts for any."""
        return {
            "AWS_ACCESS_KEY_ID": self._keys.access_key,
            "AWS_SECRET_ACCESS_KEY": self._keys.secret_key,
            "AWS_CONFIG_FILE": "/dev/null",
            "AWS_SHARED_CREDENTIALS_FILE": "/dev/null",
            "AWS_EC2_METADATA_DISABLED": "true",
            "NO_PROXY": "127.0.0.1,localhost",
        }


@pytest.fixture(scope="session")
def running_object_store() -> Iterator[ObjectStore]:
    """The store itself; `object_store` is what tests take."""
    logging.getLogger("botocore").setLevel(logging.INFO)
    # Every client would read the description of S3 from the disk again; here there are hundreds.
    sharing = pytest.MonkeyPatch()
    sharing.setattr(botocore.session, "create_loader", cache(botocore.session.create_loader))
    process = subprocess.Popen(
        [sys.executable, "-c", _STORE],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        # Short pages, so that a test need not make a thousand objects to see the second one.
        env={**os.environ, "MOTO_S3_DEFAULT_MAX_KEYS": "100"},
    )
    assert process.stdin is not None and process.stdout is not None
    store = None
    try:
        store = ObjectStore(int(process.stdout.readline()))
        store.gate.open()
        yield store
    finally:
        if store is not None:
            store.gate.close()
            store.backstage.close()
        process.stdin.close()
        process.stdout.close()
        process.wait(timeout=PATIENCE)
        sharing.undo()


@pytest.fixture
def object_store(running_object_store: ObjectStore, monkeypatch: pytest.MonkeyPatch) -> ObjectStore:
    """The store, nothing counted and nothing failing yet; its credentials are in the environment."""
    for name in FOREIGN:
        monkeypatch.delenv(name, raising=False)
    for name, value in running_object_store.environment().items():
        monkeypatch.setenv(name, value)
    running_object_store.gate.reset()
    return running_object_store


@pytest.fixture
def stored_in_s3(object_store: ObjectStore, settings: Settings) -> ObjectStore:
    """The store, in which the site keeps its sequences and files: each in a bucket of its own, below a prefix."""
    settings.HTSGETSITE_STORAGES = {
        SEQUENCES: object_store.url(object_store.make_bucket(), "refget/residues"),
        FILES: object_store.url(object_store.make_bucket(), "data"),
    }
    return object_store
