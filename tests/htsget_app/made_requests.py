"""Parsed requests for tickets."""

import json

from htsget_app.params import TicketRequest, from_body, from_query

MD5 = "1b22b98cdeb4a9304cb5d48026a85128"


def get(query: str, kind: str = "reads") -> TicketRequest:
    return from_query(kind=kind, id="x", query=query)


def post(body: object, kind: str = "reads", query: str = "") -> TicketRequest:
    raw = body if isinstance(body, bytes) else json.dumps(body).encode()
    return from_body(kind=kind, id="x", query=query, body=raw)


def region(**given: object) -> dict[str, object]:
    return {"regions": [{"referenceName": "1", **given}]}
