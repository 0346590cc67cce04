"""AWS Signature Version 4 as the store checks it: from a request to the reason for refusing it, or None.

Every signature is computed anew with the secret ("Authenticating requests", Amazon S3 API reference).
"""

import hashlib
from datetime import UTC, datetime
from http.server import BaseHTTPRequestHandler
from typing import Any, NamedTuple
from urllib.parse import parse_qsl, quote, unquote, urlsplit

from botocore.auth import S3SigV4Auth, S3SigV4QueryAuth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials

REGION = "eu-west-2"
#: Seconds that the clock of a client may be wrong.
SKEW = 15 * 60


class Refusal(NamedTuple):
    """An error answer of S3."""

    status: int
    code: str
    message: str


def refusal_of(
    request: BaseHTTPRequestHandler, *, body: bytes, signed: str, credentials: Credentials, now: float
) -> Refusal | None:
    """Return why S3 would refuse a signed request, or None.

    `signed` says where the signature is, "header" or "query"; `now` is the time of the store, in seconds since 1970.
    """
    try:
        query = dict(parse_qsl(urlsplit(request.path).query, keep_blank_values=True))
        said = _in_query(query) if signed == "query" else _in_headers(request.headers)
        when = datetime.strptime(said.date, "%Y%m%dT%H%M%SZ").replace(tzinfo=UTC).timestamp()
        access_key, day, region, service, terminal = said.credential.split("/")
    except (KeyError, ValueError):
        return Refusal(400, "AuthorizationHeaderMalformed", "The authorisation cannot be read")
    if (day, region, service, terminal) != (said.date[:8], REGION, "s3", "aws4_request"):
        return Refusal(400, "AuthorizationHeaderMalformed", "The scope of the credential is wrong")
    if access_key != credentials.access_key:
        return Refusal(403, "InvalidAccessKeyId", "Nobody has this access key")
    names = {name.lower() for name in request.headers}
    if unsigned := {name for name in names if name.startswith("x-amz-")} - set(said.names):
        return Refusal(403, "AccessDenied", f"Headers that have to be signed are not: {sorted(unsigned)}")
    if "host" not in said.names or not names.issuperset(said.names):
        return Refusal(403, "SignatureDoesNotMatch", "A header that was signed is not there")
    if said.signature != _signature(request, said, signed=signed, credentials=credentials):
        return Refusal(403, "SignatureDoesNotMatch", "The signature is another")
    if said.expires is not None:
        if not 0 < said.expires <= 7 * 86400:
            return Refusal(400, "AuthorizationQueryParametersError", "X-Amz-Expires is out of bounds")
        if not when - SKEW <= now <= when + said.expires:
            return Refusal(403, "AccessDenied", "Request has expired")
    elif abs(now - when) > SKEW:
        return Refusal(403, "RequestTimeTooSkewed", "The clocks differ too much")
    return _check_body(request.headers, body)


def _signature(
    request: BaseHTTPRequestHandler, said: "_Said", *, signed: str, credentials: Credentials
) -> str:
    """Sign the request as it came, with botocore."""
    url = urlsplit(request.path)
    pairs = [pair.partition("=") for pair in url.query.split("&") if pair]
    query = "&".join(
        f"{_encoded(name)}={_encoded(value)}"
        for name, _, value in pairs
        if unquote(name) != "X-Amz-Signature"
    )
    address = f"http://{request.headers['Host']}{quote(unquote(url.path), safe='/-_.~')}?{query}"
    headers = {name: ",".join(request.headers.get_all(name, [])) for name in said.names}
    copy = AWSRequest(method=request.command, url=address, headers=headers)
    copy.context["timestamp"] = said.date
    signer = (S3SigV4QueryAuth if signed == "query" else S3SigV4Auth)(credentials, "s3", REGION)
    return str(signer.signature(signer.string_to_sign(copy, signer.canonical_request(copy)), copy))


class _Said(NamedTuple):
    """What a request states of its signature; `names` are the signed headers, `expires` in seconds."""

    credential: str
    date: str
    names: list[str]
    signature: str
    expires: int | None


def _in_query(query: dict[str, str]) -> _Said:
    if query["X-Amz-Algorithm"] != "AWS4-HMAC-SHA256":
        raise ValueError("another algorithm")
    return _Said(
        query["X-Amz-Credential"],
        query["X-Amz-Date"],
        query["X-Amz-SignedHeaders"].split(";"),
        query["X-Amz-Signature"],
        int(query["X-Amz-Expires"]),
    )


def _in_headers(headers: Any) -> _Said:
    algorithm, _, rest = headers["Authorization"].partition(" ")
    if algorithm != "AWS4-HMAC-SHA256":
        raise ValueError("another algorithm")
    parts = dict(part.strip().split("=", 1) for part in rest.split(","))
    return _Said(
        parts["Credential"],
        headers["X-Amz-Date"] or "",
        parts["SignedHeaders"].split(";"),
        parts["Signature"],
        None,
    )


def _encoded(text: str) -> str:
    return quote(unquote(text), safe="-_.~")


def _check_body(headers: Any, body: bytes) -> Refusal | None:
    said = headers.get("X-Amz-Content-SHA256", "UNSIGNED-PAYLOAD")
    if said != "UNSIGNED-PAYLOAD" and said != hashlib.sha256(body).hexdigest():
        return Refusal(400, "XAmzContentSHA256Mismatch", "The body is not the one that was signed")
    return None
