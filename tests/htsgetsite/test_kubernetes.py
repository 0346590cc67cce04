"""The Kubernetes manifests and systemd units: valid by their schemas, and in agreement with the code."""

import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import kubernetes_validate
import pytest
import yaml
from django.core.management import get_commands

from htsgetsite import __version__, settings
from tests.paths import PROJECT
from tests.programs import need

MANIFESTS = PROJECT / "deploy" / "kubernetes"
UNITS = sorted((PROJECT / "deploy" / "systemd").glob("*.service"))
DECLARED = {declaration.name for declaration in settings.ENVIRONMENT.declarations}


def documents() -> list[dict[str, Any]]:
    """Every object of the manifests that the kustomization names."""
    kustomization = yaml.safe_load((MANIFESTS / "kustomization.yaml").read_text(encoding="utf-8"))
    assert set(kustomization["resources"]) == {path.name for path in MANIFESTS.glob("*.yaml")} - {
        "kustomization.yaml"
    }
    return [
        document
        for name in kustomization["resources"]
        for document in yaml.safe_load_all((MANIFESTS / name).read_text(encoding="utf-8"))
    ]


def pods() -> dict[str, dict[str, Any]]:
    """The specification of each kind of pod, by name."""
    return {
        document["metadata"]["name"]: document["spec"]["template"]["spec"]
        for document in documents()
        if document["kind"] in {"Deployment", "Job"}
    }


@pytest.mark.parametrize("version", ["1.29", "1.34"])
def test_every_object_is_valid(version: str) -> None:
    kinds = [document["kind"] for document in documents()]
    assert {"Deployment", "Job", "Service", "Ingress", "PodDisruptionBudget", "ConfigMap"} <= set(kinds)
    for document in documents():
        kubernetes_validate.validate(document, version, strict=True)


def test_the_image_is_of_this_version() -> None:
    kustomization = yaml.safe_load((MANIFESTS / "kustomization.yaml").read_text(encoding="utf-8"))
    assert [image["newTag"] for image in kustomization["images"]] == [__version__]


def test_pods_have_no_rights_that_they_do_not_need() -> None:
    assert pods().keys() == {"migrate", "web", "worker"}
    for pod in pods().values():
        assert pod["securityContext"]["runAsNonRoot"] and not pod["automountServiceAccountToken"]
        [container] = pod["containers"]
        assert container["securityContext"] == {
            "allowPrivilegeEscalation": False,
            "readOnlyRootFilesystem": True,
            "capabilities": {"drop": ["ALL"]},
        }
        assert container["resources"]["limits"].keys() == {"memory"}
        # What may be written to are volumes.
        assert {mount["mountPath"] for mount in container["volumeMounts"]} == {"/data", "/tmp"}


def test_settings_exist_and_no_secret_is_among_them() -> None:
    [config] = [document for document in documents() if document["kind"] == "ConfigMap"]
    assert config["data"].keys() <= DECLARED - {"SECRET_KEY", "DATABASE_URL", "METRICS_TOKEN"}
    for pod in pods().values():
        for name in {entry["name"] for entry in pod["containers"][0].get("env", ())} - {"POD_IP"}:
            assert name in DECLARED
    assert "kind: Secret" not in "".join(
        path.read_text(encoding="utf-8") for path in MANIFESTS.glob("*.yaml")
    )


def test_probes_and_services_name_ports_and_paths_that_exist() -> None:
    [container] = pods()["web"]["containers"]
    ports = {port["name"] for port in container["ports"]}
    for probe in ("startupProbe", "livenessProbe", "readinessProbe"):
        assert container[probe]["httpGet"]["path"] in {"/healthz", "/readyz"}
        assert container[probe]["httpGet"]["port"] in ports
    text = (MANIFESTS / "network.yaml").read_text(encoding="utf-8")
    assert set(re.findall(r"- port: (\w+)", text)) <= ports


@pytest.mark.parametrize("unit", UNITS, ids=lambda path: path.name)
def test_systemd_finds_no_fault_with_the_units(unit: Path, tmp_path: Path) -> None:
    copy = tmp_path / unit.name
    text = unit.read_text(encoding="utf-8").replace("/srv/htsgetsite/.venv/bin/python", sys.executable)
    copy.write_text(text, encoding="utf-8")
    done = subprocess.run([need("systemd-analyze"), "verify", copy], capture_output=True, text=True)
    told = [line for line in done.stderr.splitlines() if unit.name in line]
    assert (done.returncode, told) == (0, [])


def test_units_stop_their_main_process_first_and_start_in_order() -> None:
    """A worker finishes the file that it is at, so the processes that read it must not be told to stop before."""
    for unit in UNITS:
        text = unit.read_text(encoding="utf-8")
        assert "\nKillMode=mixed\n" in text
        for name in re.findall(r"^Environment=(.*)$", text, re.MULTILINE)[0].split():
            assert name.partition("=")[0] in DECLARED | {"PYTHONUNBUFFERED", "PYTHONDONTWRITEBYTECODE"}
    assert re.search(r"^After=.*htsgetsite-web\.service", UNITS[1].read_text(encoding="utf-8"), re.MULTILINE)


def test_units_run_commands_that_exist() -> None:
    assert [unit.name for unit in UNITS] == ["htsgetsite-web.service", "htsgetsite-worker.service"]
    said = "".join(unit.read_text(encoding="utf-8") for unit in UNITS)
    run = {pod["containers"][0]["args"][2] for pod in pods().values()}
    named = set(re.findall(r"manage\.py (\w+)", said)) | run
    assert named == {"migrate", "serve", "work"} <= get_commands().keys()
