"""A small annotated genome."""

import pytest

from tests.annotation_app.made_annotation import World, make_world


@pytest.fixture
def world() -> World:
    """A genome with a linear and a circular region, and genes of every kind on them."""
    return make_world()
