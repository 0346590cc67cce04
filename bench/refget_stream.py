"""Compare the throughput of a whole chromosome with nginx and the same file (`python -m bench.refget_stream`).

The client is curl, which discards the bytes. Both take turns; medians are compared. Needs nginx and curl.
"""

import argparse
import contextlib
import os
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from pathlib import Path
from socket import socket
from statistics import median

from bench.refget_site import await_answer, hold, make_residues, own_site, serving

_NGINX = """
worker_processes 1;
daemon off;
pid {folder}/nginx.pid;
error_log {folder}/error.log;
user root;
events {{}}
http {{
  access_log off;
  sendfile on;
  tcp_nopush on;
  client_body_temp_path {folder}/a; proxy_temp_path {folder}/b; fastcgi_temp_path {folder}/c;
  uwsgi_temp_path {folder}/d; scgi_temp_path {folder}/e;
  default_type text/plain;
  server {{ listen 127.0.0.1:{port}; root {root}; }}
}}
"""


@contextlib.contextmanager
def nginx(root: Path) -> Iterator[str]:
    """Run nginx with one worker for the files below `root`, and yield its URL."""
    program = shutil.which("nginx", path=f"{os.environ['PATH']}:/usr/sbin")
    if program is None:
        raise SystemExit("nginx is needed: apt-get install nginx")
    with tempfile.TemporaryDirectory() as folder, socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
        probe.close()
        config = Path(folder, "nginx.conf")
        config.write_text(_NGINX.format(folder=folder, port=port, root=root))
        process = subprocess.Popen([program, "-c", config, "-p", folder], stderr=subprocess.DEVNULL)
        try:
            await_answer(f"http://127.0.0.1:{port}/")
            yield f"http://127.0.0.1:{port}"
        finally:
            process.terminate()
            process.wait(30)


def fetch(url: str, size: int) -> float:
    """Return the bytes a second of one GET, from the request to the last byte."""
    said = subprocess.run(
        ["curl", "-s", "-o", "/dev/null", "-w", "%{size_download} %{time_total}", url],
        capture_output=True,
        text=True,
        check=True,
    ).stdout.split()
    if int(said[0]) != size:
        raise SystemExit(f"{url}: {said[0]} bytes came, not {size}")
    return size / float(said[1])


def main() -> None:
    """Print both medians in MB/s and their ratio."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--megabases", type=int, default=250)
    parser.add_argument("--rounds", type=int, default=15)
    options = parser.parse_args()
    size = options.megabases * 1_000_000
    with own_site() as home:
        name = hold(make_residues(size, 1))
        key = f"{name[:2]}/{name[2:4]}/{name[4:]}"
        with serving("site") as site, nginx(home / "sequences") as static:
            urls = {"refget": f"{site}/sequence/{name}", "nginx": f"{static}/{key}"}
            for url in urls.values():
                fetch(url, size)
            rates: dict[str, list[float]] = {way: [] for way in urls}
            for _ in range(options.rounds):
                for way, url in urls.items():
                    rates[way].append(fetch(url, size))
    for way, seen in rates.items():
        print(
            f"{way:8} {median(seen) / 1e6:7.0f} MB/s  (from {min(seen) / 1e6:.0f} to {max(seen) / 1e6:.0f})"
        )
    print(f"refget against nginx: {median(rates['refget']) / median(rates['nginx']):.2f}")


if __name__ == "__main__":
    main()
