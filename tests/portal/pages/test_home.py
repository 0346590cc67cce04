"""The home page: what is public, with first commands."""

import pytest
from django.test import Client

from portal.pages.home import forget_examples
from tests.portal.conftest import Portal
from tests.portal.pages.opened import content_of

pytestmark = pytest.mark.django_db


def test_home(client: Client, portal: Portal) -> None:
    content = content_of(client, "/")
    assert "The open data" in content and "lab-1.0" in content
    for command in (
        "curl 'http://testserver/sequence/SQ.",
        "samtools view 'http",
        "bcftools view --no-header 'http",
    ):
        assert command in content
    assert "closed" not in content and "secret" not in content


def test_an_empty_catalogue_has_a_home_page(client: Client) -> None:
    forget_examples()
    content = content_of(client, "/")
    assert "No dataset is public yet" in content and "First commands" not in content
    forget_examples()
