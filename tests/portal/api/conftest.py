"""Programs of stewards, owners and administrators."""

import pytest

from tests.portal.api.made_stewards import Program, make_account, program
from tests.portal.conftest import Portal


@pytest.fixture
def steward(portal: Portal) -> Program:
    return program(make_account("stella", portal.closed, role="steward", group="steward"))


@pytest.fixture
def owner(portal: Portal) -> Program:
    return program(make_account("olga", portal.closed, role="owner", group="steward"))


@pytest.fixture
def boss(portal: Portal) -> Program:
    return program(make_account("boss", group="catalogue administrator"))
