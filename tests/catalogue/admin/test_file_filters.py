"""Finding files on the desk as a steward: by everything that is known of them, by every filter, and only theirs."""

import pytest
from django.contrib.auth.models import Group
from django.test import Client

from catalogue.models import CollectionMember, Contig, DataFile, Dataset, FormerId
from tests.catalogue.made_access import make_grant, make_granted_file, make_user
from tests.catalogue.made_collections import make_collection

pytestmark = pytest.mark.django_db

SHA256 = "ab" * 32


@pytest.fixture
def steward(client: Client) -> None:
    """Files in three datasets; a steward of the first two is signed in."""
    user = make_user("steward", Group.objects.get(name="steward"))
    collection = make_collection("GRCh38", {"chr1": b"ACGT" * 9})
    secret = make_collection("secret", {"chr1": b"GATTACA" * 9}, private=True)
    for slug in ("one", "two", "foreign"):
        dataset = Dataset.objects.create(slug=slug, collection=collection if slug == "two" else None)
        if slug != "foreign":
            make_grant(dataset, user, role="steward")
        for number, format in enumerate(("BAM", "VCF", "CRAM")):
            make_granted_file(dataset, f"{slug}/{number}", format)
    first = DataFile.objects.filter(htsget_id="one/0")
    first.update(
        samples=["NA12878"], key=f"data/{SHA256[:2]}/{SHA256[2:]}.bam", etag="some-etag",
        source="lab:archive/first.bam", state="missing",
    )  # fmt: skip
    DataFile.objects.filter(htsget_id="two/1").update(storage="lab", key="calls.vcf.gz")
    FormerId.objects.create(kind="reads", htsget_id="earlier/name", target="one/0")
    for used, row in ((collection, "one/2"), (secret, "one/1"), (secret, "foreign/0")):
        member = CollectionMember.objects.get(collection=used)
        Contig.objects.create(
            file=DataFile.objects.get(htsget_id=row), number=0, name="c", length=36, sequence=member.sequence
        )
    client.force_login(user)


@pytest.mark.usefixtures("steward")
@pytest.mark.parametrize(
    ("query", "found"),
    [
        ("q=ne/0", "one/0"), ("q=a1287", "one/0"), ("q=rlier/na", "one/0"), ("q=ome-eta", "one/0"),
        ("q=archive/fir", "one/0"), (f"q={SHA256}", "one/0"), (f"q={SHA256[7:20].upper()}", "one/0"),
        ("q=alls.vcf", "two/1"), ("q=foreign", ""), ("q=on", "one/0 one/1 one/2"),
        ("state__exact=missing", "one/0"), ("kind__exact=variants", "one/1 two/1"),
        ("format__exact=CRAM", "one/2 two/2"),
        ("storage=lab", "two/1"), ("storage=nosuch", ""),
        ("reference=GRCh38", "one/2 two/0 two/1 two/2"), ("reference=GRCh38&format__exact=CRAM&q=one", "one/2"),
        ("reference=secret", ""), ("reference=nosuch", ""),
    ],
)  # fmt: skip
def test_files_are_found(client: Client, query: str, found: str) -> None:
    page = client.get(f"/admin/catalogue/datafile/?{query}")
    assert page.status_code == 200
    assert [row.htsget_id for row in page.context["cl"].result_list] == found.split(), query


@pytest.mark.usefixtures("steward")
def test_filters_offer_what_is_theirs(client: Client) -> None:
    dataset = Dataset.objects.get(slug="one").pk
    foreign = Dataset.objects.get(slug="foreign").pk
    page = client.get("/admin/catalogue/datafile/").content.decode()
    assert f"dataset__id__exact={dataset}" in page and f"dataset__id__exact={foreign}" not in page
    assert "reference=GRCh38" in page and "reference=secret" not in page
    shown = client.get(f"/admin/catalogue/datafile/?dataset__id__exact={dataset}").context["cl"].result_count
    assert (
        shown,
        client.get(f"/admin/catalogue/datafile/?dataset__id__exact={foreign}").context["cl"].result_count,
    ) == (3, 0)
