"""Databases on the PostgreSQL of this worker of the test run, with the tables of the site."""

import secrets
from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest
from django.conf import settings

from htsgetsite.embedded.base import embedded_server
from htsgetsite.embedded.server import DATABASE, PORT, USER
from tests.live import copy_site


@pytest.fixture(scope="session")
def migrated_database() -> str:
    """The name of a database that others are copied from, because migrations take long."""
    home: Path = settings.HTSGETSITE_HOME
    if not (home / "postgres").exists():
        home.mkdir(exist_ok=True)
        copy_site(home)
    return DATABASE


@pytest.fixture
def database_url(migrated_database: str) -> Iterator[str]:
    """A new database."""
    server = embedded_server()
    server.join()
    base = f"postgresql://{USER}@{str(server.socket_folder).replace('/', '%2F')}:{PORT}"
    name = f"site_{secrets.token_hex(6)}"
    with psycopg.connect(f"{base}/postgres", autocommit=True) as connection:
        connection.execute(f"CREATE DATABASE {name} TEMPLATE {migrated_database}".encode())
        yield f"{base}/{name}"
        connection.execute(f"DROP DATABASE {name} WITH (FORCE)".encode())
