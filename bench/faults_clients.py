"""What the clients of `bench.faults` ask for, and what the right answers are."""

import functools
import itertools
import json
import random
import time
import urllib.request
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any, Final
from urllib.parse import urlsplit

from bench.faults_load import (
    Client,
    digest,
    graphql,
    graphql_form,
    htsget_form,
    page_form,
    plain_form,
    probe_form,
    problem_form,
)

_REGION: Final = "/reads/deep?referenceName=chr1&start={}&end={}"
_GENES: Final = graphql(
    '{ genes(by_symbol: {genome_id: "demo", symbol: "DMA1"}) { stable_id transcripts { stable_id } } }'
)
_ROWS: Final = 3
_JOB_SECONDS: Final = 90.0


@dataclass
class Held:
    """What the site holds, as known without it, or as it was while nothing was broken."""

    url: str
    far: bytes
    bam: bytes
    acknowledged: list[int] = field(default_factory=list)
    registered: list[str] = field(default_factory=list)
    token: str = ""

    def get(self, path: str, **headers: str) -> Any:
        """Return a document of the site, which is well."""
        request = urllib.request.Request(self.url + path, headers=headers)
        with urllib.request.urlopen(request, timeout=30) as answer:
            return json.load(answer)

    def lost(self) -> list[str]:
        """Return which acknowledged writes and finished jobs are not there, or are there twice."""
        about = self.get("/api/datasets/demo", Authorization=f"Bearer {self.token}")["description"]
        lost = []
        if self.acknowledged and int(about) < self.acknowledged[-1]:
            lost.append(f"write {self.acknowledged[-1]} was acknowledged, but the last is {about}")
        for pattern in self.registered:
            found = self.get(f"/api/files/?id={pattern}", Authorization=f"Bearer {self.token}")["results"]
            if len(found) != _ROWS:
                lost.append(f"{len(found)} files of job {pattern}")
        return lost


def make_clients(held: Held, token: str) -> list[Client]:
    """Return the clients, in the order of the table."""
    held.token = token
    bearer = {"Authorization": f"Bearer {token}"}
    md5 = held.get("/sequence/demo:Demo_1/metadata")["metadata"]["md5"]
    with urllib.request.urlopen(f"{held.url}/sequence/{md5}", timeout=30) as answer:
        near = answer.read()
    far = _md5(held.far)
    collection = held.get("/list/collection")["results"][0]
    clients = [
        Client("tickets", _tickets, htsget_form),
        Client("data blocks", _Blocks("").step, htsget_form),
        Client("rewritten blocks", _Blocks("&notags=NM").step, htsget_form),
        Client("slices from a folder", _slices(md5, near), plain_form),
        Client("slices from the store", _slices(far, held.far), plain_form),
        Client("sequences by name", _gets("/sequence/demo:Demo_1/metadata"), plain_form),
        Client("collections", _gets(f"/collection/{collection}?level=2"), plain_form),
        Client("GraphQL", _genes, graphql_form),
        Client("lists of the API", _gets("/api/sequences/?limit=5"), problem_form),
        Client("writes by the API", _Writes(held).step, problem_form, headers=bearer),
        Client("jobs", _Jobs(held).step, problem_form, headers=bearer),
        Client("pages", _pages, page_form),
        Client("/readyz", _probe, probe_form, is_probe=True),
        Client("/healthz", _gets("/healthz"), probe_form, is_probe=True),
    ]
    for client in clients:
        client.url = held.url
    return clients


def _md5(residues: bytes) -> str:
    from hashlib import md5

    return md5(residues, usedforsecurity=False).hexdigest()


def _gets(path: str) -> Callable[[Client], None]:
    """Ask for one path, whose answer stays the same."""
    first: list[bytes] = []

    def is_right(body: bytes) -> bool:
        first.append(body)
        del first[1:]
        return body == first[0]

    def step(client: Client) -> None:
        client.ask(path, is_right=is_right)

    return step


def _pages(client: Client) -> None:
    client.ask("/datasets/demo", is_right=lambda body: b"</html>" in body and b"ada" in body)


def _probe(client: Client) -> None:
    client.ask("/readyz", is_right=lambda body: bool(json.loads(body)["ready"]))
    time.sleep(0.2)


