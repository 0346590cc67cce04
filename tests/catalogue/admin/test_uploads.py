"""Uploads in parts: whose they are, how they go on after an interruption, and what is refused."""

import json
import os
from collections.abc import Iterator
from hashlib import sha256
from typing import Any

import pytest
from django.contrib.auth.models import Group, User
from django.test import Client

from catalogue.errors import StorageUnavailable
from catalogue.ingest import uploads
from catalogue.models import IngestRun, Sequence, Upload
from catalogue.storage import PART, storage
from tests.catalogue.lab import Lab
from tests.catalogue.made_access import make_user
from tests.catalogue.made_jobs import do_job

pytestmark = pytest.mark.django_db


@pytest.fixture(params=["file", "s3"])
def curator(request: pytest.FixtureRequest, client: Client) -> Iterator[User]:
    """A curator, signed in, where the site's storage of files is a folder or a bucket."""
    if request.param == "file":
        request.getfixturevalue("lab")
    else:
        request.getfixturevalue("stored_in_s3")
    user = make_user("curator", Group.objects.get(name="curator"))
    client.force_login(user)
    yield user


def begin(client: Client, size: int, name: str = "x.fa") -> Any:
    return client.post("/admin/uploads/", json.dumps({"name": name, "size": size}), content_type="text/plain")


def put(client: Client, pk: str, offset: int, data: bytes) -> Any:
    url = f"/admin/uploads/{pk}?offset={offset}"
    return client.put(url, data, content_type="application/octet-stream")


def test_parts_become_a_file(client: Client, curator: User) -> None:
    data = os.urandom(2 * PART + 1000)
    state = begin(client, len(data), "../../odd näme.fa").json()
    assert (state["received"], state["part"], state["finished"]) == (0, PART, False)
    pk = state["id"]
    assert put(client, pk, 0, data[:PART]).json()["received"] == PART
    # The answer was lost: the same part comes again, and the browser asks how far it is.
    assert put(client, pk, 0, data[:PART]).json()["received"] == PART
    assert client.get(f"/admin/uploads/{pk}").json()["received"] == PART
    for offset, size in ((2 * PART, 1000), (PART, 10)):
        refused = put(client, pk, offset, data[offset : offset + size])
        assert refused.status_code == 409 and refused.json()["error"]
    put(client, pk, PART, data[PART : 2 * PART])
    assert put(client, pk, 2 * PART, data[2 * PART :]).json()["finished"] is True
    row = Upload.objects.get()
    assert row.key == f"uploads/{row.pk.hex}/odd-n-me.fa"
    assert storage(row.storage).read_range(row.key, 0, row.size) == data


def test_an_upload_belongs_to_its_account(client: Client, curator: User) -> None:
    pk = begin(client, 10).json()["id"]
    client.force_login(make_user("other", Group.objects.get(name="curator")))
    assert client.get(f"/admin/uploads/{pk}").status_code == 409
    assert put(client, pk, 0, b"0123456789").status_code == 409
    assert client.delete(f"/admin/uploads/{pk}").status_code == 409
    assert Upload.objects.get().received == 0


@pytest.mark.parametrize(
    "body", ["", "[]", "{}", '{"name": "x", "size": "many"}', '{"name": "x", "size": null}']
)
def test_what_is_no_beginning(client: Client, lab: Lab, body: str) -> None:
    client.force_login(make_user("curator", Group.objects.get(name="curator")))
    assert client.post("/admin/uploads/", body, content_type="text/plain").status_code == 400


def test_limits(client: Client, lab: Lab, settings: Any) -> None:
    settings.UPLOAD_MAX_BYTES = 100
    client.force_login(make_user("curator", Group.objects.get(name="curator")))
    for size in (0, -1, 101):
        assert begin(client, size).status_code == 409
    for _ in range(uploads.MAX_OPEN):
        assert begin(client, 100).status_code == 200
    assert "not finished" in begin(client, 100).json()["error"]
    pk = str(Upload.objects.first().pk)  # type: ignore[union-attr]
    assert put(client, pk, 0, bytes(PART + 1)).status_code == 413
    assert client.put(f"/admin/uploads/{pk}?offset=x", b"x").status_code == 400


@pytest.mark.parametrize("group", ["auditor", "steward"])
def test_who_may_upload(client: Client, lab: Lab, group: str) -> None:
    client.force_login(make_user("somebody", Group.objects.get(name=group)))
    assert begin(client, 10).status_code == 403
    assert client.get("/admin/register/sequences/").status_code == 403


