"""The page of a file: commands for a region, the genome browser, and its reference."""

import html
import json
import re
from typing import Any

import pytest
from django.test import Client

from catalogue.models import Contig, DataFile, FormerId
from portal.links import file_path
from tests.catalogue.made_access import make_grant, make_granted_file
from tests.portal.conftest import AWKWARD, GENOME, Portal
from tests.portal.pages.opened import CHR_A, content_of

pytestmark = pytest.mark.django_db


def configuration(client: Client, path: str) -> Any:
    found = re.search(r'data-config="([^"]*)"', client.get(path).content.decode())
    assert found is not None
    return json.loads(html.unescape(found[1]))


def test_a_file(client: Client, portal: Portal) -> None:
    content = content_of(client, "/files/reads/run/one")
    for said in ("BAM", "coordinate", "chrA", "30,000", CHR_A.sq, "2 in the header", "The open data"):
        assert said in content
    assert "samtools view 'http://testserver/reads/run/one?referenceName=chrA&start=" in content
    config = configuration(client, "/files/reads/run/one")
    assert config["track"]["url"] == "/reads/run/one" and config["track"]["sourceType"] == "htsget"
    assert config["file"] is None, "what is public needs no token"
    assert config["reference"]["fastaURL"] == "/files/reads/run/one?as=fa"


def test_the_region_changes_every_command(client: Client, portal: Portal) -> None:
    for path in ("/files/reads/run/one", file_path("reads", AWKWARD)):
        content = content_of(client, f"{path}?region=chrB:1,001-2,000&part=commands")
        assert "<html" not in content
        assert content.count("referenceName=chrB&start=1000&end=2000") == 5
        assert content.count("chrB%3A1001-2000") == 1
    whole = content_of(client, "/files/reads/run/one?region=&part=commands")
    assert "referenceName" not in whole
    by_alias = content_of(client, f"/files/reads/run/one?part=commands&region={CHR_A.md5_hex}:1-5")
    assert f"referenceName={CHR_A.md5_hex}&start=0&end=5" in by_alias
    for wrong in ("chrB:9-5", "absent:1-5", "chrB:0-1"):
        refused = content_of(client, f"/files/reads/run/one?part=commands&region={wrong}")
        assert "samtools" not in refused and 'role="alert"' in refused


def test_the_reference_of_a_file(client: Client, portal: Portal) -> None:
    for file in (portal.reads, portal.awkward):
        base = file_path("reads", file.htsget_id)
        index = client.get(f"{base}?as=fai").content.decode().splitlines()
        whole = client.get(f"{base}?as=fa").getvalue().decode()
        assert whole.replace("\n", "") == "".join(f">{name}{residues}" for name, residues in GENOME.items())
        for line, (name, residues) in zip(index, GENOME.items(), strict=True):
            found, length, offset, bases, width = line.split("\t")
            assert (found, int(length)) == (name, len(residues))
            end = int(offset) + int(width) - 1
            answer = client.get(f"{base}?as=fa", headers={"Range": f"bytes={offset}-{end}"})
            assert answer.status_code == 206
            assert answer.getvalue().decode() == residues[: int(bases)] + "\n"
        assert client.get(f"{base}?as=fa", headers={"Range": "bytes=99999999-"}).status_code == 416
        assert client.get(f"{base}?as=sizes").content.decode() == "chrA\t30000\nchrB\t8000\n"
    assert client.get("/files/reads/run/one?as=nothing").status_code == 404


def test_a_file_whose_sequences_are_not_held_is_shown_by_lengths(client: Client, portal: Portal) -> None:
    Contig.objects.filter(file=portal.reads, name="chrB").update(sequence=None)
    content = content_of(client, "/files/reads/run/one")
    assert (
        '"chromSizesURL"' in content and "fastaURL" not in content and "without reference residues" in content
    )
    assert client.get("/files/reads/run/one?as=fa").status_code == 404


def test_a_private_sequence_is_no_part_of_a_reference(client: Client, portal: Portal) -> None:
    portal.collection.visibility = "private"
    portal.collection.save()
    assert client.get("/files/reads/run/one?as=fa").status_code == 404
    assert CHR_A.sq not in content_of(client, "/files/reads/run/one")
    client.force_login(portal.reader)
    assert client.get("/files/reads/run/one?as=fa").status_code == 404
    make_grant(portal.collection, portal.reader)
    assert client.get("/files/reads/run/one?as=fa").status_code == 200
    assert CHR_A.sq in content_of(client, "/files/reads/run/one")


def test_files_that_cannot_be_shown(client: Client, portal: Portal) -> None:
    DataFile.objects.filter(pk=portal.reads.pk).update(index_kind="")
    assert "no index" in content_of(client, "/files/reads/run/one")
    Contig.objects.filter(file=portal.variants).update(index=b"")
    content = content_of(client, "/files/variants/calls")
    assert "no records on a contig" in content and "data-config" not in content
    DataFile.objects.filter(pk=portal.reads.pk).update(state="missing")
    assert "missing" in content_of(client, "/files/reads/run/one")


@pytest.mark.parametrize(
    "htsget_id",
    [AWKWARD, "/", "a//b", "a/", "/a", "..", "a/../b", "a/./b", "?", "ü", "a\nb", "service-info/x"],
)
def test_every_id_has_a_page(client: Client, portal: Portal, htsget_id: str) -> None:
    DataFile.objects.filter(pk=portal.awkward.pk).update(htsget_id=htsget_id)
    content = content_of(client, file_path("reads", htsget_id))
    assert (
        html.escape(htsget_id) in client.get(file_path("reads", htsget_id)).content.decode()
        or htsget_id in content
    )


def test_a_former_id_leads_to_the_new_one_for_those_who_may_know(client: Client, portal: Portal) -> None:
    for old, new in (("old", "run/one"), ("former", "secret/one")):
        FormerId.objects.create(kind="reads", htsget_id=old, target=new)
    assert client.get("/files/reads/old").headers["Location"] == "/files/reads/run/one"
    hidden = client.get("/files/reads/former")
    assert hidden.status_code == 404 and b"secret" not in hidden.content
    client.force_login(portal.reader)
    assert client.get("/files/reads/former").headers["Location"] == "/files/reads/secret/one"


def test_several_formats_of_one_id(client: Client, portal: Portal) -> None:
    file = make_granted_file(portal.open, htsget_id="run/one", format="CRAM")
    content = content_of(client, "/files/reads/run/one")
    assert 'href="?format=CRAM"' in content
    assert 'href="/files/reads/run/one?format=CRAM"' in content_of(client, "/datasets/open")
    assert "<strong>CRAM</strong>" in content_of(client, "/files/reads/run/one?format=CRAM")
    assert client.get("/files/reads/run/one?format=SAM").status_code == 404
    file.delete()
