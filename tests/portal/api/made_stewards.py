"""Accounts that manage datasets, and requests of programs with their tokens."""

import json
from dataclasses import dataclass
from typing import Any

from django.contrib.auth.models import Group
from django.test import Client

from catalogue import api_tokens
from catalogue.models import Dataset
from tests.catalogue.made_access import make_grant, make_user

READING = ("reads", "variants", "sequences")
MANAGING = (*READING, "manage")
MANIFEST = "path,id\nfiles:mine/a.bam,a\n"


def make_account(name: str, dataset: Dataset | None = None, *, role: str = "reader", group: str = "") -> Any:
    """An account with a role for a dataset, in a group of the desk."""
    user = make_user(name, *([Group.objects.get(name=group)] if group else []))
    if dataset is not None:
        make_grant(dataset, user, role=role)
    return user


@dataclass(frozen=True, slots=True)
class Program:
    """A program with a token."""

    token: str

    def ask(
        self, method: str, path: str, body: Any = None, *, etag: str | None = "get", **headers: str
    ) -> tuple[int, Any, Any]:
        """Return status, document and headers; `etag` is what to send as If-Match, `get` for the present one."""
        headers["Authorization"] = f"Bearer {self.token}"
        client = Client()
        if method in {"patch", "delete"} and etag is not None:
            found = client.get(path, headers=headers).headers.get("ETag", '"unknown"')
            headers["If-Match"] = found if etag == "get" else etag
        more: dict[str, Any] = {} if method == "get" else {"content_type": "application/json"}
        if body is not None:
            more["data"] = json.dumps(body)
        response: Any = getattr(client, method)(path, headers=headers, **more)
        content: Any = json.loads(response.content) if response.content else None
        if response.status_code >= 400:
            assert response.headers["Content-Type"] == "application/problem+json"
            assert content["status"] == response.status_code and content["detail"]
        return response.status_code, content, response.headers


def program(user: Any, scopes: tuple[str, ...] = MANAGING) -> Program:
    """A program with a token of an account."""
    return Program(api_tokens.issue(user=user, name="n", scopes=scopes)[1])
