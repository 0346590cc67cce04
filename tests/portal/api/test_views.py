"""The lists of the catalogue: what each role finds, pages, orders, filters, refusals, and the number of queries."""

import json
from typing import Any

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from catalogue import api_tokens
from catalogue.formats.digests import sequence_digests
from catalogue.models import Dataset, IngestRun
from portal.api.protocol import PROTOCOL
from portal.api.resources import RESOURCES
from tests.annotation_app.made_annotation import make_genome
from tests.catalogue.made_access import make_grant, make_user
from tests.catalogue.made_collections import make_collection
from tests.portal.conftest import Portal

SCOPES = ["reads", "variants", "sequences"]
LISTS = ["datasets", "files", "samples", "sequences", "aliases", "authorities", "collections", "genomes"]


def bearer(user: Any, scopes: list[str] = SCOPES) -> dict[str, str]:
    return {"Authorization": f"Bearer {api_tokens.issue(user=user, name='n', scopes=scopes)[1]}"}


def got(client: Client, path: str, headers: dict[str, str] | None = None, status: int = 200) -> Any:
    response = client.get(path, headers=headers or {})
    assert response.status_code == status, (path, response.content)
    assert response.headers["Cache-Control"] in {"no-store", "private, no-store"}
    content = json.loads(response.content)
    if status >= 400:
        assert response.headers["Content-Type"] == "application/problem+json"
        assert content["status"] == status and content["detail"]
    return content


def everything(
    client: Client, path: str, headers: dict[str, str] | None = None, *, limit: int = 1
) -> list[Any]:
    """All rows of a list, by its cursors."""
    rows, cursor = [], ""
    sign = "&" if "?" in path else "?"
    while True:
        page = got(client, f"{path}{sign}limit={limit}" + (f"&cursor={cursor}" if cursor else ""), headers)
        rows += page["results"]
        if page["next"] is None:
            return rows
        assert len(page["results"]) == limit
        cursor = page["next"]


def test_each_role_finds_what_it_may_know_of(portal: Portal, client: Client) -> None:
    make_collection("hidden", {"SECRETA": b"GATTACASECRET" * 10}, private=True)
    hidden = portal.hidden.pk
    roles = {"nobody": {}, "stranger": bearer(portal.stranger), "reader": bearer(portal.reader)}
    roles["wrong scope"] = bearer(portal.reader, ["sequences"])
    for role, headers in roles.items():
        may = role == "reader"
        slugs = [row["slug"] for row in everything(client, "/api/datasets/", headers)]
        assert slugs == (["closed", "open"] if may else ["open"]), role
        ids = {row["id"] for row in everything(client, "/api/files/", headers)}
        assert ("secret/one" in ids) is may and len(ids) == 3 + may
        for path in (f"/api/files/{hidden}", "/api/datasets/closed", f"/api/contigs/?file={hidden}"):
            got(client, path, headers, 200 if may else 404)
        for path in ("/api/files/?dataset=closed", "/api/files/?q=secret", "/api/files/?id=secret*"):
            assert len(got(client, path, headers)["results"]) == may
        for name in LISTS:
            text = json.dumps(everything(client, f"/api/{name}/", headers, limit=100))
            assert "SECRET" not in text
            assert may or "secret/one" not in text


def test_cookies_are_no_credentials(portal: Portal, client: Client) -> None:
    client.force_login(portal.reader)
    assert [row["slug"] for row in got(client, "/api/datasets/")["results"]] == ["open"]


def test_credentials_that_are_not_good(portal: Portal, client: Client) -> None:
    for name in ("datasets", "runs"):
        response = client.get(f"/api/{name}/", headers={"Authorization": "Bearer x"})
        assert response.status_code == 401 and "invalid_token" in response.headers["WWW-Authenticate"]


def test_runs_are_for_accounts(portal: Portal, client: Client) -> None:
    run = IngestRun.objects.create(
        command="ingest_bam", actor="ada", account=portal.reader, arguments={"dataset": "closed"},
        outcome="succeeded", finished=timezone.now(),
    )  # fmt: skip
    got(client, "/api/runs/", status=401)
    got(client, "/api/runs/", bearer(portal.reader, ["reads"]), 403)
    (found,) = got(client, "/api/runs/?outcome=succeeded", bearer(portal.reader))["results"]
    assert (found["number"], found["target"], found["title"]) == (run.pk, "closed", "Register reads")
    assert got(client, "/api/runs/", bearer(portal.stranger))["results"] == []
    got(client, f"/api/runs/{run.pk}", bearer(portal.stranger), 404)
    assert got(client, f"/api/runs/{run.pk}", bearer(portal.reader))["outcome"] == "succeeded"


