"""Service-info of every service, and the registry that lists them."""

import json
from typing import Any

import pytest
from django.test import Client

from ga4gh.protocol import protocols
from htsgetsite import __version__

pytestmark = pytest.mark.django_db
PATHS = {"/service-info": "refget", "/reads/service-info": "htsget", "/variants/service-info": "htsget"}


@pytest.mark.parametrize("path", PATHS)
def test_what_every_service_says(client: Client, settings: Any, path: str) -> None:
    settings.SERVICE_CONTACT_URL = "mailto:data@example.org"
    document = json.loads(client.get(path).content)
    assert document["version"] == __version__
    assert document["type"]["artifact"] == PATHS[path]
    assert document["organization"] == {
        "name": settings.SERVICE_ORGANIZATION_NAME,
        "url": settings.SERVICE_ORGANIZATION_URL,
    }
    assert document["contactUrl"] == "mailto:data@example.org"
    assert document["environment"] == "prod" and document["documentationUrl"].startswith("https://")
    assert PATHS[path] in document


def test_the_registry_lists_every_service_where_it_is(client: Client, settings: Any) -> None:
    entries = json.loads(client.get("/services").content)
    assert [entry["type"]["artifact"] for entry in entries] == [
        "refget",
        "refget-seqcol",
        "htsget",
        "htsget",
        "graphql-core",
    ]
    assert (
        len({entry["id"] for entry in entries}) == len(entries) == sum(len(p.services) for p in protocols())
    )
    for entry in entries:
        document = json.loads(client.get(entry["url"] + "/service-info").content)
        assert {key: document[key] for key in entry if key != "url"} == {
            key: value for key, value in entry.items() if key != "url"
        }
    settings.PUBLIC_URL = "https://data.example.org/ga4gh"
    urls = [entry["url"] for entry in json.loads(client.get("/services").content)]
    assert urls == [settings.PUBLIC_URL + path for path in ("", "/seqcol", "/reads", "/variants", "/graphql")]


@pytest.mark.parametrize("path", [*PATHS, "/services"])
def test_documents_are_not_sent_again(client: Client, path: str) -> None:
    first = client.get(path)
    assert first.headers["Cache-Control"] == "public, max-age=300"
    again = client.get(path, headers={"If-None-Match": first.headers["ETag"]})
    assert (again.status_code, again.content) == (304, b"")
