"""A controlled dataset, and an account without rights on it."""

import pytest
from django.contrib.auth.models import User

from catalogue.models import Dataset
from tests.catalogue.made_access import make_user


@pytest.fixture
def dataset() -> Dataset:
    return Dataset.objects.create(slug="closed")


@pytest.fixture
def user() -> User:
    return make_user("ada")
