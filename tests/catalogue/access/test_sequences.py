"""Which collections a viewer may read."""

from dataclasses import replace
from datetime import timedelta

import pytest
from django.contrib.auth.models import User
from django.utils import timezone

from catalogue import access
from catalogue.access import (
    ANONYMOUS,
    Viewer,
)
from catalogue.models import (
    Grant,
    SequenceCollection,
)
from tests.catalogue.made_access import VISA, make_grant, make_user, viewer_for

pytestmark = pytest.mark.django_db


def test_readable_collections(user: User) -> None:
    open_one = SequenceCollection.objects.create(name="open")
    closed = SequenceCollection.objects.create(name="closed", visibility="private")
    SequenceCollection.objects.create(name="else", visibility="private")
    make_grant(closed, user)

    def names(viewer: Viewer) -> set[str]:
        return {row.name for row in access.readable_collections(viewer)}

    assert names(ANONYMOUS) == names(viewer_for(make_user("eve"))) == {open_one.name}
    assert (
        names(viewer_for(user))
        == names(viewer_for(user, scopes=frozenset({"sequences"})))
        == {"open", "closed"}
    )
    assert names(viewer_for(user, scopes=frozenset({"reads"}))) == {"open"}
    Grant.objects.update(expires=timezone.now() - timedelta(seconds=1))
    assert names(viewer_for(user)) == {"open"}
    make_grant(closed, VISA)
    assert names(Viewer(name="s", visas=(VISA,))) == {"open", "closed"}
    assert names(Viewer(name="s", visas=(replace(VISA, value="x"),))) == {"open"}
