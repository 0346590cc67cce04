"""The documentation and the Grafana dashboard name the metrics that the site declares, and Prometheus reads them."""

import json
import re
import subprocess

import pytest
from django.core.management import call_command
from prometheus_client.exposition import generate_latest

from htsgetsite.observability.dashboard import all_metrics, dashboard
from htsgetsite.observability.endpoint import registry
from tests.paths import PROJECT
from tests.programs import need


def test_documentation_has_every_metric_as_it_is_declared() -> None:
    page = (PROJECT / "docs" / "monitoring.md").read_text(encoding="utf-8")
    rows = re.findall(r"^\| `htsgetsite_.*\|$", page, flags=re.MULTILINE)
    declared = [metric.row() for metric in all_metrics()]
    assert rows == declared, "docs/monitoring.md must hold these lines:\n" + "\n".join(declared)


def test_the_dashboard_in_the_repository_is_the_one_of_this_code(capsys: pytest.CaptureFixture[str]) -> None:
    kept = (PROJECT / "deploy" / "grafana.json").read_text(encoding="utf-8")
    call_command("grafana_dashboard")
    assert capsys.readouterr().out == kept, "run: manage.py grafana_dashboard > deploy/grafana.json"


def test_every_metric_has_a_panel_and_what_panels_ask_for_exists() -> None:
    asked = {
        name
        for panel in dashboard()["panels"]
        for target in panel["targets"]
        for name in re.findall(r"htsgetsite_\w+", target["expr"])
    }
    assert asked == {
        metric.exposed + ("_bucket" if metric.type == "histogram" else "") for metric in all_metrics()
    }
    # Two panels never lie on each other.
    places = [json.dumps(panel["gridPos"]) for panel in dashboard()["panels"]]
    assert len(set(places)) == len(places)


@pytest.mark.django_db
def test_prometheus_finds_no_fault_with_the_output() -> None:
    done = subprocess.run(
        [need("promtool"), "check", "metrics"], input=generate_latest(registry()), capture_output=True
    )
    assert (done.returncode, done.stdout + done.stderr) == (0, b"")
