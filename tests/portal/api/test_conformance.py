"""What schemathesis asks of every operation of the whole site, with good and bad requests, with and without tokens."""

import random
from collections.abc import Iterator
from copy import deepcopy
from typing import Any
from urllib.parse import quote

import pytest
from django.contrib.auth.models import User
from django.core.signals import request_finished, request_started
from django.db import close_old_connections
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st
from schemathesis import GenerationMode
from schemathesis.core.failures import FailureGroup

from catalogue import api_tokens, jobs
from catalogue.formats.collections import digest_text
from portal.api.schema import openapi
from tests.annotation_app.made_annotation import make_world
from tests.catalogue.made_access import make_grant
from tests.portal.api.made_requests import CHECKS, generated
from tests.portal.api.made_stewards import MANAGING, READING, make_account
from tests.portal.conftest import Portal

ROLES = ("nobody", "reader", "steward", "administrator")


@pytest.fixture(autouse=True)
def one_connection() -> Iterator[None]:
    """Let requests leave the connection of the test's transaction open."""
    signals = (request_started, request_finished)
    for signal in signals:
        signal.disconnect(close_old_connections)
    yield
    for signal in signals:
        signal.connect(close_old_connections)


def test_answers_are_as_the_document_says(portal: Portal, settings: Any) -> None:
    settings.RATE_LIMIT_TICKETS = 0
    likely, good, bad = values(portal), GenerationMode.POSITIVE, GenerationMode.NEGATIVE
    faults = asked(credentials(portal, "administrator"), likely, {good: 1, bad: 1})
    assert not faults, "\n".join(faults)


def test_a_status_or_shape_that_is_not_in_the_document_is_found(portal: Portal) -> None:
    path, good = "/api/authorities/", {GenerationMode.POSITIVE: 3}
    for shape in ({"type": "array"}, None):
        document = {**openapi(), "paths": {path: deepcopy(openapi()["paths"][path])}}
        responses = document["paths"][path]["get"]["responses"]
        if shape is None:
            del responses["200"]
        else:
            responses["200"]["content"]["application/json"]["schema"] = shape
        assert asked({}, {}, good, document=document)


@pytest.mark.long
@pytest.mark.parametrize("role", ROLES)
def test_many_answers_are_as_the_document_says(portal: Portal, settings: Any, role: str) -> None:
    settings.RATE_LIMIT_TICKETS = 0
    examples = dict.fromkeys(GenerationMode, 100)
    faults = asked(credentials(portal, role), values(portal), examples)
    assert not faults, "\n".join(faults)


def asked(
    headers: dict[str, str],
    likely: dict[str, list[Any]],
    examples: dict[GenerationMode, int],
    *,
    document: Any = None,
) -> list[str]:
    """What is wrong with the answers to good and bad requests of every operation."""
    faults: list[str] = []
    for result in generated(document or openapi()).get_all_operations():
        operation = result.ok()
        for mode, count in examples.items():
            if mode is GenerationMode.POSITIVE or can_be_bad(operation):
                ask_each(operation, mode, count, headers, likely, faults)
    return faults


def can_be_bad(operation: Any) -> bool:
    """Whether a request can be bad: in a path every text is good, unless only some are."""
    parameters = operation.iter_parameters()
    return bool([*operation.body]) or any(
        each.location != "path" or "enum" in each.definition["schema"] for each in parameters
    )


def ask_each(
    operation: Any,
    mode: GenerationMode,
    examples: int,
    headers: dict[str, str],
    likely: dict[str, list[Any]],
    faults: list[str],
) -> None:
    @settings(
        max_examples=examples, derandomize=True, database=None, deadline=None, phases=[Phase.generate],
        suppress_health_check=list(HealthCheck),
    )  # fmt: skip
    @given(case=operation.as_strategy(generation_mode=mode), seed=st.integers(0, 2**32))
    def ask(case: Any, seed: int) -> None:
        improve(case, random.Random(seed), likely)
        try:
            case.call_and_validate(checks=CHECKS, headers=headers)
        except FailureGroup as fault:
            faults.append(f"{operation.label}: {case.as_curl_command()}: {[*fault.exceptions]} {fault}")

    ask()


def improve(case: Any, chance: random.Random, likely: dict[str, list[Any]]) -> None:
    """Put values that name something in the place of most of those that name nothing."""
    places: list[Any] = [case.path_parameters, case.query, case.body if isinstance(case.body, dict) else None]
    for parameters in places:
        for name in parameters or ():
            if name in likely and chance.random() < 0.7:
                parameters[name] = chance.choice(likely[name])
    for name, value in (case.path_parameters or {}).items():
        if not isinstance(value, str):
            # Schemathesis quotes only text; a list or an object may hold a question mark.
            case.path_parameters[name] = quote(str(value), safe="")
    if case.method in {"PATCH", "DELETE"} and chance.random() < 0.7:
        case.headers["If-Match"] = "*"


def credentials(portal: Portal, role: str) -> dict[str, str]:
    if role == "nobody":
        return {}
    scopes: tuple[str, ...] = MANAGING
    if role == "reader":
        user, scopes = portal.reader, READING
    elif role == "steward":
        user = make_account("stella", portal.closed, role="owner", group="steward")
    else:
        user = make_account("boss", group="catalogue administrator")
    return {"Authorization": f"Bearer {api_tokens.issue(user=user, name='n', scopes=scopes)[1]}"}


def values(portal: Portal) -> dict[str, list[Any]]:
    """What there is, by the names of parameters."""
    make_world()
    run = jobs.start("verify_files", {"files": [portal.hidden.pk]}, account=portal.reader.pk)
    grant = make_grant(portal.closed, User.objects.create_user("grantee"))
    member = portal.collection.members.first()
    assert member is not None
    files, digest, collection = [portal.reads.pk, portal.hidden.pk], str(member.sequence), ["lab-1.0"]
    content = portal.collection.content
    assert content is not None
    collections = [*collection, digest_text(bytes(content.digest))]
    return {
        "slug": ["open", "closed"],
        "dataset": ["open", "closed"],
        "collection": collection,
        "number": [*files, run.pk, grant.pk],
        "file": files,
        "run": [run.pk],
        "user": ["ada", "eve"],
        "id": ["run/one", "calls", "secret/one"],
        "identifier": [digest, "lab:chrA", "chrB"],
        "digest": [*collections, digest],
        "a": collections,
        "b": collections,
        "genome_id": ["made"],
        "reference": collection,
        "role": ["reader", "owner"],
        "limit": [1, 2],
        "sequence": [digest, "lab:chrA"],
        "sample": ["s"],
        "referenceName": ["chrA"],
        "manifest": ["path,id\nfiles:a.bam,a\n", "path\n", "{}\n"],
        "title": ["x"],
        "visibility": ["public", "controlled"],
    }
