"""Every endpoint × every role × visibility × method: the status, and that nothing leaks where nothing may.

Files and names in here are unmistakable, so that any of them in a refusal is found. What is not for somebody is asked
for only after somebody who may have it has warmed every cache.
"""

import base64
import json
import random
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from datetime import timedelta
from pathlib import Path
from typing import Any
from urllib.parse import urlencode, urlsplit

import pysam
import pytest
from django.contrib.auth.models import Group, User
from django.core.handlers.wsgi import WSGIHandler
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from catalogue import api_tokens, queries
from catalogue.formats.bgzf import EOF_MARKER
from catalogue.formats.digests import sequence_digests
from catalogue.models import (
    ApiToken,
    AuditEvent,
    CollectionMember,
    DataFile,
    Dataset,
    Sequence,
    SequenceCollection,
)
from catalogue.queries.contigs import forget_files
from catalogue.rate_limits import Rate
from htsgetsite.authentication import jwt_tokens, keys
from htsgetsite.authentication.issuers import Issuer, VisaIssuer
from refget_app.fast_path import RefgetFastPath
from tests.catalogue.made_access import VISA, make_grant, make_user
from tests.catalogue.made_rows import make_sequence
from tests.htsget_app.made_data import make_data_file, write_bam, write_vcf
from tests.made_crams import make_cram, make_reference
from tests.made_issuer import AUDIENCE, MadeIssuer, made_issuer
from tests.refget_app.made_sequences import ask

pytestmark = pytest.mark.django_db

VISA_VALUE = "https://dataset.example.org/secret"
RESIDUES = b"GATTACASECRET" * 40
#: What no refusal may hold.
SECRETS = (
    b"ctgSecret",
    b"SECRET",
    b"GATTACA",
    b"sampleSecret",
    b"anna",
    b"5432",
    b"files/",
    b"secretdataset",
)
ROLES = (
    "anonymous", "garbage", "expired token", "revoked token", "closed account", "wrong scope", "other user",
    "administrator", "expired grant", "other dataset", "variants only", "headers only", "region-limited",
    "granted user", "group member", "visa holder", "untrusted visa", "steward", "owner",
)  # fmt: skip


#: What is said to whoever shows no credentials that are good, and to whoever is not permitted anything.
NOBODY = ("anonymous", "garbage", "expired token", "revoked token", "closed account")
NOT_GRANTED = (
    "wrong scope",
    "other user",
    "administrator",
    "expired grant",
    "other dataset",
    "untrusted visa",
)
FULL = ("granted user", "group member", "visa holder", "steward", "owner")


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


def placed(contig: str, start: int, end: int) -> dict[str, Any]:
    return {"referenceName": contig, "start": start, "end": end}


INSIDE, OUTSIDE = placed("ctgSecretA", 1200, 1500), placed("ctgSecretB", 1200, 1500)
MD5 = "0123456789abcdef0123456789abcdef"

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
    "cram": Endpoint("/reads/x?format=CRAM", (403, 403, 403, 200)),
    "cram inside": Endpoint(f"/reads/x?format=cram&{urlencode(INSIDE)}", (403, 403, 403, 200)),
    "cram header": Endpoint("/reads/x?format=CRAM&class=header", (403, 200, 200, 200)),
    "variants": Endpoint("/variants/x", (200, 403, 200, 200)),
    "variants header": Endpoint("/variants/x?class=header", (200, 200, 200, 200)),
    "variants inside": Endpoint(f"/variants/x?{urlencode(INSIDE)}", (200, 403, 200, 200)),
    "variants other contig": Endpoint(f"/variants/x?{urlencode(OUTSIDE)}", (200, 403, 403, 200)),
    "not stored": Endpoint("/variants/x?format=BCF", (400, 400, 400, 400)),
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


@dataclass
class World:
    """The site as the tests find it: two files of reads and one of variants, and everybody's credentials."""

    dataset: Dataset
    credentials: dict[str, str | None]
    issuer: MadeIssuer

    def headers(self, role: str) -> dict[str, str]:
        token = self.credentials[role]
        return {} if token is None else {"Authorization": f"Bearer {token}"}


