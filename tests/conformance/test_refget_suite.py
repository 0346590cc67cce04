"""The official compliance suite of refget, against the live server."""

import json
from pathlib import Path

from tests.conformance.conftest import RunClient
from tests.live import Site


def test_nothing_fails_and_one_test_is_for_servers_without_circles(
    refget_site: Site, clients: Path, run_client: RunClient, tmp_path: Path
) -> None:
    suite = "refget-compliance-1.2.6"
    report = tmp_path / "report.json"
    program = clients / suite / "bin" / "refget-compliance"
    run_client(suite, program, "report", "-s", f"{refget_site.url}/", "--json", report, "--no-web")
    (seen,) = json.loads(report.read_text())
    results = {test["name"]: test["result"] for test in seen["test_results"]}
    assert [name for name, result in results.items() if result == -1] == []
    assert [name for name, result in results.items() if result == 0] == [
        "test_sequence_circular_support_false_errors"
    ]
    assert (seen["total_tests_failed"], seen["total_tests_skipped"], seen["total_tests_passed"]) == (0, 1, 29)
    edge_cases = [case for test in seen["test_results"] for case in test["edge_cases"]]
    assert edge_cases
    assert {case["result"] for case in edge_cases} == {1}


def test_the_sequence_has_the_name_that_suite_2_asks_for(refget_site: Site, run_client: RunClient) -> None:
    script = f"import requests; print(requests.get('{refget_site.url}/sequence/insdc:BK006935.2').text[:20])"
    assert run_client("refget-compliance-1.2.6", "-c", script).stdout.strip() == "CCACACCACACCCACACACC"
