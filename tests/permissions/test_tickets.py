"""Every htsget endpoint × every role × visibility × method: the status, and that nothing leaks where nothing may.

Files and names in here are unmistakable, so that any of them in a refusal is found. What is not for somebody is asked
for only after somebody who may have it has warmed every cache.
"""

import base64
import json
import random
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any
from urllib.parse import urlencode, urlsplit

import pysam
import pytest
from django.contrib.auth.models import User
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from catalogue.formats.bgzf import EOF_MARKER
from catalogue.models import (
    DataFile,
    Dataset,
)
from tests.catalogue.made_access import make_grant
from tests.permissions.made_world import (
    EACH_REASON,
    FEW_ROLES,
    FULL,
    INSIDE,
    MD5,
    NOBODY,
    NOT_GRANTED,
    OUTCOMES,
    OUTSIDE,
    ROLES,
    World,
    assert_silent,
    last_event,
    placed,
    plain,
    urls_of,
)

pytestmark = pytest.mark.django_db


@dataclass(frozen=True, slots=True)
class Endpoint:
    """One thing to ask for, and what it comes to on a controlled dataset.

    The statuses are for readers of variants only, of headers only, of one region, and of everything.
    """

    path: str
    statuses: tuple[int, int, int, int]
    body: dict[str, Any] | None = None

    def expected(self, role: str, visibility: str) -> int:
        *limited, full = self.statuses
        if visibility == "public":
            return full
        if role in NOBODY:
            return 401
        if visibility == "registered":
            return 403 if role == "wrong scope" else full
        if role in NOT_GRANTED:
            return 403
        if role in FULL:
            return full
        return limited[("variants only", "headers only", "region-limited").index(role)]

    def ask(self, client: Client, headers: dict[str, str], method: str | None = None) -> Any:
        if method is not None:
            return client.generic(method, self.path, headers=headers)
        if self.body is None:
            return client.get(self.path, headers=headers)
        return client.post(self.path, json.dumps(self.body), content_type="application/json", headers=headers)


ENDPOINTS = {
    "whole": Endpoint("/reads/x", (403, 403, 200, 200)),
    "header": Endpoint("/reads/x?class=header", (403, 200, 200, 200)),
    "inside": Endpoint(f"/reads/x?{urlencode(INSIDE)}", (403, 403, 200, 200)),
    "straddling": Endpoint(f"/reads/x?{urlencode(placed('ctgSecretA', 1900, 2500))}", (403, 403, 200, 200)),
    "beside": Endpoint(f"/reads/x?{urlencode(placed('ctgSecretA', 2000, 2500))}", (403, 403, 403, 200)),
    "other contig": Endpoint(f"/reads/x?{urlencode(OUTSIDE)}", (403, 403, 403, 200)),
    "empty": Endpoint("/reads/x?referenceName=ctgSecretB&start=7&end=7", (403, 403, 200, 200)),
    "unplaced": Endpoint("/reads/x?referenceName=*", (403, 403, 403, 200)),
    "unknown contig": Endpoint("/reads/x?referenceName=nothing", (403, 403, 404, 404)),
    "unknown md5": Endpoint(f"/reads/x?referenceMD5={MD5}", (403, 403, 404, 404)),
    "beyond": Endpoint("/reads/x?referenceName=ctgSecretA&start=9999", (403, 403, 400, 400)),
    "cram": Endpoint("/reads/x?format=CRAM", (403, 403, 200, 200)),
    "cram inside": Endpoint(f"/reads/x?format=cram&{urlencode(INSIDE)}", (403, 403, 200, 200)),
    "cram header": Endpoint("/reads/x?format=CRAM&class=header", (403, 200, 200, 200)),
    "variants": Endpoint("/variants/x", (200, 403, 200, 200)),
    "variants header": Endpoint("/variants/x?class=header", (200, 200, 200, 200)),
    "variants inside": Endpoint(f"/variants/x?{urlencode(INSIDE)}", (200, 403, 200, 200)),
    "variants other contig": Endpoint(f"/variants/x?{urlencode(OUTSIDE)}", (200, 403, 403, 200)),
    "converted": Endpoint("/variants/x?format=BCF", (200, 403, 200, 200)),
    "converted outside": Endpoint(f"/variants/x?format=BCF&{urlencode(OUTSIDE)}", (200, 403, 403, 200)),
    "fields": Endpoint(f"/reads/x?fields=QNAME&{urlencode(INSIDE)}", (403, 403, 200, 200)),
    "fields outside": Endpoint(f"/reads/x?fields=QNAME&{urlencode(OUTSIDE)}", (403, 403, 403, 200)),
    "POST whole": Endpoint("/reads/x", (403, 403, 200, 200), {}),
    "POST header": Endpoint("/reads/x", (403, 200, 200, 200), {"class": "header"}),
    "POST inside": Endpoint("/reads/x", (403, 403, 200, 200), {"regions": [INSIDE]}),
    "POST outside": Endpoint("/reads/x", (403, 403, 403, 200), {"regions": [OUTSIDE]}),
    "POST both": Endpoint(
        "/reads/x", (403, 403, 200, 200), {"regions": [OUTSIDE, INSIDE, {"referenceName": "*"}]}
    ),
    "POST unplaced": Endpoint("/reads/x", (403, 403, 403, 200), {"regions": [{"referenceName": "*"}]}),
    "POST unknown": Endpoint("/reads/x", (403, 403, 404, 404), {"regions": [{"referenceName": "nothing"}]}),
    "POST variants": Endpoint("/variants/x", (200, 403, 200, 200), {"regions": [INSIDE]}),
}


