"""Bodies of requests are read before Django runs, as far as their view may read them."""

from io import BytesIO
from typing import Any

import pytest

from htsgetsite import wsgi

MIB = 1 << 20


class Empty(list[bytes]):
    """A response without a body."""

    streaming = False

    def close(self) -> None: ...


@pytest.mark.parametrize(
    ("path", "most"),
    [
        ("/api/runs/", 16 * MIB),
        ("/comparison/x", 16 * MIB),
        ("/reads/x", MIB),
        ("/account/", MIB),
        ("/graphql", MIB),
    ],
)
def test_bodies_are_read_as_far_as_their_views_do(monkeypatch: Any, path: str, most: int) -> None:
    read: list[int] = []

    def application(environ: dict[str, Any], start_response: Any) -> Empty:
        read.append(len(environ["wsgi.input"].getvalue()))
        return Empty()

    monkeypatch.setattr(wsgi, "_django", application)
    for size in (most, 2 * most):
        environ = {"PATH_INFO": path, "CONTENT_LENGTH": str(size), "wsgi.input": BytesIO(bytes(size))}
        list(wsgi._whole(environ, lambda *_: None))  # type: ignore[arg-type]
    assert read == [most, most + 1], "one byte more shows that a body is too long"