def test_forms_of_other_sites_are_rejected(lab: Lab) -> None:
    strict = Client(enforce_csrf_checks=True)
    strict.force_login(make_user("curator", Group.objects.get(name="curator")))
    assert begin(strict, 10).status_code == 403
    assert put(strict, "00000000-0000-0000-0000-000000000000", 0, b"x").status_code == 403


def test_old_uploads_go_with_what_was_stored(
    client: Client, curator: User, django_capture_on_commit_callbacks: Any
) -> None:
    pk = begin(client, 3).json()["id"]
    put(client, pk, 0, b"abc")
    row = Upload.objects.get()
    Upload.objects.update(begun="2000-01-01T00:00Z")
    with django_capture_on_commit_callbacks(execute=True):
        assert uploads.remove_uploads() == 1
    assert not [*storage(row.storage).list("uploads/")] and not Upload.objects.exists()


def test_an_uploaded_fasta_file_is_previewed_and_registered(client: Client, curator: User) -> None:
    data = b">chrA a sequence\nACGTACGTNN\n>chrB\nMKVLAAGG*\n"
    pk = begin(client, len(data)).json()["id"]
    early = client.post("/admin/register/sequences/", {"upload": pk})
    assert early.status_code == 400 and b"not complete" in early.content
    put(client, pk, 0, data)
    form = {"upload": pk, "authority": "lab", "collection": "mine", "strip": "on"}
    client.post("/admin/register/sequences/", form)
    preview = do_job(IngestRun.objects.get())
    (shown,) = client.get(f"/admin/runs/{preview.pk}/").context["inputs"]
    assert "chrA: 10 residues, letters ACGNT" in shown.message
    assert "chrB: 8 residues" in shown.message and not Sequence.objects.exists()
    client.post(f"/admin/runs/{preview.pk}/start")
    do_job(IngestRun.objects.exclude(pk=preview.pk).get())
    assert Sequence.objects.filter(aliases__authority__name="lab").count() == 2


@pytest.mark.parametrize(
    ("form", "said"),
    [
        ({}, "Choose a FASTA file"),
        ({"stored": "lab:genome.fa"}, "may not register"),
        ({"stored": "/etc/passwd"}, "may not register"),
        ({"stored": "files:data/"}, "may not register"),
        ({"stored": "lab:genome.fa", "authority": "two words"}, "is a word"),
        ({"upload": "00000000-0000-0000-0000-000000000000"}, "not complete"),
    ],
)
def test_sequences_that_are_refused(client: Client, lab: Lab, form: dict[str, str], said: str) -> None:
    client.force_login(make_user("curator", Group.objects.get(name="curator")))
    response = client.post("/admin/register/sequences/", form)
    assert response.status_code == 400 and said in response.content.decode()
    assert not IngestRun.objects.exists()


def test_an_upload_above_64_mb_goes_on_after_everything_that_can_happen_to_it(
    client: Client, curator: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    whole = (b">chr1\n" + os.urandom(PART)) * 9
    assert len(whole) > 64 << 20
    pk = begin(client, len(whole)).json()["id"]
    parts = [(at, whole[at : at + PART]) for at in range(0, len(whole), PART)]
    for at, data in parts[:3]:
        assert put(client, pk, at, data).json()["received"] == at + len(data)
    # The storage is away while the fourth part comes: nothing of it counts.
    place = type(storage(Upload.objects.get().storage))
    with monkeypatch.context() as away:
        away.setattr(place, "put_part", lambda *_: (_ for _ in ()).throw(StorageUnavailable("away")))
        assert put(client, pk, *parts[3]).status_code == 503
    # The connection ends within it.
    assert put(client, pk, 3 * PART, parts[3][1][:1000]).status_code == 409
    # The browser is closed, somebody else signs in, and the curator comes back another day.
    stranger, again = Client(), Client()
    stranger.force_login(make_user("stranger", Group.objects.get(name="curator")))
    assert stranger.get(f"/admin/uploads/{pk}").status_code == 409
    assert put(stranger, pk, *parts[3]).status_code == 409
    again.force_login(curator)
    state = again.get(f"/admin/uploads/{pk}").json()
    assert (state["received"], state["size"], state["finished"]) == (3 * PART, len(whole), False)
    while not state["finished"]:
        at = state["received"]
        state = put(again, pk, at, whole[at : at + state["part"]]).json()
    row = Upload.objects.get()
    kept = storage(row.storage)
    assert kept.stat(row.key).size == len(whole)
    assert sha256(b"".join(kept.stream(row.key, 0, row.size))).digest() == sha256(whole).digest()
    assert put(again, pk, *parts[-1]).json()["finished"] is True
    assert [found.key for found in kept.list("uploads/")] == [row.key]
