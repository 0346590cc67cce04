"""Calls to an S3 store that end: every one within a deadline, tried again where that may help, and explained.

botocore makes the requests and knows the credentials; how often and how long is decided here, because its own retries
know attempts but no deadline.
"""

import logging
import os
import random
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import count
from typing import Any, Self, TypeVar

import botocore
from botocore.config import Config
from botocore.exceptions import (
    BotoCoreError,
    ClientError,
    ConnectionError,
    HTTPClientError,
    IncompleteReadError,
    ResponseStreamingError,
    SSLError,
)
from django.conf import settings
from storages.backends.s3 import S3Storage as S3Backend
from urllib3.exceptions import HTTPError as TransferError

from catalogue.errors import ObjectChanged, ObjectMissing, ShortRead, StorageError, StorageUnavailable
from catalogue.storage.s3_address import S3Address

log = logging.getLogger(__name__)

T = TypeVar("T")

#: A call is tried at most so often, however much time is left.
ATTEMPTS = 6
#: The longest pause before the second attempt, in seconds; it doubles with each further one.
FIRST_PAUSE = 0.1
#: No wait for a byte is shorter, in seconds, however little time is left.
SHORTEST_WAIT = 0.05
#: Seconds for which a store that did not answer within a deadline is not asked again, but by one caller.
REST = 5.0

#: What a store says when the same request may well succeed a moment later.
_PASSING_STATUS = {429, 500, 502, 503, 504}
_PASSING_CODES = {
    "BadDigest",
    "BandwidthLimitExceeded",
    "IncompleteBody",
    "InternalError",
    "OperationAborted",
    "RequestLimitExceeded",
    "RequestTimeout",
    "ServiceUnavailable",
    "SlowDown",
    "Throttling",
    "ThrottlingException",
    "XAmzContentSHA256Mismatch",
}
_MEANINGS: dict[str, type[StorageError]] = {
    "NoSuchKey": ObjectMissing,
    "PreconditionFailed": ObjectChanged,
    "412": ObjectChanged,
    "InvalidRange": ShortRead,
    "416": ShortRead,
}


def status_of(error: ClientError) -> int:
    """The HTTP status of an answer that was an error."""
    return int(error.response.get("ResponseMetadata", {}).get("HTTPStatusCode", 0))


class BrokenAnswer(Exception):
    """An answer that is not the bytes that were asked for; the store may do better next time."""


@dataclass(frozen=True, slots=True)
class Pace:
    """How long a store may take, in seconds.

    `connect` and `silence` bound the wait for a connection and for the next byte; `deadline` a whole call with all its
    attempts. `connections` are kept open for the threads of this process.
    """

    connect: float
    silence: float
    deadline: float
    connections: int

    @classmethod
    def from_settings(cls) -> Self:
        return cls(
            connect=settings.STORAGE_CONNECT_TIMEOUT,
            silence=settings.STORAGE_READ_TIMEOUT,
            deadline=settings.STORAGE_DEADLINE,
            connections=settings.STORAGE_CONNECTIONS,
        )


class Deadline:
    """The moment when a call has to have ended."""

    __slots__ = ("_end",)

    def __init__(self, seconds: float) -> None:
        self._end = time.monotonic() + seconds

    def left(self) -> float:
        """Seconds, never less than 0."""
        return max(0.0, self._end - time.monotonic())