@pytest.fixture(scope="module")
def stored(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    folder = tmp_path_factory.mktemp("secret")
    contigs = [("ctgSecretA", 5432, None), ("ctgSecretB", 5432, None)]
    reads = [(contig, start, 100) for contig in (0, 1) for start in range(0, 5300, 20)]
    variants = [(contig, start) for contig in (0, 1) for start in range(0, 5300, 50)]
    reference = make_reference(folder, contigs={"ctgSecretA": 5432, "ctgSecretB": 5432})
    header = "@HD\tVN:1.6\tSO:coordinate\n@RG\tID:1\tSM:sampleSecret\n"
    header += "@SQ\tSN:ctgSecretA\tLN:5432\n@SQ\tSN:ctgSecretB\tLN:5432\n"
    lines = [
        f"r{contig}.{start}\t0\tctgSecret{contig}\t{start + 1}\t60\t50M\t*\t0\t0\t{'ACGTA' * 10}\t{'F' * 50}"
        for contig in "AB"
        for start in range(0, 5300, 20)
    ]
    return {
        "bam": write_bam(folder / "x.bam", contigs=contigs, reads=reads, unplaced=5, payload=400),
        "cram": make_cram(
            folder, reference=reference, sam=(header, lines), options=("seqs_per_slice=40",)
        ).path,
        "vcf": write_vcf(
            folder / "x.vcf.gz", contigs=[("ctgSecretA", 5432), ("ctgSecretB", 5432)], records=variants
        ),
    }


@pytest.fixture
def world(stored: dict[str, Path], settings: Any) -> Iterator[World]:
    keys.forget_keys()
    jwt_tokens.forget_tokens()
    forget_files()
    settings.HTSGET_INLINE_BYTES = 0
    dataset = Dataset.objects.create(slug="secretdataset", visibility="controlled")
    for path in stored.values():
        make_data_file(path, "x", dataset=dataset)
    other = Dataset.objects.create(slug="otherdataset", visibility="controlled")
    with made_issuer() as issuer, made_issuer() as stranger:
        settings.OIDC_ISSUERS = {issuer.url: Issuer(url=issuer.url, audiences=(AUDIENCE,))}
        settings.VISA_ISSUERS = {issuer.url: VisaIssuer(url=issuer.url, key_urls=(issuer.jwks_url,))}
        yield World(dataset, dict(everybody(dataset, other, issuer, stranger)), issuer)
        assert stranger.asked == {}


def everybody(
    dataset: Dataset, other: Dataset, issuer: MadeIssuer, stranger: MadeIssuer
) -> Iterator[tuple[str, str | None]]:
    """Each role with its token."""

    def account(
        name: str, *groups: Group, scopes: tuple[str, ...] = ("reads", "variants", "sequences"), **grant: Any
    ) -> str:
        what = grant.pop("what", dataset)
        user = make_user(name, *groups)
        if grant.pop("granted", True):
            make_grant(what, user, **grant)
        return api_tokens.made(user=user, name="n", scopes=scopes)[1]

    yield "anonymous", None
    yield "garbage", "abc"
    yield "expired token", account("expired")
    ApiToken.objects.filter(user__username="expired").update(
        created=timezone.now() - timedelta(days=2), expires=timezone.now() - timedelta(days=1)
    )
    yield "revoked token", account("revoked")
    ApiToken.objects.filter(user__username="revoked").update(revoked=timezone.now())
    yield "closed account", account("closed")
    User.objects.filter(username="closed").update(is_active=False)
    yield "wrong scope", account("scope", scopes=("sequences",))
    yield "other user", account("other", granted=False)
    root = make_user("root", is_staff=True, is_superuser=True)
    yield "administrator", api_tokens.made(user=root, name="n", scopes=["reads", "variants"])[1]
    yield "expired grant", account("late", expired=True)
    yield "other dataset", account("elsewhere", what=other)
    yield "variants only", account("variants", kinds=["variants"])
    yield "headers only", account("headers", header_only=True)
    yield "region-limited", account("regions", regions=[("ctgSecretA", 1000, 2000)])
    yield "granted user", account("granted")
    group = Group.objects.create(name="readers")
    make_grant(dataset, group)
    yield "group member", account("member", group, granted=False)
    make_grant(dataset, replace(VISA, value=VISA_VALUE))
    yield "visa holder", issuer.token(sub="v", ga4gh_passport_v1=[issuer.visa(VISA_VALUE)])
    yield "untrusted visa", issuer.token(sub="w", ga4gh_passport_v1=[stranger.visa(VISA_VALUE)])
    yield "steward", account("steward", role="steward")
    yield "owner", account("owner", role="owner")


def plain(response: Any) -> tuple[int, bytes, dict[str, str]]:
    """What a client sees, without the id that each failed request has of its own."""
    headers = {name: value for name, value in response.headers.items() if name != "X-Request-ID"}
    return response.status_code, response.content, headers


def assert_silent(response: Any) -> None:
    """A refusal tells nothing of what it refuses."""
    _, content, headers = plain(response)
    said = content + repr(headers).encode()
    for secret in SECRETS:
        assert secret not in said, (secret, said)
    assert set(json.loads(response.content)["htsget"]) == {"error", "message"}
    assert response.headers["Cache-Control"] == "no-store"


def last_event() -> AuditEvent:
    return AuditEvent.objects.order_by("-id")[0]


OUTCOMES = {200: "done", 400: "invalid", 401: "unauthenticated", 403: "refused", 404: "not found"}


@pytest.mark.parametrize("visibility", ["public", "registered", "controlled"])
def test_tickets(world: World, client: Client, visibility: str) -> None:
    Dataset.objects.filter(pk=world.dataset.pk).update(visibility=visibility)
    for name, endpoint in ENDPOINTS.items():
        assert endpoint.ask(client, world.headers("owner")).status_code == endpoint.statuses[-1], name
        for role in ROLES:
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
            if endpoint.body is None:
                head = endpoint.ask(client, headers, "HEAD")
                assert (head.status_code, head.content) == (expected, b""), (name, role)
            assert endpoint.ask(client, headers, "OPTIONS").status_code == 204
            assert endpoint.ask(client, headers, "PUT").status_code == 405


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
        for role in ROLES:
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
            if role in {"anonymous", "other user", "granted user"}:
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
    assert client.get("/reads/x?format=CRAM", headers=headers).status_code == 403
    settings.HIDE_CONTROLLED = True
    hidden = client.get("/reads/x?format=CRAM", headers=headers)
    assert (hidden.status_code, json.loads(hidden.content)["htsget"]["error"]) == (400, "UnsupportedFormat")
    DataFile.objects.filter(format="CRAM").delete()
    assert plain(client.get("/reads/x?format=CRAM", headers=headers)) == plain(hidden)


# --- What tickets hold --------------------------------------------------------------------------------------------


def urls_of(client: Client, path: str, headers: dict[str, str]) -> list[str]:
    response = client.get(path, headers=headers)
    assert response.status_code == 200, response.content
    return [url["url"] for url in json.loads(response.content)["htsget"]["urls"]]


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
def test_region_limits_to_the_record(
    world: World, client: Client, stored: dict[str, Path], tmp_path: Path, settings: Any, inline: int
) -> None:
    """Random limits and queries over the whole way: what comes is what overlaps both, as pysam has it."""
    settings.HTSGET_INLINE_BYTES = inline
    rng, headers = random.Random(inline), world.headers("other user")
    user = User.objects.get(username="other")
    contigs = ("ctgSecretA", "ctgSecretB")
    with pysam.AlignmentFile(str(stored["bam"])) as file:
        truth = [
            (read.reference_name, read.reference_start, read.reference_end, read.to_string())
            for read in file.fetch(until_eof=True)
        ]

    def span() -> tuple[str, int, int]:
        start = rng.randrange(5300)
        return rng.choice(contigs), start, start + rng.choice((1, 30, 400, 2000))

    for _ in range(25):
        limits = [span() for _ in range(rng.randint(1, 3))]
        grant = make_grant(world.dataset, user, regions=[*limits])
        for _ in range(3):
            whole = rng.random() < 0.3
            contig, start, end = (None, 0, 2**31) if whole else span()
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


# --- Data URLs ----------------------------------------------------------------------------------------------------


def test_a_data_url_opens_by_itself_and_for_nobody_else(world: World, client: Client) -> None:
    path = urlsplit(urls_of(client, "/reads/x", world.headers("granted user"))[-1]).path
    content = client.get(path).getvalue()
    assert len(content) > 1000
    event = last_event()
    assert (event.kind, event.outcome, event.dataset, event.target) == (
        "delivery",
        "done",
        "secretdataset",
        "reads/x",
    )
    assert event.account == User.objects.get(username="granted").pk
    for role in ROLES:
        response = client.get(path, headers=world.headers(role))
        # Bad credentials are no credentials, which is how data URLs are asked for.
        allowed = role in {*NOBODY, "granted user"}
        assert response.status_code == (200 if allowed else 403), role
        assert last_event().outcome == ("done" if allowed else "refused")
        if not allowed:
            assert_silent(response)
        head = client.head(path, headers=world.headers(role))
        assert head.status_code == (200 if allowed else 403)
        part = client.get(path, headers={**world.headers(role), "Range": "bytes=10-19"})
        assert part.status_code == (206 if allowed else 403)
        assert (part.getvalue() == content[10:20]) is allowed
    assert client.post(path).status_code == 405
    assert client.options(path).status_code == 204


def revocations(world: World) -> dict[str, Callable[[], Any]]:
    """Ways in which what the granted user was given comes to an end."""
    user = User.objects.get(username="granted")
    return {
        "grant removed": lambda: user.grants.all().delete(),
        "grant expired": lambda: user.grants.update(expires=timezone.now() - timedelta(seconds=1)),
        "grant narrowed": lambda: user.grants.update(header_only=True),
        "token revoked": lambda: user.api_tokens.update(revoked=timezone.now()),
        "account closed": lambda: User.objects.filter(pk=user.pk).update(is_active=False),
        "account removed": lambda: user.delete(),
        "file moved": lambda: DataFile.objects.update(dataset=Dataset.objects.get(slug="otherdataset")),
        "file removed": lambda: DataFile.objects.all().delete(),
    }


@pytest.mark.parametrize(
    "name",
    [
        "grant removed",
        "grant expired",
        "grant narrowed",
        "token revoked",
        "account closed",
        "account removed",
        "file moved",
        "file removed",
    ],
)
def test_what_is_revoked_stops_tickets_and_data_at_once(world: World, client: Client, name: str) -> None:
    headers = world.headers("granted user")
    paths = [urlsplit(url).path for url in urls_of(client, "/reads/x", headers) if "/data/" in url]
    assert all(client.get(path).status_code == 200 for path in paths)

    revocations(world)[name]()

    assert client.get("/reads/x", headers=headers).status_code in {401, 403, 404}
    for path in paths:
        refused = client.get(path)
        assert refused.status_code == 403
        assert_silent(refused)
        assert (last_event().kind, last_event().outcome) == ("delivery", "refused")


def test_how_long_data_urls_may_go_on_is_a_setting(
    world: World, client: Client, settings: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings.DATA_RECHECK_SECONDS = 60
    now = time.monotonic()
    monkeypatch.setattr("catalogue.access.time.monotonic", lambda: now)
    headers = world.headers("granted user")
    path = next(urlsplit(url).path for url in urls_of(client, "/reads/x", headers) if "/data/" in url)
    assert client.get(path).status_code == 200
    User.objects.get(username="granted").grants.all().delete()
    assert client.get("/reads/x", headers=headers).status_code == 403
    now += 59
    assert client.get(path).status_code == 200
    now += 2
    assert client.get(path).status_code == 403


def test_a_data_url_lasts_no_longer_than_what_it_rests_on(
    world: World, client: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Nor than the credentials that were shown for it: a passport's visas end with the passport."""
    user = User.objects.get(username="granted")
    user.grants.update(expires=timezone.now() + timedelta(seconds=100))
    visa = world.issuer.visa(VISA_VALUE)
    token = world.issuer.token(sub="v", exp=int(time.time()) + 100, ga4gh_passport_v1=[visa])
    soon = {"Authorization": f"Bearer {token}"}
    for headers in (world.headers("granted user"), soon):
        path = next(urlsplit(url).path for url in urls_of(client, "/reads/x", headers) if "/data/" in url)
        assert client.get(path).status_code == 200
        later = time.time() + 101
        with monkeypatch.context() as patched:
            patched.setattr("htsget_app.delivery.tokens.time.time", lambda later=later: later)
            assert client.get(path).status_code == 403


def test_tokens_of_one_kind_are_not_of_another(world: World, client: Client) -> None:
    """A data token is no bearer token, and a bearer token no data URL."""
    headers = world.headers("granted user")
    path = next(urlsplit(url).path for url in urls_of(client, "/reads/x", headers) if "/data/" in url)
    token = path.removeprefix("/data/")
    assert client.get("/reads/x", headers={"Authorization": f"Bearer {token}"}).status_code == 401
    bearer = headers["Authorization"].removeprefix("Bearer ")
    assert client.get(f"/data/{bearer}").status_code == 403


def test_altered_data_urls_are_refused_and_counted(world: World, client: Client, settings: Any) -> None:
    path = next(
        urlsplit(url).path
        for url in urls_of(client, "/reads/x", world.headers("granted user"))
        if "/data/" in url
    )
    token = path.removeprefix("/data/")
    rng = random.Random(4)
    for _ in range(200):
        at = rng.randrange(len(token))
        other = rng.choice("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_=")
        altered = token[:at] + other + token[at + 1 :]
        if altered != token:
            refused = client.get(f"/data/{altered}")
            assert refused.status_code == 403
            assert_silent(refused)
            assert altered not in repr(AuditEvent.objects.order_by("-id").values()[0])
    for shorter in (token[:76], token[:-16], token[:-4], token + token, ""):
        assert client.get(f"/data/{shorter}").status_code in {403, 404}
    settings.THROTTLE_FAILURES = Rate(2, 3600)
    assert [client.get("/data/x").status_code for _ in range(4)] == [403, 403, 429, 429]
    waiting = client.get("/data/x")
    assert 0 < int(waiting.headers["Retry-After"]) <= 3600
    assert client.get(path).status_code == 200


def test_cookies_open_nothing(world: World, client: Client) -> None:
    """A session is for pages: with one that may everything, the protocols see nobody."""
    client.force_login(User.objects.get(username="granted"))
    assert client.get("/reads/x").status_code == 401


def test_tokens_in_queries_open_nothing(world: World, client: Client) -> None:
    token = world.headers("granted user")["Authorization"].removeprefix("Bearer ")
    for name in ("access_token", "token", "authorization", "bearer"):
        assert client.get(f"/reads/x?{name}={token}").status_code == 401


# --- Private sequences --------------------------------------------------------------------------------------------


@pytest.fixture
def private(world: World) -> Sequence:
    """A sequence in a private collection, for the roles that have everything of the dataset."""
    row = make_sequence(RESIDUES, "insdc:SECRETNAME.1")
    collection = SequenceCollection.objects.create(name="secretcollection", visibility="private")
    CollectionMember.objects.create(collection=collection, position=0, name="SECRETNAME", sequence=row)
    for name in ("granted", "scope"):
        make_grant(collection, User.objects.get(username=name))
    make_grant(collection, Group.objects.get())
    make_grant(collection, replace(VISA, value=VISA_VALUE))
    for role in ("steward", "owner"):
        make_grant(collection, User.objects.get(username=role), role=role)
    queries.forget_sequences()
    return row


def sequence_paths(row: Sequence) -> list[str]:
    digests = sequence_digests(RESIDUES)
    ids = [
        digests.md5_hex,
        f"md5:{digests.md5_hex.upper()}",
        digests.trunc512,
        f"ga4gh:{digests.sq}",
        "insdc:SECRETNAME.1",
    ]
    paths = [f"/sequence/{name}" for name in ids] + [f"/sequence/{name}/metadata" for name in ids[::4]]
    return [
        *paths,
        f"/md5/{digests.md5_hex}",
        f"/sequence/{ids[0]}?start=5&end=9",
        f"/sequence/{ids[0]}?start=99999",
    ]


@pytest.mark.parametrize("hidden", [False, True])
def test_private_sequences(
    world: World, private: Sequence, client: Client, settings: Any, hidden: bool
) -> None:
    settings.HIDE_CONTROLLED = hidden
    door = RefgetFastPath(WSGIHandler())
    allowed = {*FULL, "wrong scope"}  # whose scope is sequences
    for path in sequence_paths(private):
        unknown = path.replace("SECRETNAME", "NOTHING").replace(sequence_digests(RESIDUES).md5_hex, MD5)
        assert client.get(path, headers=world.headers("owner")).status_code in {200, 400}
        assert queries.known_sequence(path.split("/")[2].partition("?")[0]) is None
        for role in ROLES:
            headers = world.headers(role)
            response = client.get(path, headers=headers)
            through_door = ask(door, path, headers=headers)
            assert through_door.code == response.status_code
            status = 200 if role in allowed else 404 if hidden else 401 if role in NOBODY else 403
            if path.endswith("99999") and role in allowed:
                status = 400
            assert response.status_code == status, (path, role)
            event = last_event()
            if role in allowed:
                assert (event.kind, event.outcome) == ("sequence", "done")
                assert "no-store" in response.headers["Cache-Control"]
                continue
            assert event.kind == "sequence" and event.outcome == ("hidden" if hidden else OUTCOMES[status])
            for said in (response.content, through_door.body, repr(through_door.headers).encode()):
                for secret in (b"GATTACA", b"secretcollection", b"520"):
                    assert secret not in said
            assert ("WWW-Authenticate" in response.headers) is (status == 401)
            assert client.head(path, headers=headers).status_code == status
            assert client.head(path, headers=headers).content == b""
            if hidden and unknown != path:
                same = client.get(unknown, headers=headers)
                assert (same.status_code, dict(same.headers) | {"Content-Length": ""}) == (
                    status, dict(response.headers) | {"Content-Length": ""},
                )  # fmt: skip


def test_a_public_collection_makes_its_sequences_public(private: Sequence, client: Client) -> None:
    both = SequenceCollection.objects.create(name="open")
    CollectionMember.objects.create(collection=both, position=0, name="a", sequence=private)
    path = f"/sequence/{sequence_digests(RESIDUES).md5_hex}"
    assert client.get(path).content == RESIDUES
    assert queries.known_sequence(path.rpartition("/")[2]) is not None
    assert not AuditEvent.objects.filter(kind="sequence").exists()


def test_a_name_of_a_private_and_a_public_sequence(world: World, private: Sequence, client: Client) -> None:
    """Whoever may have only one of them is not told that there are two."""
    other = make_sequence(b"ACGT" * 10, "insdc:SECRETNAME.1")
    for role in ROLES:
        response = client.get("/sequence/insdc:SECRETNAME.1", headers=world.headers(role))
        if role in {*FULL, "wrong scope"}:
            assert response.status_code == 300
        else:
            assert (response.status_code, response.content) == (200, b"ACGT" * 10)
    other.delete()


# --- What is for everybody ----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "path",
    [
        "/reads/service-info",
        "/variants/service-info",
        "/service-info",
        "/sequence/service-info",
        "/services",
        "/healthz",
        "/",
    ],
)
def test_what_tells_of_the_site_is_for_everybody(world: World, client: Client, path: str) -> None:
    for role in ROLES:
        response = client.get(path, headers=world.headers(role))
        assert response.status_code == 200
        for secret in SECRETS:
            assert secret not in response.content


def test_the_admin_is_for_staff(world: World, client: Client) -> None:
    for role in ROLES:
        response = client.get("/admin/catalogue/dataset/", headers=world.headers(role))
        assert response.status_code == 302 and "login" in response.headers["Location"], (
            "a bearer token is no session"
        )
    client.force_login(User.objects.get(username="granted"))
    assert client.get("/admin/catalogue/dataset/").status_code == 302


def test_an_issuer_that_is_away_is_not_the_viewers_fault(world: World, client: Client) -> None:
    world.issuer.status = 500
    keys.forget_keys()
    jwt_tokens.forget_tokens()
    response = client.get("/reads/x", headers=world.headers("visa holder"))
    assert response.status_code == 503 and "Retry-After" in response.headers
    Dataset.objects.update(visibility="public")
    assert client.get("/reads/x", headers=world.headers("visa holder")).status_code == 200


def test_throttles(world: World, client: Client, settings: Any) -> None:
    settings.THROTTLE_TICKETS_ADDRESS, settings.THROTTLE_TICKETS_USER = Rate(2, 3600), Rate(3, 3600)
    anonymous = [client.get("/reads/x").status_code for _ in range(4)]
    assert anonymous == [401, 401, 429, 429]
    headers = world.headers("granted user")
    assert [client.get("/reads/x", headers=headers).status_code for _ in range(5)] == [
        200,
        200,
        200,
        429,
        429,
    ]
    waiting = client.get("/reads/x", headers=headers)
    assert 0 < int(waiting.headers["Retry-After"]) <= 3600
    assert json.loads(waiting.content)["htsget"]["error"] == "TooManyRequests"
    # Others, and another address, are not kept waiting.
    assert client.get("/reads/x", headers=world.headers("owner")).status_code == 200
    assert client.get("/reads/x", REMOTE_ADDR="192.0.2.7").status_code == 401


def test_a_cap_on_regions_and_on_headers(world: World, client: Client, settings: Any) -> None:
    settings.HTSGET_MAX_REGIONS = 3
    for count, status in ((3, 200), (4, 413)):
        body = json.dumps({"regions": [INSIDE] * count})
        headers = world.headers("owner")
        assert (
            client.post("/reads/x", body, content_type="application/json", headers=headers).status_code
            == status
        )
    settings.MAX_HEADER_BYTES = 4096
    assert client.get("/reads/x", headers={"X-Long": "a" * 5000}).status_code == 431