@pytest.mark.parametrize("visibility", ["public", "registered", "controlled"])
def test_tickets(world: World, client: Client, visibility: str) -> None:
    Dataset.objects.filter(pk=world.dataset.pk).update(visibility=visibility)
    for name, endpoint in ENDPOINTS.items():
        assert endpoint.ask(client, world.headers("owner")).status_code == endpoint.statuses[-1], name
        for method, status in (("OPTIONS", 204), ("PUT", 405)):
            # They are answered before anybody is asked who they are.
            assert endpoint.ask(client, {}, method).status_code == status
        for role in ROLES if visibility == "controlled" else EACH_REASON:
            headers, expected = world.headers(role), endpoint.expected(role, visibility)
            response = endpoint.ask(client, headers)
            assert response.status_code == expected, (name, role, response.content)
            event = last_event()
            assert (event.kind, event.outcome) == ("ticket", OUTCOMES[expected]), (name, role)
            assert event.target == urlsplit(endpoint.path).path.strip("/")
            assert event.address == "127.0.0.1" and event.request_id
            if expected in {401, 403}:
                assert_silent(response)
            challenge = response.headers.get("WWW-Authenticate")
            bad = role in NOBODY and role != "anonymous"
            assert challenge == (
                None if expected != 401 else 'Bearer error="invalid_token"' if bad else "Bearer"
            )
            if endpoint.body is None and role in FEW_ROLES:
                head = endpoint.ask(client, headers, "HEAD")
                assert (head.status_code, head.content) == (expected, b""), (name, role)


def test_refusals_do_not_depend_on_what_is_asked(world: World, client: Client) -> None:
    """Contigs, ranges, formats and kinds that exist are refused in the same words as those that do not."""
    for role in (*NOBODY, *NOT_GRANTED):
        answers = {repr(plain(endpoint.ask(client, world.headers(role)))) for endpoint in ENDPOINTS.values()}
        assert len(answers) == 1, role


@pytest.mark.parametrize("visibility", ["registered", "controlled"])
def test_hidden_files_are_as_if_they_were_not(
    world: World, client: Client, settings: Any, visibility: str, django_assert_num_queries: Any
) -> None:
    Dataset.objects.filter(pk=world.dataset.pk).update(visibility=visibility)
    settings.HIDE_CONTROLLED = True
    for name, endpoint in ENDPOINTS.items():
        unknown = replace(endpoint, path=endpoint.path.replace("/x", "/y"))
        assert endpoint.ask(client, world.headers("owner")).status_code == endpoint.statuses[-1], name
        for role in ROLES if visibility == "controlled" else EACH_REASON:
            if endpoint.expected(role, visibility) not in {401, 403} or role in {
                "headers only",
                "region-limited",
            }:
                continue
            headers = world.headers(role)
            status, body, sent = plain(endpoint.ask(client, headers))
            assert last_event().outcome == "hidden"
            missing = plain(unknown.ask(client, headers))
            assert last_event().outcome == "not found"
            assert (status, body.replace(b"'x'", b"'y'"), sent) == missing, (name, role)
            assert status == 404
            if role in FEW_ROLES:
                with CaptureQueriesContext(connection) as asked:
                    endpoint.ask(client, headers)
                with django_assert_num_queries(len(asked)):
                    unknown.ask(client, headers)