class S3Calls:
    """The client of one store, shared by all threads of this process, and the patience with it."""

    def __init__(self, name: str, address: S3Address, pace: Pace) -> None:
        self.pace = pace
        self._name = name
        self._address = address
        self._waiting = threading.local()
        self._begin()

    def _begin(self) -> None:
        self._process = os.getpid()
        self._lock = threading.Lock()
        self._clients: dict[str | None, Any] = {}
        self._rest = _Rest()

    @property
    def client(self) -> Any:
        """The boto3 client for requests of this site."""
        return self._client(self._address.endpoint_url)

    @property
    def signer(self) -> Any:
        """The boto3 client that signs URLs for others; it makes no request."""
        return self._client(self._address.public_endpoint_url or self._address.endpoint_url)

    def _client(self, endpoint: str | None) -> Any:
        if os.getpid() != self._process:
            # A forked process shares the sockets of its parent: two would read one another's answers.
            self._begin()
        with self._lock:
            if endpoint not in self._clients:
                # A session is not safe for threads, a client is; so one is made once, under the lock.
                self._clients[endpoint] = self._make_client(endpoint)
            return self._clients[endpoint]

    def _make_client(self, endpoint: str | None) -> Any:
        address = self._address
        config = Config(
            signature_version=botocore.UNSIGNED if address.anonymous else "s3v4",
            s3={"addressing_style": address.addressing_style},
            connect_timeout=self.pace.connect,
            read_timeout=self.pace.silence,
            max_pool_connections=self.pace.connections,
            retries={"total_max_attempts": 1, "mode": "standard"},
            tcp_keepalive=True,
            # Checksums are sent where this module asks for them, in the form that every kind of store knows.
            request_checksum_calculation="when_required",
            response_checksum_validation="when_required",
        )
        # A profile goes before the keys in the environment, which django-storages would take otherwise.
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
        client.meta.events.register("before-send.s3", self._hurry)
        return client

    def _hurry(self, request: Any, **_: object) -> None:
        """Lets no single answer take longer than its call may."""
        request.context["read_timeout"] = getattr(self._waiting, "silence", self.pace.silence)

    def persist(
        self,
        act: Callable[[Deadline], T],
        *,
        deadline: float | None = None,
        silence: float | None = None,
    ) -> T:
        """What `act` returns, after as many attempts as help and fit into `deadline` seconds.

        `deadline` and `silence` are the pace's unless given.

        Raises StorageError: the first that no further attempt can change, or StorageUnavailable.
        """
        begun = time.monotonic()
        until = Deadline(self.pace.deadline if deadline is None else deadline)
        with self._rest.admission(self._name):
            for attempt in count(1):
                longest = silence or self.pace.silence
                self._waiting.silence = max(SHORTEST_WAIT, min(longest, until.left() - self.pace.connect))
                try:
                    result = act(until)
                except StorageError:
                    self._rest.end()
                    raise
                except (BotoCoreError, ClientError, TransferError, BrokenAnswer, OSError) as error:
                    fault = _Fault.of(error)
                    pause = random.uniform(0.5, 1) * FIRST_PAUSE * 2 ** (attempt - 1)
                    if fault.passing and attempt < ATTEMPTS and pause + self.pace.connect < until.left():
                        log.info("Storage %r: %s; attempt %d failed", self._name, fault.reason, attempt)
                        time.sleep(pause)
                        continue
                    if fault.silent:
                        self._rest.begin(unless_answered_since=begun)
                    else:
                        self._rest.end()
                    raise self._explained(fault) from error
                self._rest.end()
                return result
        raise AssertionError

    def offline(self, act: Callable[[], T]) -> T:
        """What `act` returns, which asks the store nothing and so says nothing about it. Raises StorageUnavailable."""
        try:
            return act()
        except (BotoCoreError, ClientError) as error:
            raise self._explained(_Fault.of(error)) from error

    def _explained(self, fault: "_Fault") -> StorageError:
        if fault.meaning is StorageUnavailable:
            log.error("Storage %r is of no use: %s", self._name, fault.reason)
            return StorageUnavailable(f"storage {self._name!r} failed")
        log.warning("Storage %r: %s (%s)", self._name, fault.meaning.__name__, fault.reason)
        return fault.meaning(f"an object of storage {self._name!r} {_WORDS[fault.meaning]}")


_WORDS: dict[type[StorageError], str] = {
    ObjectMissing: "is missing",
    ObjectChanged: "has changed",
    ShortRead: "ends before the bytes that were asked for",
}


@dataclass(frozen=True, slots=True)
class _Fault:
    """What an exception of botocore means. `reason` is for the log: the call and a code, no key, URL or secret."""

    meaning: type[StorageError]
    reason: str
    passing: bool = False
    silent: bool = False

    @classmethod
    def of(cls, error: Exception) -> Self:
        if isinstance(error, ClientError):
            return cls._of_answer(error)
        reason = type(error).__name__
        cause = getattr(error, "kwargs", {}).get("error")
        if isinstance(cause, Exception):
            reason += f" ({type(cause).__name__})"
        if isinstance(error, BrokenAnswer):
            return cls(StorageUnavailable, str(error), passing=True)
        if isinstance(error, SSLError):
            return cls(StorageUnavailable, reason)
        transfer = (
            ConnectionError,
            HTTPClientError,
            IncompleteReadError,
            ResponseStreamingError,
            TransferError,
        )
        if isinstance(error, (*transfer, OSError)):
            return cls(StorageUnavailable, reason, passing=True, silent=True)
        # No credentials, an unknown profile, no region: nothing that another attempt changes.
        return cls(StorageUnavailable, reason)

    @classmethod
    def _of_answer(cls, error: ClientError) -> Self:
        code = str(error.response.get("Error", {}).get("Code", ""))
        status = status_of(error)
        reason = f"{error.operation_name} answered {status} {code}"
        meaning = _MEANINGS.get(code, StorageUnavailable)
        return cls(meaning, reason, passing=status in _PASSING_STATUS or code in _PASSING_CODES)


class _Rest:
    """Spares everybody the wait for a store that is known not to answer.

    After a call that ended without any answer, calls fail at once for `REST` seconds. Then one goes ahead; the others
    follow when it was answered.
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._until: float | None = None
        self._scout = False
        self._answered = 0.0

    @contextmanager
    def admission(self, name: str) -> Iterator[None]:
        """Lets the body run, or raises StorageUnavailable at once."""
        scouting = False
        if self._until is not None:
            with self._lock:
                if self._until is not None:
                    if self._scout or time.monotonic() < self._until:
                        raise StorageUnavailable(f"storage {name!r} did not answer a moment ago")
                    self._scout = scouting = True
        try:
            yield
        finally:
            if scouting:
                self._scout = False

    def begin(self, *, unless_answered_since: float) -> None:
        """The store gave no answer to a call, nor to any other since that call began."""
        with self._lock:
            if self._answered < unless_answered_since:
                self._until = time.monotonic() + REST

    def end(self) -> None:
        """The store answered, whatever it said."""
        self._answered = time.monotonic()
        if self._until is not None:
            with self._lock:
                self._until = None
