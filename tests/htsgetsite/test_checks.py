"""`check --deploy` names every risky setting, and nothing else."""

from types import SimpleNamespace
from typing import Any

import pytest
from django.core.checks import run_checks

from htsgetsite import settings as site_settings
from htsgetsite.checks import RISKS, check_risks

SAFE = {
    "PUBLIC_URL": "https://data.example.org",
    "EMBEDDED": False,
    "SERVICE_ID": "org.example.data",
    "SERVICE_CONTACT_URL": "mailto:data@example.org",
    "ALLOWED_HOSTS": ["data.example.org"],
    "TRUST_PROXY": True,
    "THROTTLE_TICKETS_USER": (1, 60),
    "THROTTLE_TICKETS_ADDRESS": (1, 60),
    "THROTTLE_FAILURES": (1, 60),
    "THROTTLE_GRAPHQL_USER": (1, 60),
    "THROTTLE_GRAPHQL_ADDRESS": (1, 60),
    "THROTTLE_SIGN_IN": (1, 60),
    "THROTTLE_SIGN_IN_ACCOUNT": (1, 60),
    "TICKET_URL_TTL": 3600,
    "METRICS_LISTEN": None,
    "WORK_METRICS_LISTEN": None,
    "STORAGE_FILE_MODE": 0o640,
    "SECRET_KEY_FALLBACKS": [],
    "DATABASES": {"default": {"HOST": "db.example.org", "OPTIONS": {"sslmode": "verify-full"}}},
    "HTSGETSITE_STORAGES": {"files": "s3://b?endpoint_url=https://s3.example.org", "old": "file:///srv"},
}
FAR = "s3://b?region=x&{}=http://s3.example.org:9000"
RISKY = [
    ("PUBLIC_URL", "", {1}),
    ("EMBEDDED", True, {2}),
    ("SERVICE_ID", "org.example.htsgetsite", {3}),
    ("SERVICE_CONTACT_URL", "", {3}),
    ("ALLOWED_HOSTS", ["data.example.org", "*"], {4}),
    ("PUBLIC_URL", "http://data.example.org", {5}),
    ("TRUST_PROXY", False, {6}),
    ("THROTTLE_TICKETS_USER", None, {7}),
    ("THROTTLE_SIGN_IN_ACCOUNT", None, {7}),
    ("TICKET_URL_TTL", 604800, {8}),
    ("METRICS_LISTEN", ("0.0.0.0", 9100), {9}),
    ("WORK_METRICS_LISTEN", ("0.0.0.0", 9101), {9}),
    ("METRICS_LISTEN", ("data.example.org", 9100), {9}),
    ("STORAGE_FILE_MODE", 0o644, {10}),
    ("SECRET_KEY_FALLBACKS", ["old"], {11}),
    ("THROTTLE_GRAPHQL_ADDRESS", None, {7}),
    ("DATABASES", {"default": {"HOST": "db.example.org", "OPTIONS": {}}}, {12}),
    ("DATABASES", {"default": {"HOST": "192.0.1.7", "OPTIONS": {"sslmode": "prefer"}}}, {12}),
    ("HTSGETSITE_STORAGES", {"files": FAR.format("endpoint_url")}, {13}),
    ("HTSGETSITE_STORAGES", {"files": FAR.format("public_endpoint_url")}, {13}),
]


@pytest.fixture(autouse=True)
def settings(monkeypatch: pytest.MonkeyPatch) -> SimpleNamespace:
    """Safe settings, which the checks see instead of those of the tests."""
    made = SimpleNamespace(**SAFE)
    monkeypatch.setattr("htsgetsite.checks.settings", made)
    return made


@pytest.mark.parametrize(
    "listen", [None, ("127.0.0.1", 9100), ("::1", 9100), ("10.0.0.5", 9100), ("localhost", 1)]
)
def test_safe_settings_give_no_warning(settings: Any, listen: tuple[str, int] | None) -> None:
    settings.METRICS_LISTEN = listen
    assert check_risks(None) == []


@pytest.mark.parametrize(
    "host", ["", "/run/postgresql", "127.0.0.1", "10.1.2.3", "::1", "database", "db.internal"]
)
def test_the_own_network_may_be_without_tls(settings: Any, host: str) -> None:
    settings.DATABASES = {"default": {"HOST": host, "OPTIONS": {}}}
    address = f"[{host}]" if ":" in host else host
    settings.HTSGETSITE_STORAGES = (
        {"files": f"s3://b?endpoint_url=http://{address}:9000"} if "/" not in host else {}
    )
    assert check_risks(None) == []


def test_every_rate_limit_is_among_the_risks(settings: Any) -> None:
    declared = [declaration.name for declaration in site_settings.ENVIRONMENT.declarations]
    limits = [name for name in declared if name.startswith("THROTTLE_")]
    assert len(limits) >= 7
    for name in limits:
        setattr(settings, name, None)
        assert [warning.id for warning in check_risks(None)] == ["htsgetsite.W007"], name
        setattr(settings, name, (1, 60))


@pytest.mark.parametrize(("name", "value", "numbers"), RISKY)
def test_each_risk_is_named(settings: Any, name: str, value: object, numbers: set[int]) -> None:
    setattr(settings, name, value)
    warnings = check_risks(None)
    assert {warning.id for warning in warnings} == {f"htsgetsite.W{number:03}" for number in numbers}
    assert all(warning.hint for warning in warnings)


def test_every_risk_is_tried_and_has_a_number_of_its_own() -> None:
    numbers = [risk.number for risk in RISKS]
    assert len(set(numbers)) == len(numbers)
    assert set().union(*(tried for _, _, tried in RISKY)) == set(numbers)


def test_they_are_checks_of_the_deployment_only(settings: Any) -> None:
    settings.PUBLIC_URL = ""
    assert "htsgetsite.W001" not in {message.id for message in run_checks()}
    assert "htsgetsite.W001" in {message.id for message in run_checks(include_deployment_checks=True)}
