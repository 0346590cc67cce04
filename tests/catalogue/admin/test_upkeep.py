"""Jobs that keep the site in order, started on the desk."""

import pytest
from django.contrib.auth.models import Group
from django.test import Client

from catalogue.models import IngestRun
from catalogue.stewardship import UPKEEP
from tests.catalogue.lab import Lab
from tests.catalogue.made_access import make_user
from tests.catalogue.made_jobs import do_job

pytestmark = pytest.mark.django_db


def test_administrators_start_each(client: Client, lab: Lab) -> None:
    client.force_login(make_user("boss", Group.objects.get(name="catalogue administrator")))
    page = client.get("/admin/upkeep/").content.decode()
    for name in UPKEEP:
        assert f'value="{name}"' in page
        location = client.post("/admin/upkeep/", {"job": name}).headers["Location"]
        run = do_job(IngestRun.objects.get(command=name))
        assert (location, run.outcome, run.actor) == (f"/admin/runs/{run.pk}/", "succeeded", "boss")
    refused = client.post("/admin/upkeep/", {"job": "prune_audit"})
    assert "is no job of this kind" in refused.content.decode()
    assert IngestRun.objects.count() == len(UPKEEP)


@pytest.mark.parametrize("role", ["steward", "curator", "auditor"])
def test_others_start_none(client: Client, role: str) -> None:
    client.force_login(make_user("somebody", Group.objects.get(name=role)))
    assert client.post("/admin/upkeep/", {"job": UPKEEP[0]}).status_code == 403
    assert not IngestRun.objects.exists()
