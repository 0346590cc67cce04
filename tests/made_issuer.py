"""An OpenID Connect issuer on the loopback, for tests.

It serves discovery, keys and user information, signs tokens, and counts who asked it for what.
"""

import base64
import json
import threading
import time
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from functools import cache
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs

import jwt
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey
from jwt.algorithms import ECAlgorithm, OKPAlgorithm, RSAAlgorithm

AUDIENCE = "https://data.example.org"


@cache
def rsa_key(name: str, bits: int = 2048) -> RSAPrivateKey:
    """A key pair, made once a run for each name."""
    return rsa.generate_private_key(public_exponent=65537, key_size=bits)


@cache
def other_key(kind: str, name: str) -> Any:
    """A key pair of another kind: `P-256`, `P-384` or `Ed25519`."""
    if kind == "Ed25519":
        return ed25519.Ed25519PrivateKey.generate()
    return ec.generate_private_key({"P-256": ec.SECP256R1(), "P-384": ec.SECP384R1()}[kind])


def public_jwk(key: Any, **more: Any) -> dict[str, Any]:
    """The public half as a JSON Web Key, with `kid` and whatever else is given."""
    public = key.public_key()
    if isinstance(key, RSAPrivateKey):
        document = RSAAlgorithm.to_jwk(public, as_dict=True)
    elif isinstance(key, ed25519.Ed25519PrivateKey):
        document = OKPAlgorithm.to_jwk(public, as_dict=True)
    else:
        document = ECAlgorithm.to_jwk(public, as_dict=True)
    document.pop("key_ops", None)
    return {**document, **more}


class MadeIssuer:
    """One issuer; `url` is its name. What it serves may be changed between requests."""

    def __init__(self, url: str, name: str) -> None:
        self.url = url
        self.name = name
        self.keys = [public_jwk(rsa_key(self.name), kid="first", use="sig", alg="RS256")]
        self.discovery: dict[str, Any] = {
            "issuer": url,
            "jwks_uri": f"{url}/keys",
            "userinfo_endpoint": f"{url}/user",
            "authorization_endpoint": f"{url}/authorize",
            "token_endpoint": f"{url}/token",
        }
        self.user: dict[str, Any] = {}
        self.tokens: dict[str, Any] = {}
        self.forms: list[dict[str, list[str]]] = []
        self.asked: Counter[str] = Counter()
        self.bearers: list[str] = []
        self.status = 200
        self.raw: bytes | None = None
        self.location: str | None = None
        self.delay = 0.0
        # "headers" or "body" is sent byte by byte, slowly; `dripped` is set at the end, `broken` if nobody listened.
        self.drip = ""
        self.dripped = threading.Event()
        self.broken = False

    @property
    def jwks_url(self) -> str:
        return f"{self.url}/keys"

    def token(
        self,
        *,
        key: Any = None,
        algorithm: str = "RS256",
        header: Mapping[str, Any] | None = None,
        **claims: Any,
    ) -> str:
        """A signed token; a claim of None is left out."""
        now = int(time.time())
        named = {"kid": "first", **(header or {})}
        whole = {"iss": self.url, "sub": "somebody", "aud": AUDIENCE, "iat": now, "exp": now + 300, **claims}
        return jwt.encode(
            {name: value for name, value in whole.items() if value is not None},
            rsa_key(self.name) if key is None else key,
            algorithm=algorithm,
            headers={name: value for name, value in named.items() if value is not None},
        )

    def visa(
        self,
        value: str,
        *,
        type: str = "ControlledAccessGrants",
        source: str = "https://dac.example.org",
        by: str | None = "dac",
        conditions: Any = None,
        key: Any = None,
        algorithm: str = "RS256",
        header: Mapping[str, Any] | None = None,
        content: Mapping[str, Any] | None = None,
        **claims: Any,
    ) -> str:
        """A signed visa, whose `jku` is the issuer's own."""
        visa = {
            "type": type,
            "value": value,
            "source": source,
            "by": by,
            "conditions": conditions,
            "asserted": int(time.time()) - 60,
            **(content or {}),
        }
        return self.token(
            key=key,
            algorithm=algorithm,
            header={"jku": self.jwks_url, **(header or {})},
            aud=None,
            ga4gh_visa_v1={name: entry for name, entry in visa.items() if entry is not None},
            **claims,
        )

    def _answer(self, path: str) -> bytes:
        if self.raw is not None:
            return self.raw
        documents = {
            "/.well-known/openid-configuration": self.discovery,
            "/keys": {"keys": self.keys},
            "/user": self.user,
            "/token": self.tokens,
        }
        return json.dumps(documents[path]).encode()


#: Names of issuers that are being served: each has a key of its own, which takes long to make and so is used again.
_serving: set[str] = set()


@contextmanager
def made_issuer() -> Iterator[MadeIssuer]:
    """Serves an issuer for as long as the block runs."""
    name = next(name for number in range(100) if (name := f"issuer {number}") not in _serving)

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            issuer.asked[self.path] += 1
            issuer.bearers.append(self.headers.get("Authorization", ""))
            time.sleep(issuer.delay)
            if issuer.drip:
                self._drip(issuer._answer(self.path))
                return
            try:
                body = issuer._answer(self.path)
                self.send_response(issuer.status)
            except KeyError:
                body = b"nothing here"
                self.send_response(404)
            if issuer.location is not None:
                self.send_header("Location", issuer.location)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            # A client that waits no longer is not told.
            with suppress(BrokenPipeError):
                self.wfile.write(body)

        def _drip(self, body: bytes) -> None:
            head = b"HTTP/1.0 200 OK\r\nX-Padding: " + b"x" * 100
            slow, fast = (head, b"") if issuer.drip == "headers" else (b" " * 100, head + b"\r\n\r\n")
            try:
                self.wfile.write(fast)
                for byte in slow:
                    self.wfile.write(bytes([byte]))
                    time.sleep(0.02)
                self.wfile.write((b"\r\n\r\n" if issuer.drip == "headers" else b"") + body)
            except OSError:
                issuer.broken = True
            issuer.dripped.set()

        def do_POST(self) -> None:
            length = int(self.headers["Content-Length"])
            issuer.forms.append(parse_qs(self.rfile.read(length).decode()))
            self.do_GET()

        def log_message(self, *_: Any) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    issuer = MadeIssuer(f"http://127.0.0.1:{server.server_address[1]}", name)
    _serving.add(name)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    try:
        yield issuer
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
        _serving.remove(name)


def unsigned(
    claims: Mapping[str, Any], *, algorithm: str = "none", header: Mapping[str, Any] | None = None
) -> str:
    """A token that nobody signed."""
    parts: Sequence[Mapping[str, Any]] = ({"alg": algorithm, "typ": "JWT", **(header or {})}, claims)
    return ".".join(_encoded(json.dumps(part).encode()) for part in parts) + "."


def with_claims(token: str, **changes: Any) -> str:
    """The token with other claims and its old signature."""
    header, payload, signature = token.split(".")
    claims = json.loads(base64.urlsafe_b64decode(payload + "=" * (-len(payload) % 4)))
    return f"{header}.{_encoded(json.dumps({**claims, **changes}).encode())}.{signature}"


def claims_of(token: str) -> dict[str, Any]:
    """What a token says, unchecked."""
    claims: dict[str, Any] = jwt.decode(token, options={"verify_signature": False})
    return claims


def _encoded(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()
