"""The service-info and OpenAPI documents."""

from typing import Any

import jsonschema
import openapi_spec_validator
import pytest
from django.test import Client

from tests.seqcol_app.made_base import LEVEL2


def test_the_root_document_tells_of_both_protocols(client: Client, db: None) -> None:
    document = client.get("/service-info").json()
    assert document["type"]["artifact"] == "refget"
    assert {"refget", "seqcol"} <= document.keys()
    assert "seqcol" not in client.get("/sequence/service-info").json()
    own = client.get("/seqcol/service-info").json()
    assert own["type"] == {"group": "org.ga4gh", "artifact": "refget-seqcol", "version": "1.0.0"}
    assert own["seqcol"] == document["seqcol"]
    assert own["id"] != document["id"]


def test_the_registry_lists_the_service(client: Client) -> None:
    (entry,) = [row for row in client.get("/services").json() if row["type"]["artifact"] == "refget-seqcol"]
    assert entry["url"] == "http://testserver/seqcol"


def test_the_schema_is_valid_and_true(client: Client) -> None:
    schema: dict[str, Any] = client.get("/seqcol/service-info").json()["seqcol"]["schema"]
    jsonschema.Draft202012Validator.check_schema(schema)
    jsonschema.validate(LEVEL2, schema)
    with pytest.raises(jsonschema.ValidationError):
        jsonschema.validate({**LEVEL2, "lengths": ["8"]}, schema)
    assert schema["ga4gh"] == {
        "inherent": ["names", "sequences"],
        "transient": ["sorted_name_length_pairs"],
        "passthru": [],
    }
    collated = {name for name, property in schema["properties"].items() if property["collated"]}
    assert collated == {"lengths", "names", "sequences", "name_length_pairs"}
    assert schema["properties"].keys() == {*LEVEL2, "sorted_name_length_pairs"}


@pytest.mark.parametrize("root", ["", "/seqcol"])
def test_openapi(client: Client, root: str) -> None:
    document = client.get(f"{root}/openapi.json").json()
    openapi_spec_validator.validate(document)
    assert document["openapi"].startswith("3.1")
    assert document["servers"] == [{"url": f"http://testserver{root}"}]
