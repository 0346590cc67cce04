"""Refusals: their errors, and that they do not disclose hidden resources."""

from typing import Any

import pytest
from django.contrib.auth.models import User

from catalogue import access
from catalogue.access import (
    ANONYMOUS,
    AuthenticationRequired,
    CredentialsUnverified,
    Hidden,
    PermissionRefused,
    Viewer,
    permissions,
)
from catalogue.models import (
    Dataset,
)
from tests.catalogue.made_access import asked, make_granted_file, viewer_for

pytestmark = pytest.mark.django_db


def test_what_a_refusal_says(settings: Any) -> None:
    anonymous = access.refusal(ANONYMOUS, unknown="u")
    bad = access.refusal(Viewer(fault="the token has expired"), unknown="u")
    unsure = access.refusal(Viewer(fault="cannot be checked", unverified=True), unknown="u")
    known = access.refusal(Viewer(name="ada"), unknown="u")
    assert [type(error) for error in (anonymous, bad, unsure, known)] == [
        AuthenticationRequired, AuthenticationRequired, CredentialsUnverified, PermissionRefused,
    ]  # fmt: skip
    assert str(bad) == "the token has expired"
    settings.HIDE_CONTROLLED = True
    for viewer in (ANONYMOUS, Viewer(fault="f"), Viewer(name="ada")):
        hidden = access.refusal(viewer, unknown="u")
        assert isinstance(hidden, Hidden) and str(hidden) == "u"


def test_unknown_and_hidden_cost_the_same(
    dataset: Dataset, user: User, settings: Any, django_assert_num_queries: Any
) -> None:
    settings.HIDE_CONTROLLED = True
    file = make_granted_file(dataset)
    for files in ([], [asked(file)]):
        with django_assert_num_queries(1):
            assert permissions(viewer_for(user), files) == {}
        with django_assert_num_queries(0):
            assert permissions(ANONYMOUS, files) == {}
