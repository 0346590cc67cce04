"""Slices delivered by a real nginx, configured as docs/htsget.md says or as is shipped: what clients see is what the
site gives.
"""

import contextlib
import os
import re
import subprocess
import threading
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, HTTPServer
from ipaddress import ip_address
from pathlib import Path

import pytest
import requests
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from cryptography.x509.oid import NameOID

from tests.live import PATIENCE, Site, free_port, served
from tests.paths import PROJECT
from tests.programs import need

SHIPPED = PROJECT / "deploy" / "nginx.conf"
DEPLOYMENT = PROJECT / "docs" / "deploy.md"
MANUAL = PROJECT / "docs" / "htsget.md"
TOLD = (
    "Content-Type", "Content-Length", "Content-Range", "Accept-Ranges", "ETag", "Cache-Control",
    "Access-Control-Allow-Origin", "Access-Control-Expose-Headers",
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Delivered:
    """The site with nginx in front, and the same site without."""

    by_nginx: str
    by_site: str
    log: Path


@pytest.fixture(scope="module", params=["manual", "shipped"])
def delivered(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory, htsget_site: Site
) -> Iterator[Delivered]:
    need("nginx")
    folder = tmp_path_factory.mktemp("nginx")
    behind = Site(htsget_site.home, {**htsget_site.variables, "DATA_ACCEL_REDIRECT": "/stored"})
    with served(behind) as accelerated:
        address = f"127.0.0.1:{free_port()}"
        configure = {"manual": of_manual, "shipped": as_shipped}[request.param]
        with nginx(folder, configure(folder, accelerated, address), address):
            yield Delivered(f"http://{address}", htsget_site.url, folder / "error.log")


@contextlib.contextmanager
def nginx(folder: Path, configuration: str, address: str) -> Iterator[None]:
    """Runs nginx, which is to listen at an address."""
    # Started by root it would become another account, who may not read the home.
    user = "user root;\n" if os.geteuid() == 0 else ""
    (folder / "nginx.conf").write_text(f"{user}daemon off;\n{configuration}")
    command = [need("nginx"), "-p", str(folder), "-c", str(folder / "nginx.conf")]
    subprocess.run([*command, "-t"], check=True, capture_output=True, timeout=PATIENCE)
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    deadline = time.monotonic() + PATIENCE
    try:
        while not answers(address):
            assert process.poll() is None and time.monotonic() < deadline
            time.sleep(0.05)
        yield
    finally:
        process.terminate()
        process.wait(PATIENCE)


def as_shipped(folder: Path, site: Site, address: str) -> str:
    """The configuration for containers, its places changed to those of the test."""
    return changed(
        SHIPPED.read_text(encoding="utf-8"),
        {
            "listen 8080": f"listen {address}",
            "web:8000": site.url.removeprefix("http://"),
            "/tmp/": f"{folder}/",
            "/spool/": f"{folder}/",
            "/data/files/": f"{site.home}/files/",
            "/dev/stdout": f"{folder}/access.log",
            "/dev/stderr": f"{folder}/error.log",
        },
    )


def changed(text: str, places: Mapping[str, str]) -> str:
    for told, here in places.items():
        assert told in text, told
        text = text.replace(told, here)
    return text


def of_manual(folder: Path, site: Site, address: str) -> str:
    """The configuration of the manual, likewise."""
    block = re.search(r"```nginx\n(.*?)```", MANUAL.read_text(encoding="utf-8"), re.DOTALL)
    assert block is not None
    places = {
        "127.0.0.1:8080": address,
        "http://127.0.0.1:8000": site.url,
        "/run/nginx/": f"{folder}/",
        "/srv/htsgetsite/files/": f"{site.home}/files/",
    }
    text = changed(block[1], places)
    scratch = "".join(
        f"{name}_temp_path {folder}/{name};\n"
        for name in ("client_body", "proxy", "fastcgi", "uwsgi", "scgi")
    )
    return (
        f"pid {folder}/pid; error_log {folder}/error.log warn;\nevents {{}}\n"
        f"http {{\naccess_log off;\n{scratch}{text}}}\n"
    )


def test_no_log_of_nginx_holds_tokens_or_queries(tmp_path: Path) -> None:
    """Its log of errors repeats requests, so it has none of the levels that do."""
    nowhere = Site(tmp_path, {}, f"http://127.0.0.1:{free_port()}")
    address = f"127.0.0.1:{free_port()}"
    with nginx(tmp_path, as_shipped(tmp_path, nowhere, address), address):
        failed = requests.get(
            f"http://{address}/data/secret-token?referenceName=secret-region", timeout=PATIENCE
        )
        assert failed.status_code == 502
    told = "".join((tmp_path / name).read_text() for name in ("access.log", "error.log"))
    assert "GET /data/" in told and "secret" not in told


def test_the_request_id_is_never_the_clients(tmp_path: Path) -> None:
    seen: list[dict[str, str]] = []

    class Upstream(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            seen.append({name.replace("_", "-").lower(): value for name, value in self.headers.items()})
            self.send_response(204)
            self.end_headers()

        def log_message(self, format: str, *args: object) -> None:
            pass

    with HTTPServer(("127.0.0.1", 0), Upstream) as upstream:
        threading.Thread(target=upstream.serve_forever, daemon=True).start()
        behind = Site(tmp_path, {}, f"http://127.0.0.1:{upstream.server_port}")
        address = f"127.0.0.1:{free_port()}"
        with nginx(tmp_path, as_shipped(tmp_path, behind, address), address):
            for name in ("X-Request-ID", "X_Request_ID"):
                requests.get(f"http://{address}/", headers={name: "chosen-by-client"}, timeout=PATIENCE)
        upstream.shutdown()
    ids = [headers["x-request-id"] for headers in seen[-2:]]
    assert len(set(ids)) == 2 and all(re.fullmatch("[0-9a-f]{32}", each) for each in ids)


def test_tls_as_the_manual_says(tmp_path: Path, htsget_site: Site) -> None:
    block = re.search(r"```nginx\n(.*?)```", DEPLOYMENT.read_text(encoding="utf-8"), re.DOTALL)
    assert block is not None
    address = f"127.0.0.1:{free_port()}"
    key, certificate = tmp_path / "key.pem", tmp_path / "fullchain.pem"
    make_certificate(key, certificate)
    shipped = as_shipped(tmp_path, htsget_site, "8080")
    text = changed(shipped, {"        listen 8080;\n": block[1]})
    text = changed(text, {"listen 8443": f"listen {address}", "/etc/nginx/tls": str(tmp_path)})
    with nginx(tmp_path, text, address):
        assert requests.get(f"https://{address}/healthz", verify=str(certificate), timeout=PATIENCE).ok
        url = f"https://{address}/reads/made?referenceName=1&start=0&end=50000"
        ticket = requests.get(url, verify=str(certificate), timeout=PATIENCE)
        assert ticket.json()["htsget"]["format"] == "BAM"


def make_certificate(key: Path, certificate: Path) -> None:
    """A certificate for 127.0.0.1, signed by itself."""
    private = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "127.0.0.1")])
    now = datetime.now(UTC)
    alternative = x509.SubjectAlternativeName([x509.IPAddress(ip_address("127.0.0.1"))])
    builder = x509.CertificateBuilder(name, name, private.public_key(), x509.random_serial_number())
    valid = builder.not_valid_before(now - timedelta(hours=1)).not_valid_after(now + timedelta(hours=1))
    signed = valid.add_extension(alternative, critical=False).sign(private, hashes.SHA256())
    certificate.write_bytes(signed.public_bytes(Encoding.PEM))
    key.write_bytes(private.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()))


