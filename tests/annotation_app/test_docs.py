"""The examples of docs/annotation.md give the documented answers."""

import json
import re
import textwrap

import pytest
from django.test import Client

from annotation_app.execution import schema
from htsgetsite import settings
from tests.annotation_app.made_annotation import World
from tests.annotation_app.made_queries import ask
from tests.paths import PROJECT

pytestmark = pytest.mark.django_db

PAGE = (PROJECT / "docs" / "annotation.md").read_text(encoding="utf-8")
EXAMPLES = [
    (textwrap.dedent(query), textwrap.dedent(answer))
    for query, answer in re.findall(r"```graphql\n(.*?)```\s*```json\n(.*?)```", PAGE, re.DOTALL)
]


def test_there_are_examples() -> None:
    assert len(EXAMPLES) == PAGE.count("```graphql") >= 4


@pytest.mark.parametrize("number", range(len(EXAMPLES)))
def test_example(world: World, client: Client, number: int) -> None:
    query, answer = EXAMPLES[number]
    assert ask(client, query) == json.loads(answer)


def test_the_residues_of_the_walk(world: World, client: Client) -> None:
    checksums = re.findall(r'"checksum": "(\w{32})"', PAGE)
    (fetched,) = set(re.findall(r"/sequence/(\w{32})", PAGE))
    assert fetched in checksums and len(set(checksums)) == 3
    for checksum in checksums:
        assert client.get(f"/sequence/{checksum}").status_code == 200


def test_every_root_field_and_setting_is_in_the_page() -> None:
    query = schema().query_type
    assert query is not None
    assert set(re.findall(r"^\| `(\w+)` \| ", PAGE, re.MULTILINE)) >= set(query.fields)
    declared = {each.name for each in settings.ENVIRONMENT.declarations if "GRAPHQL" in each.name}
    assert declared <= set(re.findall(r"`(\w+)`", PAGE))
