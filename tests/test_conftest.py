"""The guarantees of conftest.py."""

import pytest
from django.core.management import call_command

from catalogue.models import NamingAuthority


@pytest.mark.django_db
def test_a_flush_leaves_what_migrations_seed() -> None:
    before = set(NamingAuthority.objects.values_list("name", flat=True))
    assert {"insdc", "sam"} <= before
    call_command("flush", interactive=False, verbosity=0)
    assert set(NamingAuthority.objects.values_list("name", flat=True)) == before