def test_every_order_has_every_row_once(portal: Portal, client: Client) -> None:
    for number in range(3):
        Dataset.objects.create(slug=f"d{number}", visibility="public")
    for resource in RESOURCES:
        if resource.accounts or resource.stewards or resource.name in {"contigs", "genomes"}:
            continue
        for order in resource.orders:
            path = f"/api/{resource.name}/?order={order}"
            one_by_one = everything(client, path)
            assert one_by_one == everything(client, path, limit=1000), path
            unique = {json.dumps(row) for row in one_by_one}
            assert len(unique) == len(one_by_one) > 0, path
            if order.startswith("-"):
                assert one_by_one[::-1] == everything(client, path.replace("=-", "=")), path


def test_contigs_and_filters(portal: Portal, client: Client) -> None:
    rows = everything(client, f"/api/contigs/?file={portal.reads.pk}")
    assert [(row["name"], row["length"]) for row in rows] == [("chrA", 30_000), ("chrB", 8_000)]
    (alias,) = got(client, "/api/aliases/?name=chrA&authority=lab")["results"]
    (sequence,) = got(client, "/api/sequences/?identifier=lab:chrA&held=true")["results"]
    assert alias["sequence"] == sequence["digest"] and sequence["length"] == 30_000
    assert got(client, f"/api/sequences/{sequence['digest']}") == sequence
    assert got(client, f"/api/sequences/{sequence['md5']}") == sequence
    assert len(got(client, "/api/sequences/?collection=lab-1.0")["results"]) == 2
    assert len(got(client, "/api/files/?kind=variants&format=VCF")["results"]) == 1
    assert len(got(client, "/api/files/?reference=lab-1.0&q=RUN")["results"]) == 1


def test_collections(client: Client, db: None) -> None:
    members = {"chr1": b"GGAA" * 3, "chr2": b"GCGC" * 3}
    make_collection("insdc:GCA_1.1", members)
    make_collection("other/1", {"second": members["chr2"], "again": members["chr2"], "third": b"TTTT"})
    make_collection("by md5", {"only": b"CATCAT", "chr2": members["chr2"]}, md5_only=["only"])
    hidden = make_collection("hidden", members, private=True)
    names = ["by md5", "insdc:GCA_1.1", "other/1"]
    assert [row["name"] for row in everything(client, "/api/collections/")] == names
    assert [row["name"] for row in everything(client, "/api/collections/?order=-name")] == names[::-1]
    newest = everything(client, "/api/collections/?order=-created")
    assert [row["name"] for row in newest] == ["by md5", "other/1", "insdc:GCA_1.1"]
    by_md5, assembly, other = got(client, "/api/collections/")["results"]
    assert (by_md5["digest"], by_md5["sequences"], by_md5["names"]) == (None, 2, None)
    assert (assembly["sequences"], assembly["visibility"]) == (2, "public") and len(assembly["digest"]) == 32
    parts = {"gca": [assembly], "r/": [other], "md5": [by_md5], "nothing": [], "hid": []}
    for part, rows in parts.items():
        assert got(client, f"/api/collections/?q={part}")["results"] == rows
    digests = sequence_digests(members["chr2"])
    for identifier in (digests.sq, f"ga4gh:{digests.sq}", digests.md5_hex):
        rows = everything(client, f"/api/collections/?sequence={identifier}")
        found = {row["name"]: row["names"] for row in rows}
        assert found == {"by md5": ["chr2"], "insdc:GCA_1.1": ["chr2"], "other/1": ["second", "again"]}
    for identifier in ("0" * 32, "nothing:known", "chr2"):
        assert got(client, f"/api/collections/?sequence={identifier}")["results"] == []
    for identifier in ("insdc:GCA_1.1", "INSDC:GCA_1.1", assembly["digest"]):
        assert got(client, f"/api/collections/{identifier}") == assembly
    assert got(client, f"/api/collections/{other['digest']}") == other
    for identifier in ("hidden", "%00", "%ED%A0%80", "a:b"):
        got(client, f"/api/collections/{identifier}", status=404)
    reader = make_user("reader")
    make_grant(hidden, reader)
    assert got(client, "/api/collections/hidden", bearer(reader))["visibility"] == "private"
    private = got(client, "/api/collections/?visibility=private", bearer(reader))["results"]
    assert [row["name"] for row in private] == ["hidden"]
    got(client, "/api/collections/hidden", bearer(reader, ["reads"]), 404)


