"""The page of a search."""

import pytest
from django.test import Client

from catalogue.models import DataFile
from tests.portal.conftest import Portal
from tests.portal.pages.opened import CHR_A, content_of, digest_of

pytestmark = pytest.mark.django_db


def test_search(client: Client, portal: Portal) -> None:
    DataFile.objects.filter(pk=portal.reads.pk).update(samples=["NA12878"])
    content = content_of(client, "/search?q=NA12878")
    assert 'href="/files/reads/run/one"' in content and "secret" not in content
    assert 'href="/datasets/open"' in content_of(client, "/search?q=open")
    assert f'href="/sequences/{CHR_A.sq}"' in content_of(client, "/search?q=lab:chrA")
    assert f'href="/collections/{digest_of(portal)}"' in content_of(client, "/search?q=lab-1")
    assert "Nothing was found" in content_of(client, "/search?q=absent")
    assert "too long" in content_of(client, f"/search?q={'x' * 300}")
    content_of(client, "/search?q=%00%FF")
