"""API tokens: the database holds their digests only."""

import pytest

from catalogue import api_tokens
from catalogue.models import ApiToken
from tests.catalogue.made_access import make_user

pytestmark = pytest.mark.django_db


def test_tokens_are_not_told_from_the_table() -> None:
    api_tokens.issue(user=make_user("ada"), name="n", scopes=["reads"])
    assert len(bytes(ApiToken.objects.get().digest)) == 32