def test_collections_that_hold_an_alias(portal: Portal, client: Client) -> None:
    for alias in ("lab:chrA", "chrA", "LAB:chrA"):
        (row,) = got(client, f"/api/collections/?sequence={alias}")["results"]
        assert (row["name"], row["names"]) == ("lab-1.0", ["chrA"])


def test_genomes(portal: Portal, client: Client) -> None:
    make_genome(
        "open-1", {"chr1": b"ACGT" * 50}, scientific_name="Fictus exemplum", taxon_id=7, release="110"
    )
    hidden = make_genome("hidden-1", {"chr1": b"GATTACA" * 50}, private=True, taxon_id=7)
    reader = bearer(portal.reader)
    make_grant(hidden.collection, portal.reader)
    for headers, ids in (
        ({}, ["open-1"]),
        (bearer(portal.stranger), ["open-1"]),
        (reader, ["hidden-1", "open-1"]),
    ):
        assert [row["id"] for row in everything(client, "/api/genomes/", headers)] == ids
        assert [row["id"] for row in everything(client, "/api/genomes/?order=-genome_id", headers)] == ids[
            ::-1
        ]
        assert len(got(client, "/api/genomes/?taxon=7", headers)["results"]) == len(ids)
        got(client, "/api/genomes/hidden-1", headers, 200 if len(ids) > 1 else 404)
        assert len(got(client, "/api/genomes/?q=hidden", headers)["results"]) == len(ids) - 1
    one = got(client, "/api/genomes/open-1")
    assert (one["scientific_name"], one["taxon_id"], one["release"]) == ("Fictus exemplum", 7, "110")
    assert got(client, f"/api/genomes/?q=fictus&collection={one['collection']}")["results"] == [one]
    for query in ("taxon=0", "taxon=x", f"taxon={2**40}", "q=nothing", "collection=nothing"):
        assert got(client, f"/api/genomes/?{query}")["results"] == []
    assert len(got(client, "/api/genomes/?taxon=7", bearer(portal.reader, ["reads"]))["results"]) == 1


def test_where_files_lie_is_not_found_by_a_filter(portal: Portal, client: Client) -> None:
    row = got(client, f"/api/files/{portal.reads.pk}")
    assert portal.reads.key not in json.dumps(row)
    part = portal.reads.key.rpartition("/")[2]
    assert part and got(client, f"/api/files/?q={part}")["results"] == []


@pytest.mark.parametrize(
    "path",
    [
        "datasets/?limit=0", "datasets/?limit=1001", "datasets/?limit=x", "datasets/?order=title", "datasets/?x=1",
        "datasets/?q=a&q=b", "datasets/?visibility=x", "datasets/?cursor=x", "datasets/?q=%00", "contigs/",
        "files/?reference=nothing", "sequences/?held=1", "samples/?cursor=WzFd", "datasets/open?x=1",
    ],
)  # fmt: skip
def test_what_cannot_be_read_is_a_problem(portal: Portal, client: Client, path: str) -> None:
    got(client, f"/api/{path}", status=400)


def test_every_list_is_a_path_of_the_protocol() -> None:
    paths = {f"/api/{name}" for name in ("schema", "docs", *(each.name for each in RESOURCES))}
    assert set(PROTOCOL.paths) == paths


def test_other_paths_and_methods(portal: Portal, client: Client) -> None:
    got(client, "/api/datasets/open/nothing", status=404)
    got(client, "/api/samples/s", status=404)
    assert client.get("/api/nothing").status_code == 404
    response: Any = client.post("/api/datasets/")
    assert response.status_code == 405 and response.headers["Allow"] == "GET, HEAD, OPTIONS"
    assert client.head("/api/datasets/").content == b""


def test_a_page_needs_few_queries(portal: Portal, client: Client) -> None:
    paths = [f"/api/{name}/" for name in LISTS] + [f"/api/contigs/?file={portal.reads.pk}"]
    for path in paths:
        with CaptureQueriesContext(
            connection,
        ) as made:
            got(client, path)
        assert len(made) <= 4, (path, [query["sql"] for query in made])