def answers(address: str) -> bool:
    try:
        # nginx answers plain http on a port for TLS as well: with 400.
        requests.get(f"http://{address}/healthz", timeout=PATIENCE)
    except requests.ConnectionError:
        return False
    return True


@pytest.mark.parametrize(
    "headers",
    [
        {},
        {"Range": "bytes=0-9"},
        {"Range": "bytes=100000-"},
        {"Range": "bytes=-7"},
        {"Range": "bytes=5-999999999"},
        {"Range": "items=0-9"},
        {"Range": "bytes=0-9", "If-Range": '"another"'},
        {"Range": "bytes=999999999-"},
        {"If-None-Match": '"another"'},
        {"If-None-Match": "*"},
        {"Origin": "https://igv.example", "Range": "bytes=7-8"},
        {"Accept-Encoding": "gzip"},
    ],
)
def test_what_nginx_delivers_is_what_the_site_gives(delivered: Delivered, headers: dict[str, str]) -> None:
    ticket = requests.get(f"{delivered.by_nginx}/reads/made", timeout=PATIENCE).json()
    urls = [entry["url"] for entry in ticket["htsget"]["urls"] if "/data/" in entry["url"]]
    assert urls and all(url.startswith(delivered.by_nginx) for url in urls)
    for url in urls:
        same = url.replace(delivered.by_nginx, delivered.by_site)
        theirs = requests.get(url, headers=headers, timeout=PATIENCE)
        ours = requests.get(same, headers=headers, timeout=PATIENCE)
        assert theirs.status_code == ours.status_code, delivered.log.read_text()
        if ours.status_code == 416:
            assert theirs.headers["Content-Range"] == ours.headers["Content-Range"]
            continue
        assert theirs.content == ours.content
        for name in TOLD:
            # nginx says that it takes ranges with whole answers only.
            if name != "Accept-Ranges" or ours.status_code == 200:
                assert theirs.headers.get(name) == ours.headers.get(name), name
        etag = ours.headers["ETag"]
        part = {"Range": "bytes=3-5", "If-Range": etag}
        assert requests.get(url, headers=part, timeout=PATIENCE).status_code == 206
        assert requests.get(url, headers={"If-None-Match": etag}, timeout=PATIENCE).status_code == 304
        assert requests.head(url, timeout=PATIENCE).headers["Content-Length"] == str(
            len(requests.get(url, timeout=PATIENCE).content)
        )


def test_nginx_shows_nothing_else(delivered: Delivered) -> None:
    for path in ("/stored/files/", "/stored/files/data/", "/stored/files/../secret_key", "/stored/"):
        assert requests.get(f"{delivered.by_nginx}{path}", timeout=PATIENCE).status_code == 404
    assert requests.get(f"{delivered.by_nginx}/data/{'A' * 76}", timeout=PATIENCE).status_code == 403
