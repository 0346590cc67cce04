"""A boto3 client whose calls have a deadline and retries.

botocore makes the requests and finds the credentials. Its own retries are disabled, because they have no
deadline.
"""

import logging
import os
import random
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from itertools import count
from typing import Any, Self, TypeVar

import botocore
from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError
from django.conf import settings
from storages.backends.s3 import S3Storage as S3Backend

from catalogue.errors import StorageError, StorageUnavailable
from catalogue.metrics import storage_call
from catalogue.storage.circuit_breaker import CircuitBreaker
from catalogue.storage.s3_address import S3Address
from catalogue.storage.s3_errors import CALL_ERRORS, Failure

log = logging.getLogger(__name__)

T = TypeVar("T")

#: Upper bound of the attempts of one call.
MAX_ATTEMPTS = 6
#: Upper bound of the pause before the second attempt, in seconds; it doubles with each further one.
FIRST_BACKOFF = 0.1
#: Lower bound of the read timeout, in seconds.
MIN_READ_TIMEOUT = 0.05


@dataclass(frozen=True, slots=True)
class S3Limits:
    """Timeouts in seconds: `connect_timeout` and `read_timeout` of one wait, `deadline` of a call with its retries.

    At most `max_connections` stay open for the threads of this process.
    """

    connect_timeout: float
    read_timeout: float
    deadline: float
    max_connections: int

    @classmethod
    def from_settings(cls) -> Self:
        """Read the STORAGE_* settings."""
        return cls(
            connect_timeout=settings.STORAGE_CONNECT_TIMEOUT,
            read_timeout=settings.STORAGE_READ_TIMEOUT,
            deadline=settings.STORAGE_DEADLINE,
            max_connections=settings.STORAGE_CONNECTIONS,
        )


class Deadline:
    """The monotonic time by which a call must end."""

    __slots__ = ("_end",)

    def __init__(self, seconds: float) -> None:
        self._end = time.monotonic() + seconds

    def left(self) -> float:
        """Return the seconds left, never less than 0."""
        return max(0.0, self._end - time.monotonic())


class S3Client:
    """The client of one store, shared by all threads of this process, with its retries and circuit breaker."""

    def __init__(self, name: str, address: S3Address, limits: S3Limits) -> None:
        self.limits = limits
        self._name = name
        self._address = address
        self._thread = threading.local()
        self._reset()

    def _reset(self) -> None:
        self._process = os.getpid()
        self._lock = threading.Lock()
        self._clients: dict[str | None, Any] = {}
        self._breaker = CircuitBreaker()

    @property
    def client(self) -> Any:
        """The boto3 client for requests from this site."""
        return self._client(self._address.endpoint_url)

    @property
    def signer(self) -> Any:
        """The boto3 client that signs URLs for clients; it makes no requests."""
        return self._client(self._address.public_endpoint_url or self._address.endpoint_url)

    def call(
        self,
        operation: str,
        request: Callable[[Deadline], T],
        *,
        deadline: float | None = None,
        read_timeout: float | None = None,
    ) -> T:
        """Return the result of `request`, retried with exponential backoff within `deadline` seconds.

        `operation` is what it is measured as: stat, list, read, write, delete or check.
        `deadline` and `read_timeout` default to the settings. Raises StorageUnavailable, or at once a StorageError that
        a retry cannot change.
        """
        started = time.monotonic()
        end = Deadline(self.limits.deadline if deadline is None else deadline)
        with storage_call(self._name, operation), self._breaker.guard(self._name):
            for attempt in count(1):
                self._thread.read_timeout = max(
                    MIN_READ_TIMEOUT,
                    min(read_timeout or self.limits.read_timeout, end.left() - self.limits.connect_timeout),
                )
                try:
                    result = request(end)
                except StorageError:
                    self._breaker.record_answer()
                    raise
                except CALL_ERRORS as error:
                    failure = Failure.of(error)
                    if self._wait_for_retry(failure, attempt, end):
                        continue
                    if failure.silent:
                        self._breaker.record_silence(since=started)
                    else:
                        self._breaker.record_answer()
                    raise self._logged(failure) from error
                self._breaker.record_answer()
                return result
        raise AssertionError

    def call_offline(self, act: Callable[[], T]) -> T:
        """Return the result of `act`, which makes no request. Raises StorageUnavailable, as without credentials."""
        try:
            return act()
        except (BotoCoreError, ClientError) as error:
            raise self._logged(Failure.of(error)) from error

    def _wait_for_retry(self, failure: Failure, attempt: int, end: Deadline) -> bool:
        """Sleep before the next attempt; return False if none would help or fit before the deadline."""
        pause = random.uniform(0.5, 1) * FIRST_BACKOFF * 2 ** (attempt - 1)
        fits = attempt < MAX_ATTEMPTS and pause + self.limits.connect_timeout < end.left()
        if not (failure.temporary and fits):
            return False
        log.info("Storage %r: %s; attempt %d failed", self._name, failure.reason, attempt)
        time.sleep(pause)
        return True

    def _logged(self, failure: Failure) -> StorageError:
        """Return the error to raise; log errors of the storage itself. The reader of an object logs the others."""
        error = failure.error(self._name)
        if failure.kind is StorageUnavailable:
            log.error("Storage %r failed: %s", self._name, failure.reason)
            error.is_logged = True
        else:
            log.debug("Storage %r: %s (%s)", self._name, failure.kind.__name__, failure.reason)
        return error

    def _client(self, endpoint: str | None) -> Any:
        if os.getpid() != self._process:
            # A forked process shares its parent's sockets: the two would read each other's responses.
            self._reset()
        with self._lock:
            if endpoint not in self._clients:
                # A client is thread-safe but a session is not, so the client is made once, under the lock.
                self._clients[endpoint] = self._make_client(endpoint)
            return self._clients[endpoint]

    def _make_client(self, endpoint: str | None) -> Any:
        address = self._address
        config = Config(
            signature_version=botocore.UNSIGNED if address.anonymous else "s3v4",
            s3={"addressing_style": address.addressing_style},
            connect_timeout=self.limits.connect_timeout,
            read_timeout=self.limits.read_timeout,
            max_pool_connections=self.limits.max_connections,
            retries={"total_max_attempts": 1, "mode": "standard"},
            tcp_keepalive=True,
            # Checksums are sent only where this package asks for them, in the form that every store supports.
            request_checksum_calculation="when_required",
            response_checksum_validation="when_required",
        )
        # django-storages would prefer keys of the environment to a profile.
        without_keys = {"access_key": None, "secret_key": None, "security_token": None}
        backend = S3Backend(
            bucket_name=address.bucket,
            endpoint_url=endpoint,
            region_name=address.region,
            session_profile=address.profile,
            client_config=config,
            **(without_keys if address.profile else {}),
        )
        client = backend.connection.meta.client
        client.meta.events.register("before-send.s3", self._limit_read_timeout)
        return client

    def _limit_read_timeout(self, request: Any, **_: object) -> None:
        """Limit the read timeout of one response to the time left for its call."""
        request.context["read_timeout"] = getattr(self._thread, "read_timeout", self.limits.read_timeout)
