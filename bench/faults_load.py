"""The clients of `bench.faults`: each asks for one kind of thing again and again, checks what it gets, and notes it."""

import hashlib
import http.client
import json
import threading
import time
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final
from urllib.parse import urlsplit

_PAUSE: Final = 0.03
_TIMEOUT: Final = 45.0

Judge = Callable[[int, Mapping[str, str], bytes], bool]
#: Whether a body is right; or what to call an answer that is not.
Check = Callable[[bytes], bool | str]


@dataclass(frozen=True, slots=True)
class Note:
    """What one request came to, and when it ended."""

    ended: float
    outcome: str

    @property
    def good(self) -> bool:
        """Whether it was answered as it should be."""
        return is_good(self.outcome)


def is_good(outcome: str) -> bool:
    """Return whether an outcome is that of a site that is well."""
    return outcome == "job succeeded" or (outcome.isdigit() and outcome.startswith("2"))


@dataclass
class Client:
    """One client of the site, on a connection that it keeps while it can; `step` sends its next request.

    `is_form` tells whether the answer of an error has the form of the protocol. An answer 503 needs Retry-After, except
    from a probe.
    """

    name: str
    step: Callable[["Client"], None]
    is_form: Judge
    is_probe: bool = False
    headers: Mapping[str, str] = field(default_factory=dict)
    notes: list[Note] = field(default_factory=list)
    samples: dict[str, str] = field(default_factory=dict)
    url: str = ""
    _connection: http.client.HTTPConnection | None = None

    def ask(
        self,
        path: str,
        *,
        method: str = "GET",
        body: bytes | None = None,
        headers: Mapping[str, str] | None = None,
        is_right: Check = lambda body: True,
    ) -> tuple[int, Mapping[str, str], bytes] | None:
        """Send one request, and note its outcome; return the answer, headers in lower case, or None without one."""
        if self._connection is None:
            self._connection = http.client.HTTPConnection(urlsplit(self.url).netloc, timeout=_TIMEOUT)
        answer = None
        try:
            self._connection.request(method, path, body=body, headers={**self.headers, **(headers or {})})
            response = self._connection.getresponse()
            lower = {name.lower(): value for name, value in response.getheaders()}
            answer = response.status, lower, response.read()
            outcome = self._judged(*answer, is_right)
        except TimeoutError:
            outcome = "no answer"
        except http.client.IncompleteRead:
            outcome = "body cut off"
        except (http.client.RemoteDisconnected, ConnectionResetError, BrokenPipeError):
            outcome = "connection closed"
        except (OSError, http.client.HTTPException) as error:
            outcome = "no connection" if isinstance(error, ConnectionRefusedError) else type(error).__name__
        if answer is None:
            self._connection.close()
            self._connection = None
        self.note(outcome)
        return answer

    def note(self, outcome: str) -> None:
        """Note an outcome."""
        self.notes.append(Note(time.monotonic(), outcome))

    def _judged(self, status: int, headers: Mapping[str, str], body: bytes, is_right: Check) -> str:
        if status < 300:
            right = is_right(body)
            return str(status) if right is True else f"{status} with {right or 'wrong bytes'}"
        self.samples.setdefault(str(status), f"{headers} {body[:400]!r}")
        if not self.is_form(status, headers, body):
            return f"{status} in another form"
        if status == 503 and not self.is_probe and "retry-after" not in headers:
            return "503 without Retry-After"
        return str(status)

    def since(self, began: float, ended: float) -> Counter[str]:
        """Return how often there was each outcome of requests that ended in between."""
        return Counter(note.outcome for note in list(self.notes) if began <= note.ended < ended)

    def last_bad(self, began: float) -> float | None:
        """Return when the last request ended, of those that ended since, that was not answered as it should be."""
        return max(
            (note.ended for note in list(self.notes) if note.ended >= began and not note.good), default=None
        )


class Load:
    """Runs clients, each in a thread."""

    def __init__(self, clients: Sequence[Client]) -> None:
        self.clients = clients
        self._stop = threading.Event()
        self._threads = [threading.Thread(target=self._run, args=(each,), daemon=True) for each in clients]

    def start(self) -> None:
        """Begin to send requests."""
        for thread in self._threads:
            thread.start()

    def stop(self) -> None:
        """Stop after the requests under way."""
        self._stop.set()
        for thread in self._threads:
            thread.join(_TIMEOUT)

    def _run(self, client: Client) -> None:
        while not self._stop.is_set():
            client.step(client)
            self._stop.wait(_PAUSE)


def _json(body: bytes) -> Any:
    try:
        return json.loads(body)
    except ValueError:
        return None


def htsget_form(status: int, headers: Mapping[str, str], body: bytes) -> bool:
    """`{"htsget": {"error", "message"}}`."""
    found = _json(body)
    return isinstance(found, dict) and {"error", "message"} <= found.get("htsget", {}).keys()


def plain_form(status: int, headers: Mapping[str, str], body: bytes) -> bool:
    """`{"status", "error", "message"}` of refget and sequence collections."""
    found = _json(body)
    return isinstance(found, dict) and found.get("status") == status and bool(found.get("message"))


def graphql_form(status: int, headers: Mapping[str, str], body: bytes) -> bool:
    """`{"errors": […]}`."""
    found = _json(body)
    return isinstance(found, dict) and bool(found.get("errors"))


def problem_form(status: int, headers: Mapping[str, str], body: bytes) -> bool:
    """A problem document (RFC 9457)."""
    found = _json(body)
    kind = headers.get("content-type", "").startswith("application/problem+json")
    return kind and isinstance(found, dict) and found.get("status") == status


def page_form(status: int, headers: Mapping[str, str], body: bytes) -> bool:
    """A page with the policy of pages."""
    return b"</html>" in body and "content-security-policy" in headers


def probe_form(status: int, headers: Mapping[str, str], body: bytes) -> bool:
    """The parts that are down."""
    found = _json(body)
    return isinstance(found, dict) and found.get("ready") is False


def digest(body: bytes) -> str:
    """Return a checksum of a body."""
    return hashlib.sha256(body).hexdigest()


def graphql(query: str) -> bytes:
    """Return the body of a query."""
    return json.dumps({"query": query}).encode()
