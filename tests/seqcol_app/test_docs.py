"""The examples of docs/seqcol.md give the documented answers."""

import json
import re
import textwrap
from datetime import UTC, datetime

import pytest
from django.test import Client

from catalogue.models import SequenceCollection
from tests.catalogue.made_collections import make_collection
from tests.paths import PROJECT

pytestmark = pytest.mark.django_db

PAGE = (PROJECT / "docs" / "seqcol.md").read_text(encoding="utf-8")
EXAMPLES = [textwrap.dedent(block) for block in re.findall(r"```http\n(.*?)```", PAGE, re.DOTALL)]
TOY = {"chrX": b"TTGGGGAA", "chr1": b"GGAA", "chr2": b"GCGC"}


def test_there_are_examples() -> None:
    assert len(EXAMPLES) >= 5


@pytest.mark.parametrize("example", EXAMPLES, ids=lambda example: example.partition("\n")[0])
def test_example(example: str, client: Client) -> None:
    make_collection("insdc:TOY.1", TOY)
    make_collection("toy-reordered", {name: TOY[name] for name in ("chr1", "chr2", "chrX")})
    SequenceCollection.objects.update(created=datetime(2026, 11, 28, 10, tzinfo=UTC))
    request, answer, body = [*example.strip().split("\n\n"), ""][:3]
    method, target = request.split(" ")
    assert method == "GET"
    response = client.get(target)
    status, *headers = answer.strip().splitlines()
    assert f"{response.status_code} {response.reason_phrase}" == status
    for name, _, value in (line.strip().partition(": ") for line in headers):
        assert response.headers[name] == value
    if body:
        assert response.json() == json.loads(body)
