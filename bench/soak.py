"""Keep a site under mixed load for minutes (`python -m bench.soak`): errors, latencies, and memory of its workers.

Clients ask at once for tickets with their blocks, rewritten records, slices and metadata of sequences, documents and
metrics, while proteins are ingested beside them. Memory is what a process has to itself (its unique set), so that
what workers share counts for none of them.
"""

import argparse
import contextlib
import http.client
import io
import json
import os
import random
import secrets
import subprocess
import sys
import threading
import time
from collections import defaultdict
from collections.abc import Callable, Iterator
from pathlib import Path
from statistics import quantiles
from urllib.parse import urlsplit

import psutil

from bench.htsget_made import make_bam, make_vcf
from bench.htsget_tickets import path_of, regions, register
from bench.refget_site import ROOT, hold, make_residues, own_site, serving

_PAUSE = 5.0
_METRICS_TOKEN = secrets.token_urlsafe(32)

Get = Callable[[str], bytes]


def main() -> None:
    """Print the latencies of each kind of request, and the memory over time."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seconds", type=int, default=600)
    parser.add_argument("--clients", type=int, default=8)
    parser.add_argument("--workers", type=int, default=2)
    parser.add_argument(
        "--proteins", type=int, default=20_000, help="proteins of each ingest beside the load"
    )
    options = parser.parse_args()
    # High rate limits, so that no request is refused; requests are still counted.
    os.environ |= {"THROTTLE_TICKETS_ADDRESS": "999999/second", "METRICS_TOKEN": _METRICS_TOKEN}
    bam, vcf = make_bam(), make_vcf()
    with own_site() as home:
        register(home, bam, vcf)
        known = [hold(make_residues(1_000_000, seed)) for seed in range(20)]
        with serving("site", workers=options.workers) as url:
            _Soak(url, known, home, options).run()


class _Soak:
    """The load on one site, and what is seen of it."""

    def __init__(self, url: str, known: list[str], home: Path, options: argparse.Namespace) -> None:
        self._url = url
        self._known = known
        self._home = home
        self._options = options
        self._until = time.monotonic() + options.seconds
        self._seen: defaultdict[str, list[float]] = defaultdict(list)
        self._errors: list[str] = []
        self._ingests = 0

    def run(self) -> None:
        """Press until the time is over, and print."""
        clients = [
            threading.Thread(target=self._press, args=(seed,)) for seed in range(self._options.clients)
        ]
        beside = threading.Thread(target=self._ingest)
        for thread in (*clients, beside):
            thread.start()
        memory = list(self._memory())
        for thread in (*clients, beside):
            thread.join()
        self._print(memory)

    def _press(self, seed: int) -> None:
        rng = random.Random(seed)
        connection = http.client.HTTPConnection(urlsplit(self._url).netloc, timeout=60)

        def get(path: str) -> bytes:
            headers = {"Authorization": f"Bearer {_METRICS_TOKEN}"} if path == "/metrics" else {}
            connection.request("GET", path, headers=headers)
            response = connection.getresponse()
            body = response.read()
            if response.status >= 400:
                raise ValueError(f"{response.status} for {path}: {body[:200]!r}")
            return body

        requests = self._requests(rng)
        while time.monotonic() < self._until:
            kind = rng.choice(list(requests))
            began = time.perf_counter()
            try:
                requests[kind](get)
            except (OSError, http.client.HTTPException, ValueError) as error:
                self._errors.append(f"{kind}: {error}")
                connection.close()
            else:
                self._seen[kind].append((time.perf_counter() - began) * 1000)

    def _requests(self, rng: random.Random) -> dict[str, Callable[[Get], object]]:
        def ticket(get: Get, kind: str, width: int, more: str = "") -> None:
            (place,) = regions(width, 1, seed=rng.randrange(10**9))
            for entry in json.loads(get(path_of(kind, place) + more))["htsget"]["urls"]:
                if not entry["url"].startswith("data:"):
                    get(urlsplit(entry["url"]).path)

        def slice_of(get: Get) -> None:
            start = rng.randrange(990_000)
            get(f"/sequence/{rng.choice(self._known)}?start={start}&end={start + 1000}")

        return {
            "BAM, 100 b": lambda get: ticket(get, "reads", 100),
            "BAM, 100 kb and its blocks": lambda get: ticket(get, "reads", 100_000),
            "BAM, 10 kb, a tag removed": lambda get: ticket(get, "reads", 10_000, "&notags=NM"),
            "VCF, 10 kb": lambda get: ticket(get, "variants", 10_000),
            "slice": slice_of,
            "metadata": lambda get: get(f"/sequence/{rng.choice(self._known)}/metadata"),
            "service-info": lambda get: get("/reads/service-info"),
            "ready": lambda get: get("/readyz"),
            "metrics": lambda get: get("/metrics"),
        }

    def _ingest(self) -> None:
        """Ingest new proteins, one file after the other, with a pause between."""
        while time.monotonic() < self._until:
            path = self._home / "proteins.fa"
            rng = random.Random(self._ingests)
            lines = (
                f">p{self._ingests}.{number}\n{''.join(rng.choices('ACDEFGHIKLMNPQRSTVWY', k=100))}\n"
                for number in range(self._options.proteins)
            )
            path.write_text("".join(lines))
            command = [sys.executable, "manage.py", "ingest_fasta", str(path), "--authority", "soak"]
            done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True)
            if done.returncode:
                self._errors.append(f"ingest: {done.stderr[-300:]}")
            self._ingests += 1
            time.sleep(min(_PAUSE, max(0.0, self._until - time.monotonic())))

    def _memory(self) -> Iterator[tuple[float, list[float]]]:
        """Yield, every few seconds, the time since the begin and the MB of the server's processes, largest first."""
        began = time.monotonic()
        while time.monotonic() < self._until:
            sizes = []
            for process in psutil.Process().children(recursive=True):
                with contextlib.suppress(psutil.Error, IndexError):
                    if "serve" in process.cmdline():
                        sizes.append(process.memory_full_info().uss / 1e6)
            yield time.monotonic() - began, sorted(sizes, reverse=True)[: self._options.workers]
            time.sleep(_PAUSE)

    def _print(self, memory: list[tuple[float, list[float]]]) -> None:
        out = io.StringIO()
        count = sum(map(len, self._seen.values()))
        rate = count / self._options.seconds
        print(
            f"{count} requests, {rate:.0f} a second, {self._ingests} ingests, {len(self._errors)} errors",
            file=out,
        )
        for kind, times in sorted(self._seen.items()):
            cuts = quantiles(times, n=100)
            print(f"{kind:28} {len(times):7}  median {cuts[49]:7.1f} ms  p99 {cuts[98]:7.1f} ms", file=out)
        for at in (0, 60, self._options.seconds // 2, self._options.seconds):
            seconds, sizes = min(memory, key=lambda each: abs(each[0] - at))
            print(
                f"after {seconds:4.0f} s: {', '.join(f'{size:.1f}' for size in sizes)} MB a worker", file=out
            )
        print(*self._errors[:5], sep="\n", file=out)
        print(out.getvalue(), flush=True)


if __name__ == "__main__":
    main()