def _genes(client: Client) -> None:
    client.ask(
        "/graphql",
        method="POST",
        body=_GENES,
        headers={"Content-Type": "application/json"},
        is_right=lambda body: "errors in its form" if b'"errors"' in body else b"DEMOG000001.1" in body,
    )


def _tickets(client: Client) -> None:
    begin = random.randrange(1_000_000, 1_700_000)
    path = _REGION.format(begin, begin + 10_000)
    client.ask(path, is_right=lambda body: bool(json.loads(body)["htsget"]["urls"]))


def _slices(name: str, residues: bytes) -> Callable[[Client], None]:
    def step(client: Client) -> None:
        begin = random.randrange(len(residues) - 1000)
        wanted = residues[begin : begin + 1000]
        client.ask(f"/sequence/{name}?start={begin}&end={begin + 1000}", is_right=lambda body: body == wanted)

    return step


class _Blocks:
    """Fetches the blocks of a ticket again and again; asks for a new ticket when the site says that it is too old."""

    def __init__(self, more: str) -> None:
        self._path = _REGION.format(1_100_000, 1_300_000) + more
        self._urls: Iterator[str] = iter(())
        self._places: dict[str, int] = {}
        self._digests: dict[int, str] = {}

    def step(self, client: Client) -> None:
        if not self._places:
            answer = client.ask(self._path)
            if answer is None or answer[0] != 200:
                return
            urls = [entry["url"] for entry in json.loads(answer[2])["htsget"]["urls"]]
            paths = [urlsplit(url).path for url in urls if not url.startswith("data:")]
            self._places = {path: number for number, path in enumerate(paths)}
            self._urls = itertools.cycle(paths)
        path = next(self._urls)
        number = self._places[path]
        found = client.ask(path, is_right=functools.partial(self._is_right, number))
        if found is not None and found[0] == 403:
            self._places = {}

    def _is_right(self, number: int, body: bytes) -> bool:
        return self._digests.setdefault(number, digest(body)) == digest(body)


class _Writes:
    """Writes a growing number into the description of a dataset, and notes what was acknowledged."""

    def __init__(self, held: Held) -> None:
        self._held = held
        self._etag = ""
        self._number = 0

    def step(self, client: Client) -> None:
        if not self._etag:
            answer = client.ask("/api/datasets/demo")
            if answer is None or answer[0] != 200:
                return
            self._etag = answer[1]["etag"]
        self._number += 1
        told = client.ask(
            "/api/datasets/demo",
            method="PATCH",
            body=json.dumps({"description": str(self._number)}).encode(),
            headers={"Content-Type": "application/json", "If-Match": self._etag},
        )
        self._etag = ""
        if told is not None and told[0] == 200:
            self._etag = told[1]["etag"]
            self._held.acknowledged.append(self._number)


class _Jobs:
    """Registers files by a job, with copies of them in the home, and waits for it; one after the other."""

    def __init__(self, held: Held) -> None:
        self._held = held
        self._run = f"{random.randrange(1 << 32):08x}"
        self._number = 0

    def step(self, client: Client) -> None:
        self._number += 1
        prefix = f"job/{self._run}/{self._number}/"
        manifest = "path,id\n" + "".join(f"far:deep.bam,{prefix}{row}\n" for row in range(_ROWS))
        body = json.dumps({"manifest": manifest, "dataset": "demo", "copy": True}).encode()
        answer = client.ask(
            "/api/runs/", method="POST", body=body, headers={"Content-Type": "application/json"}
        )
        if answer is None or answer[0] != 202:
            time.sleep(0.5)
            return
        began, outcome = time.monotonic(), "not over"
        number = json.loads(answer[2])["number"]
        while time.monotonic() < began + _JOB_SECONDS:
            answer = client.ask(f"/api/runs/{number}")
            if answer is not None and answer[0] == 200:
                outcome = json.loads(answer[2])["outcome"]
                if outcome not in {"queued", "running"}:
                    break
            time.sleep(0.5)
        client.note(f"job {outcome}")
        if outcome == "succeeded":
            self._held.registered.append(f"{prefix}*")