def test_a_format_that_is_not_for_them_is_as_if_it_were_not_stored(
    world: World, client: Client, settings: Any
) -> None:
    user = User.objects.get(username="other")
    make_grant(world.dataset, user, files=[DataFile.objects.get(format="BAM")])
    headers = world.headers("other user")
    assert client.get("/reads/x", headers=headers).status_code == 200
    before = {}
    for settings.HIDE_CONTROLLED in (False, True):
        # What they get is made of the BAM, whose contigs have no known reference.
        answered = client.get("/reads/x?format=CRAM", headers=headers)
        assert (answered.status_code, answered.json()["htsget"]["error"]) == (400, "UnsupportedFormat")
        before[settings.HIDE_CONTROLLED] = plain(answered)
    DataFile.objects.filter(format="CRAM").delete()
    for settings.HIDE_CONTROLLED in (False, True):
        answered = client.get("/reads/x?format=CRAM", headers=headers)
        assert plain(answered) == before[settings.HIDE_CONTROLLED]


def joined(client: Client, path: str, headers: dict[str, str]) -> bytes:
    """The bytes behind a ticket, fetched as clients fetch them: without credentials."""
    pieces = []
    for url in urls_of(client, path, headers):
        if url.startswith("data:"):
            pieces.append(base64.b64decode(url.removeprefix("data:;base64,")))
        else:
            pieces.append(client.get(urlsplit(url).path).getvalue())
    return b"".join(pieces)


def reads_in(data: bytes, folder: Path) -> list[str]:
    path = folder / "joined.bam"
    path.write_bytes(data)
    with pysam.AlignmentFile(str(path), check_sq=False) as file:
        return [read.to_string() for read in file.fetch(until_eof=True)]


@pytest.mark.parametrize("inline", [0, 10**6])
@pytest.mark.parametrize("stored_as", ["bam", "cram"])
def test_region_limits_to_the_record(
    world: World,
    client: Client,
    stored: dict[str, Path],
    tmp_path: Path,
    settings: Any,
    inline: int,
    stored_as: str,
) -> None:
    """Random limits and queries over the whole way: what comes is what overlaps both, as pysam has it."""
    settings.HTSGET_INLINE_BYTES = inline
    rng, headers = random.Random(inline), world.headers("other user")
    user = User.objects.get(username="other")
    contigs = ("ctgSecretA", "ctgSecretB")
    DataFile.objects.exclude(format=stored_as.upper()).delete()
    with pysam.AlignmentFile(
        str(stored[stored_as]), reference_filename=str(stored["cram"].with_name("reference.fa"))
    ) as file:
        truth = [
            (read.reference_name, read.reference_start, read.reference_end, read.to_string())
            for read in file.fetch(until_eof=True)
        ]

    def span() -> tuple[str, int, int]:
        start = rng.randrange(5300)
        return rng.choice(contigs), start, start + rng.choice((1, 30, 400, 2000))

    for _ in range(25 if stored_as == "bam" else 8):
        limits = [span() for _ in range(rng.randint(1, 3))]
        grant = make_grant(world.dataset, user, regions=[*limits])
        for _ in range(3):
            whole = rng.random() < 0.3
            contig, start, end = (None, 0, 2**31) if whole else span()
            # As BAM, whatever it is stored as: the test reads it without a reference.
            path = "/reads/x" if whole else f"/reads/x?referenceName={contig}&start={start}&end={end}"
            common = [
                (name, max(begin, start), min(stop, end))
                for name, begin, stop in limits
                if contig in {None, name} and max(begin, start) < min(stop, end)
            ]
            wanted = [
                text
                for name, begin, stop, text in truth
                if any(
                    name == where and begin < after and before < (stop or 0)
                    for where, before, after in common
                )
            ]
            if not common:
                assert client.get(path, headers=headers).status_code == 403
            else:
                assert reads_in(joined(client, path, headers), tmp_path) == wanted, (limits, path)
        grant.delete()


def test_the_header_and_nothing_else(world: World, client: Client, tmp_path: Path) -> None:
    headers = world.headers("headers only")
    data = joined(client, "/reads/x?class=header", headers)
    assert data == joined(client, "/reads/x?class=header", world.headers("owner"))
    assert reads_in(data + EOF_MARKER, tmp_path) == []
