"""Classifies errors of botocore: the storage error to raise, and whether a retry may help."""

from dataclasses import dataclass
from typing import Self

from botocore.exceptions import (
    BotoCoreError,
    ClientError,
    ConnectionError,
    HTTPClientError,
    IncompleteReadError,
    ResponseStreamingError,
    SSLError,
)
from urllib3.exceptions import HTTPError as TransferError

from catalogue.errors import ObjectChanged, ObjectMissing, ShortRead, StorageError, StorageUnavailable


class BrokenAnswer(Exception):
    """The store's response is incomplete or does not match the request; a retry may help."""


#: Every error of a call to a store, apart from StorageError.
CALL_ERRORS = (BotoCoreError, ClientError, TransferError, BrokenAnswer, OSError)
_NO_ANSWER = (
    ConnectionError,
    HTTPClientError,
    IncompleteReadError,
    ResponseStreamingError,
    TransferError,
    OSError,
)
# Error codes after which a retry may succeed.
_TEMPORARY_STATUS = {429, 500, 502, 503, 504}
_TEMPORARY_CODES = {
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
_ERRORS: dict[str, type[StorageError]] = {
    "NoSuchKey": ObjectMissing,
    "PreconditionFailed": ObjectChanged,
    "412": ObjectChanged,
    "InvalidRange": ShortRead,
    "416": ShortRead,
}
_MESSAGES: dict[type[StorageError], str] = {
    ObjectMissing: "is missing",
    ObjectChanged: "has changed",
    ShortRead: "ends before the bytes that were asked for",
}


def status_of(error: ClientError) -> int:
    """Return the HTTP status of an error response; 0 if it has none."""
    return int(error.response.get("ResponseMetadata", {}).get("HTTPStatusCode", 0))


@dataclass(frozen=True, slots=True)
class Failure:
    """A failed call. `reason` is for the log: the operation and a code, never a key, URL or secret.

    `temporary`: a retry may succeed. `silent`: the store gave no complete response.
    """

    kind: type[StorageError]
    reason: str
    temporary: bool = False
    silent: bool = False

    @classmethod
    def of(cls, error: Exception) -> Self:
        """Classify one of `CALL_ERRORS`."""
        if isinstance(error, ClientError):
            code = str(error.response.get("Error", {}).get("Code", ""))
            status = status_of(error)
            temporary = status in _TEMPORARY_STATUS or code in _TEMPORARY_CODES
            reason = f"{error.operation_name} answered {status} {code}"
            return cls(_ERRORS.get(code, StorageUnavailable), reason, temporary)
        if isinstance(error, BrokenAnswer):
            return cls(StorageUnavailable, str(error), temporary=True)
        reason = type(error).__name__
        cause = getattr(error, "kwargs", {}).get("error")
        if isinstance(cause, Exception):
            reason += f" ({type(cause).__name__})"
        # Without credentials, profile, region or a trusted certificate, a retry does not help.
        silent = isinstance(error, _NO_ANSWER) and not isinstance(error, SSLError)
        return cls(StorageUnavailable, reason, temporary=silent, silent=silent)

    def error(self, storage: str) -> StorageError:
        """Return the error for callers; its message may be shown to clients and names no object."""
        if self.kind is StorageUnavailable:
            return StorageUnavailable(f"storage {storage!r} failed")
        return self.kind(f"an object of storage {storage!r} {_MESSAGES[self.kind]}")
