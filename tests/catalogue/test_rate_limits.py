"""Rate limits: what is over a rate has to wait for the next span."""

import pytest
from django.db import connection

from catalogue import rate_limits
from catalogue.models import Usage
from catalogue.rate_limits import Rate

pytestmark = pytest.mark.django_db


def test_rates(monkeypatch: pytest.MonkeyPatch) -> None:
    now = 1_000_000.0
    monkeypatch.setattr("catalogue.rate_limits.time.time", lambda: now)
    rate = Rate(3, 60)
    assert [rate_limits.count("a", rate) for _ in range(5)] == [None, None, None, 20, 20]
    assert rate_limits.count("b", rate) is None
    assert rate_limits.count("a", Rate(3, 3600)) is None, "spans of another length are counted apart"
    now += 20
    assert rate_limits.count("a", rate) is None
    now += 86400
    rate_limits.forget_past()
    assert not Usage.objects.exists()


def test_weights(monkeypatch: pytest.MonkeyPatch) -> None:
    """What is heavier than the rate is let through once, and then nothing until the next span."""
    now = 1_000_000.0
    monkeypatch.setattr("catalogue.rate_limits.time.time", lambda: now)
    rate = Rate(10, 60)
    assert [rate_limits.count("a", rate, weight=4) for _ in range(4)] == [None, None, None, 20]
    assert rate_limits.count("b", rate, weight=1000) is None
    assert rate_limits.count("b", rate) == 20
    now += 20
    assert rate_limits.count("b", rate) is None


def test_counts_are_kept_out_of_the_write_ahead_log() -> None:
    with connection.cursor() as cursor:
        cursor.execute("SELECT relpersistence FROM pg_class WHERE relname = 'catalogue_usage'")
        assert cursor.fetchone() == ("u",)
