"""The examples of docs/refget.md give the documented answers."""

import json
import re
from typing import NamedTuple

import pytest
from django.core.handlers.wsgi import WSGIHandler

from tests.paths import PROJECT
from tests.refget_app.made_sequences import ask, make_sequence

pytestmark = pytest.mark.django_db

PAGE = (PROJECT / "docs" / "refget.md").read_text(encoding="utf-8")


class Example(NamedTuple):
    """One block of the page."""

    target: str
    asked: dict[str, str]
    status: str
    headers: dict[str, str]
    body: str


def read_example(block: str) -> Example:
    request, answer, body = [*block.strip().split("\n\n"), ""][:3]
    first, *asked = request.splitlines()
    status, *headers = answer.splitlines()
    method, target = first.split(" ")
    assert method == "GET"
    return Example(target, read_headers(asked), status, read_headers(headers), body)


def read_headers(lines: list[str]) -> dict[str, str]:
    return {name: value for name, _, value in (line.partition(": ") for line in lines)}


EXAMPLES = [read_example(block) for block in re.findall(r"```http\n(.*?)```", PAGE, re.DOTALL)]


def test_there_are_examples() -> None:
    assert len(EXAMPLES) >= 10


@pytest.mark.parametrize("example", EXAMPLES, ids=lambda example: example.target)
def test_example(example: Example) -> None:
    make_sequence(
        b"CAACAGAGACTGCTGCTGACAGTGGGCGGGGGAGTAGTTTGCTTGGCCCGTGGTTGAGGA",
        aliases=[("insdc", "XX000001.1"), ("ucsc", "chrT")],
    )
    make_sequence(b"ATGCGTACCTGATTTAAACG", circular=True, aliases=[("insdc", "XX000002.1")])
    reply = ask(WSGIHandler(), example.target, headers=example.asked)
    assert reply.status == example.status
    for name, value in example.headers.items():
        assert reply.header(name) == value
    if "json" in str(reply.header("Content-Type")) and example.body:
        assert json.loads(reply.body) == json.loads(example.body)
    elif example.body:
        assert reply.body.decode().rstrip("\n") == example.body
