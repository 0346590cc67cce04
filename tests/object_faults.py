"""How requests to a simulated object store go wrong, and what is noted of each."""

from dataclasses import dataclass
from enum import Enum, auto


class Fault(Enum):
    """How a request or its answer goes wrong."""

    DROP = auto()  #: the connection ends without an answer
    BREAK = auto()  #: the body ends in the middle, its Content-Length is that of the whole
    SHORT = auto()  #: the body ends in the middle and its Content-Length agrees
    DELAY = auto()  #: nothing comes for `Gate.delay` seconds
    STALL = auto()  #: nothing comes for `Gate.delay` seconds in the middle of the body
    TRICKLE = auto()  #: a byte of the body comes every second, and none after the twentieth
    SLOW_DOWN = auto()  #: 503, as when requests come too fast
    ERROR = auto()  #: 500
    DENIED = auto()  #: 403
    NO_UPLOAD = auto()  #: 404, as for an upload that is over
    NO_RANGE = auto()  #: the whole object, as if no range had been asked for
    OTHER_RANGE = auto()  #: the bytes one further on, and it says so
    OTHER_ETAG = auto()  #: another state of the object, whatever If-Match asks for
    ALTERED_UPLOAD = auto()  #: a byte of an upload changes before it arrives
    ALTERED_STORE = auto()  #: a byte of an upload changes afterwards; the ETag is that of what is stored
    LOST_ANSWER = auto()  #: the request is carried out, its answer lost


@dataclass(slots=True)
class Seen:
    """A request that came to the gate. `sent` counts the bytes of the answer's body so far."""

    method: str
    bucket: str
    key: str
    query: dict[str, str]
    range: str | None
    #: "header", "query", or "" for a request without signature.
    signed: str
    fault: Fault | None = None
    status: int = 0
    sent: int = 0
    done: bool = False

    @property
    def reads_object(self) -> bool:
        """Say whether it asks for the bytes of an object."""
        return self.method == "GET" and bool(self.key)
