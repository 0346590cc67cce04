"""Metadata and service-info, in the layouts of version 1 and 2."""

import json

import pytest

from tests.refget_app.answers.asked import DIGESTS, MD5, get
from tests.refget_app.made_sequences import Reply

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("held")]


ALIASES = [
    {"alias": "BK006935.2", "naming_authority": "insdc"},
    {"alias": "I", "naming_authority": "ensembl"},
    {"alias": "a/b c", "naming_authority": "local"},
    {"alias": "chrI", "naming_authority": "ucsc"},
]


def named(reply: Reply) -> list[dict[str, str]]:
    aliases = json.loads(reply.body)["metadata"]["aliases"]
    return sorted(
        ({**alias, "naming_authority": alias["naming_authority"].lower()} for alias in aliases),
        key=lambda alias: alias["alias"],
    )


@pytest.mark.parametrize(
    "accept", ["", "*/*", "application/json", "application/vnd.ga4gh.refget.v2.0.0+json"]
)
def test_metadata(accept: str) -> None:
    reply = get(f"/sequence/{MD5}/metadata", {"Accept": accept})
    assert reply.header("Content-Type") == "application/vnd.ga4gh.refget.v2.0.0+json; charset=us-ascii"
    described = json.loads(reply.body)["metadata"]
    assert {key: described[key] for key in ("id", "md5", "trunc512", "ga4gh", "length")} == {
        "id": MD5, "md5": MD5, "trunc512": DIGESTS.trunc512, "ga4gh": DIGESTS.sq, "length": 1000,
    }  # fmt: skip
    assert named(reply) == ALIASES


@pytest.mark.parametrize("version", ["1.0.0", "1.0.1"])
def test_metadata_of_version_1_also_names_the_digest(version: str) -> None:
    reply = get(f"/sequence/{MD5}/metadata", {"Accept": f"application/vnd.ga4gh.refget.v{version}+json"})
    assert reply.header("Content-Type") == f"application/vnd.ga4gh.refget.v{version}+json; charset=us-ascii"
    assert {"alias": f"ga4gh:{DIGESTS.sq}", "naming_authority": "ga4gh"} in named(reply)
    assert len(named(reply)) == len(ALIASES) + 1


@pytest.mark.parametrize(
    "path", ["/sequence/service-info", "/sequence/service-info/", "/service-info", "/service-info/"]
)
def test_service_info(path: str) -> None:
    reply = get(path)
    assert reply.header("Content-Type") == "application/vnd.ga4gh.refget.v2.0.0+json; charset=us-ascii"
    document = json.loads(reply.body)
    assert document["type"] == {"group": "org.ga4gh", "artifact": "refget", "version": "2.0.0"}
    assert document.keys() == {
        "id", "name", "type", "description", "organization", "contactUrl", "documentationUrl", "environment",
        "version", "refget", *(["seqcol"] if path.startswith("/service-info") else []),
    }  # fmt: skip
    assert document["organization"].keys() == {"name", "url"}
    refget = document["refget"]
    assert refget["circular_supported"] is True
    assert set(refget["algorithms"]) == {"md5", "trunc512", "ga4gh"}
    assert refget["subsequence_limit"] is None
    assert {"insdc", "local"} <= set(refget["identifier_types"])


@pytest.mark.parametrize("version", ["1.0.0", "1.0.1"])
def test_service_info_of_version_1(version: str) -> None:
    accept = f"application/vnd.ga4gh.refget.v{version}+json"
    reply = get("/sequence/service-info", {"Accept": accept})
    assert reply.header("Content-Type") == f"{accept}; charset=us-ascii"
    assert json.loads(reply.body) == {
        "service": {
            "circular_supported": True,
            "algorithms": ["md5", "trunc512", "ga4gh"],
            "subsequence_limit": None,
            "supported_api_versions": ["0.2", "1.0.0", "1.0.1", "2.0.0"],
        }
    }
