"""Migrations do not lock large tables for long: squawk reads the statements that they run."""

import json
import subprocess
import sys
from pathlib import Path

import pytest
from django.contrib.postgres.operations import NotInTransactionMixin
from django.db import connection
from django.db.migrations.executor import MigrationExecutor
from django.db.migrations.loader import MigrationLoader
from django.db.migrations.recorder import MigrationRecorder

from catalogue.doctor.database import examine_migrations

pytestmark = pytest.mark.django_db

#: Rules of squawk (https://squawkhq.com/docs/rules) about statements by which others wait while a table is read or
#: written as a whole. They concern tables that are there already, not those that the migration makes.
LOCKS = {
    "adding-field-with-default",
    "adding-foreign-key-constraint",
    "adding-not-nullable-field",
    "adding-required-field",
    "adding-serial-primary-key-field",
    "changing-column-type",
    "constraint-missing-not-valid",
    "disallowed-unique-constraint",
    "require-concurrent-index-creation",
    "require-concurrent-index-deletion",
}
#: The migrations between the releases 0.1.0 and 0.2.0, which lock; docs/deploy.md says so. Later ones must not.
BETWEEN_RELEASES = {
    "0020_access": "adds columns and checks of datasets and files",
    "0022_privacy": "adds collections to aliases, with two indexes",
    "0024_contig_names": "makes names of contigs as long as they are",
    "0025_collection_content": "adds contents to collections",
    "0028_grants": "checks grants, which are few",
    "0031_contig_aliases": "makes an index of contigs with aliases",
    "0040_jobs": "adds columns, checks and indexes of runs",
    "0045_file_search": "makes the indexes of searches of files",
    "0047_chosen_sequences": "makes an index of contigs",
    "0053_dashboard": "makes the indexes of the first page of the desk",
    "0070_search": "makes the indexes of searches of files, aliases and collections",
    "0080_manage_scope": "checks tokens, which are few",
}


def locking_rules(folder: Path, statements: dict[str, str]) -> dict[str, set[str]]:
    """The rules that migrations break, by the names of those that break any."""
    for name, text in statements.items():
        (folder / f"{name}.sql").write_text(text)
    done = subprocess.run(
        [
            Path(sys.executable).with_name("squawk"),
            *("--pg-version", "16.0", "--assume-in-transaction", "--reporter", "json"),
            *sorted(folder.glob("*.sql")),
        ],
        capture_output=True,
        text=True,
    )
    broken: dict[str, set[str]] = {}
    for found in json.loads(done.stdout):
        if found["rule_name"] in LOCKS:
            broken.setdefault(Path(found["file"]).stem, set()).add(found["rule_name"])
    return broken


def test_later_migrations_lock_no_table(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    # The statements are only collected, so that those for outside of transactions may be, too.
    monkeypatch.setattr(NotInTransactionMixin, "_ensure_not_in_transaction", lambda *_: None)
    loader = MigrationLoader(connection)
    statements = {
        name: "\n".join(loader.collect_sql([(loader.graph.nodes[app, name], False)]))
        for app, name in loader.graph.nodes
        if app == "catalogue"
    }
    assert len(statements) > 30
    assert set(locking_rules(tmp_path, statements)) == set(BETWEEN_RELEASES)


@pytest.mark.parametrize(
    ("statement", "rule"),
    [
        ("CREATE INDEX i ON catalogue_alias (name);", "require-concurrent-index-creation"),
        (
            "ALTER TABLE catalogue_alias ALTER COLUMN name TYPE bytea USING name::bytea;",
            "changing-column-type",
        ),
        ("ALTER TABLE catalogue_alias ALTER COLUMN name SET NOT NULL;", "adding-not-nullable-field"),
        ("ALTER TABLE catalogue_alias ADD CONSTRAINT c CHECK (name <> '');", "constraint-missing-not-valid"),
        (
            "ALTER TABLE catalogue_alias ADD COLUMN d uuid DEFAULT gen_random_uuid();",
            "adding-field-with-default",
        ),
    ],
)
def test_a_statement_that_locks_is_noticed(tmp_path: Path, statement: str, rule: str) -> None:
    assert rule in locking_rules(tmp_path, {"made": statement})["made"]
    assert not locking_rules(tmp_path, {"made": "CREATE INDEX CONCURRENTLY i ON catalogue_alias (name);"})


def test_sites_that_have_migrations_under_former_names_need_not_do_them_again() -> None:
    rows = MigrationRecorder(connection).migration_qs.filter(app="catalogue")
    replaced = {
        key[1]: [name for _, name in each.replaces]
        for key, each in MigrationLoader(connection).disk_migrations.items()
        if key[0] == "catalogue" and each.replaces
    }
    assert replaced["0087_accessions"] == ["0081_accessions"]
    rows.filter(name__in=replaced).delete()
    assert set(rows.values_list("name", flat=True)) >= {name for names in replaced.values() for name in names}
    executor = MigrationExecutor(connection)
    executor.loader.check_consistent_history(connection)
    assert executor.migration_plan(executor.loader.graph.leaf_nodes()) == []
    assert [found.message for found in examine_migrations()] == ["all applied"]
