"""Break what a site depends on while clients ask (`python -m bench.faults`): what each sees, and how it recovers.

The site has two web workers, a worker of jobs, a PostgreSQL of its own, an object store, and small disks for its home,
its temporary files and its database, which need root (mount) and Linux. The clock needs Debian's `faketime`. It prints
the table of docs/faults.md, and ends with status 1 if a counter went backwards, bytes were wrong, or something did not
recover.
"""

import argparse
import re
import secrets
import shutil
import signal
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import psutil

from bench.faults_clients import Held, make_clients
from bench.faults_load import Client, Load, is_good
from bench.faults_site import Database, Disk, Server, Store, can_move_clocks, small_disks, storages
from bench.faults_watch import Watch, differences
from bench.htsget_made import make_long_contig
from bench.refget_site import make_residues

_CALM: Final = 4.0
_PATIENCE: Final = 120.0
_HOUR: Final = 3600
_LINE: Final = re.compile(r"^\S+ \S+ (?P<level>[A-Z]+) \[[^\]]*\] (?P<logger>[\w.]+): (?P<message>.*)$")
_PARTS: Final = (
    (re.compile(r"'[^']*'|<[^>]*>"), "…"),
    (re.compile(r"\d+(\.\d+)*"), "N"),
)
_HOLD_FAR: Final = """
from catalogue.formats.digests import sequence_digests
from catalogue.models import ResidueBlob, Sequence
residues = open({path!r}, "rb").read()
found = sequence_digests(residues)
blob = ResidueBlob.objects.create(storage="far", key="residues", size=len(residues))
Sequence.objects.create(
    md5=found.md5, sha512t24u=found.sha512t24u, length=len(residues), blob=blob, offset=0
)
"""


def _nothing() -> None:
    """Do nothing."""


@dataclass(frozen=True, slots=True)
class Fault:
    """Something that happens to a site: how it begins, how long it lasts, how it ends."""

    name: str
    begin: Callable[[], object]
    end: Callable[[], object] = _nothing
    seconds: float = 0.0


@dataclass(slots=True)
class Seen:
    """What there was to see of one fault."""

    fault: str
    clients: dict[str, Counter[str]]
    metrics: dict[str, float]
    log: Counter[str]
    tracebacks: int
    recovery: float
    slowest: str
    recovered: bool
    restarts: int


@dataclass
class Site:
    """The parts of the site that can be broken."""

    server: Server
    database: Database
    store: Store
    disks: dict[str, Disk]

    def faults(self) -> Iterator[Fault]:
        """Yield the faults of a server with the machine's clock."""
        store, database, server, disks = self.store, self.database, self.server, self.disks
        yield Fault("the object store is down", store.kill, store.start, 8)
        yield Fault(
            "the object store hangs",
            lambda: store.process.send_signal(signal.SIGSTOP),
            lambda: store.process.send_signal(signal.SIGCONT),
            20,
        )
        yield Fault("the database is restarted", database.restart)
        yield Fault(
            "the database crashes, and is down", lambda: database.stop("immediate"), database.start, 8
        )
        yield Fault("the database hangs", lambda: self._signal_database(signal.SIGSTOP), self._wake, 20)
        yield Fault("a web worker is killed", lambda: server.workers()[0].kill())
        yield Fault("both web workers are killed", lambda: [each.kill() for each in server.workers()])
        yield Fault("the worker of jobs is killed", lambda: [each.kill() for each in server.jobs()])
        yield Fault("the disk of the home is full", disks["home"].fill, disks["home"].clear, 8)
        yield Fault(
            "the disk of temporary files is full, and a web worker is killed",
            self._fill_and_kill,
            disks["temporary"].clear,
            8,
        )
        yield Fault("the disk of the database is full", disks["database"].fill, self._mend_database, 8)

    def clock_faults(self) -> Iterator[Fault]:
        """Yield the faults of a server with a clock of its own."""
        move = self.server.move_clock
        yield Fault("the clock jumps 2 hours ahead", lambda: move(2 * _HOUR), seconds=6)
        yield Fault("the clock is set right, 2 hours back", lambda: move(0), seconds=6)
        yield Fault("the clock jumps 2 hours back", lambda: move(-2 * _HOUR), seconds=6)
        yield Fault("the clock is set right, 2 hours ahead", lambda: move(0), seconds=6)

    def _signal_database(self, number: int) -> None:
        for process in psutil.process_iter(["cmdline"]):
            if str(self.disks["database"].folder) in " ".join(process.info["cmdline"] or ()):
                for each in (process, *process.children(recursive=True)):
                    each.send_signal(number)

    def _fill_and_kill(self) -> None:
        self.disks["temporary"].fill()
        time.sleep(_CALM)
        self.server.workers()[0].kill()

    def _wake(self) -> None:
        self._signal_database(signal.SIGCONT)

    def _mend_database(self) -> None:
        self.disks["database"].clear()
        # A full disk may have ended it, as an operator's service manager would then see.
        if not self.database.is_up():
            self.database.start()


class Run:
    """The load on a site, and what is seen of one fault after the other."""

    def __init__(self, site: Site, clients: list[Client]) -> None:
        self._server = site.server
        self._clients = clients
        self._restarts = 0
        self.watch = Watch(site.server)

    def settle(self) -> None:
        """Wait until every client has been answered well."""
        now = time.monotonic()
        self._await_calm(now, now)

    def see(self, fault: Fault) -> Seen:
        """Cause a fault under load; return what was seen until everything was well again."""
        time.sleep(_CALM)
        before, position, restarts = self.watch.read(), self._server.log.stat().st_size, self._restarts
        began = time.monotonic()
        fault.begin()
        time.sleep(fault.seconds)
        fault.end()
        repaired = time.monotonic()
        recovered = self._await_calm(began, repaired)
        last = {each.name: each.last_bad(began) or began for each in self._clients}
        slowest = max(last, key=lambda name: last[name])
        after = self.watch.read()
        self.watch.check()
        with self._server.log.open("rb") as log:
            log.seek(position)
            lines = log.read().decode(errors="replace").splitlines()
        return Seen(
            fault.name,
            {each.name: each.since(began, time.monotonic()) for each in self._clients},
            differences(before, after),
            _messages(lines),
            sum("Traceback (most recent call last)" in line for line in lines),
            max(0.0, last[slowest] - repaired),
            slowest,
            recovered,
            self._restarts - restarts,
        )

    def _await_calm(self, began: float, repaired: float) -> bool:
        """Wait until every client has been answered well, and nothing else, for a while."""
        while (now := time.monotonic()) < repaired + _PATIENCE:
            if not self._server.is_up():
                # As a service manager would.
                self._restarts += 1
                self.watch.forget()
                self._server.start()
            quiet = now - _CALM
            if quiet > repaired and all(
                any(note.good and note.ended > quiet for note in each.notes[-200:])
                and (each.last_bad(began) or 0.0) < quiet
                for each in self._clients
            ):
                return True
            time.sleep(0.2)
        return False


def _messages(lines: list[str]) -> Counter[str]:
    """Return how often there was each message of WARNING and above, apart from numbers and names."""
    found: Counter[str] = Counter()
    for line in lines:
        match = _LINE.match(line)
        if match is None or match["level"] == "INFO":
            continue
        message = match["message"]
        for pattern, instead in _PARTS:
            message = pattern.sub(instead, message)
        found[f"{match['level']} {message[:110]}"] += 1
    return found


def _print(seen: Seen) -> None:
    """Print one row."""
    good, cells = [], []
    for name, outcomes in seen.clients.items():
        bad = {what: count for what, count in outcomes.items() if not is_good(what)}
        if not bad:
            good.append(name)
            continue
        told = ", ".join(f"{what} × {count}" for what, count in sorted(bad.items()))
        cells.append(f"{name}: {told} of {sum(outcomes.values())}")
    cells.append(f"well: {', '.join(good)}" if good else "well: none")
    metrics = [f"{name} +{count:.0f}" for name, count in sorted(seen.metrics.items())]
    log = [f"{message} × {count}" for message, count in seen.log.most_common(4)]
    if seen.restarts:
        log.append(f"**the server ended and was started again × {seen.restarts}**")
    if seen.tracebacks:
        log.append(f"**{seen.tracebacks} tracebacks**")
    recovery = f"{seen.recovery:.1f} s ({seen.slowest})" if seen.recovery else "at once"
    if not seen.recovered:
        recovery = "**not**"
    columns = ["<br>".join(each) or "–" for each in (cells, metrics, log)]
    print(f"| {seen.fault} | {' | '.join(columns)} | {recovery} |".replace("\n", " "), flush=True)


def main() -> None:
    """Print a row for each fault."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--only", default="", help="only faults whose name has this text")
    parser.add_argument("--keep", type=Path, help="keep the log of the server and samples of errors here")
    options = parser.parse_args()
    _, bam = make_long_contig(2_000_000)
    top = Path(tempfile.mkdtemp(prefix="htsgetsite-faults-"))
    top.chmod(0o755)
    with small_disks(top, home=200, temporary=32, database=400) as disks:
        database, bucket = Database(disks["database"].folder), top / "bucket" / "bucket"
        bucket.mkdir(parents=True)
        for path in (bam, Path(f"{bam}.bai")):
            shutil.copy(path, bucket / path.name.replace(bam.name, "deep.bam"))
        (bucket / "residues").write_bytes(make_residues(1_000_000, 7))
        store = Store(bucket.parent)
        server = _make_server(top, disks, database, store)
        try:
            failures = _run(Site(server, database, store, disks), bucket, options.only)
        finally:
            if server.is_up():
                server.stop()
            store.kill()
            database.stop("immediate")
            if options.keep:
                shutil.copy(server.log, options.keep)
    sys.exit(1 if failures else 0)


def _make_server(top: Path, disks: dict[str, Disk], database: Database, store: Store) -> Server:
    variables = {
        "DATABASE_URL": database.url,
        "SECRET_KEY": secrets.token_urlsafe(64),
        "ALLOWED_HOSTS": "127.0.0.1",
        "TMPDIR": str(disks["temporary"].folder),
        "HTSGETSITE_STORAGES": storages(store),
        "HTSGET_PROXY_DATA": "always",
        "AWS_ACCESS_KEY_ID": "bench",
        "AWS_SECRET_ACCESS_KEY": "bench",
        "NO_PROXY": "127.0.0.1",
        "SERVE_JOBS": "1",
        **{f"THROTTLE_{kind}": "none" for kind in ("TICKETS_USER", "TICKETS_ADDRESS", "FAILURES")},
        **{f"THROTTLE_GRAPHQL_{kind}": "none" for kind in ("USER", "ADDRESS")},
        **{f"NIGHTLY_{kind}": "off" for kind in ("REFRESH_STATES", "REMOVE_ORPHANS", "PRUNE_AUDIT")},
    }
    return Server(disks["home"].folder, top / "server.log", variables)


def _run(site: Site, bucket: Path, only: str) -> list[str]:
    """Cause every fault; return what must not be."""
    server = site.server
    server.manage("demo", "--no-serve", "--verbosity", "0")
    server.manage("ingest_bam", "far:deep.bam", "--dataset", "demo", "--public", "--id", "deep")
    server.manage("shell", "--no-imports", "-c", _HOLD_FAR.format(path=str(bucket / "residues")))
    token = server.make_token()
    failures: list[str] = []
    print("| fault | what clients saw | what the metrics count | what the log says | well again after |")
    print("|---|---|---|---|---|", flush=True)
    turns = [(site.faults(), False)] + ([(site.clock_faults(), True)] if can_move_clocks() else [])
    for faults, own_clock in turns:
        chosen = [fault for fault in faults if only in fault.name]
        if not chosen:
            continue
        server.start(own_clock=own_clock)
        held = Held(server.url, (bucket / "residues").read_bytes(), (bucket / "deep.bam").read_bytes())
        clients = make_clients(held, token)
        load, run = Load(clients), Run(site, clients)
        load.start()
        run.watch.start()
        run.settle()
        for fault in chosen:
            seen = run.see(fault)
            _print(seen)
            failures += [] if seen.recovered else [f"{fault.name}: no recovery"]
            failures += [
                f"{fault.name}: {what}" for each in seen.clients.values() for what in each if "wrong" in what
            ]
        load.stop()
        run.watch.stop()
        failures += run.watch.backwards + held.lost()
        print(
            f"\n{run.watch.reads} reads of the metrics, {run.watch.failures} without an answer, counters backwards: "
            f"{len(run.watch.backwards)}; stopped in {server.stop():.1f} s\n",
            file=sys.stderr,
        )
        for client in clients:
            for status, sample in client.samples.items():
                print(f"{client.name} {status}: {sample}", file=sys.stderr)
    print(*failures, sep="\n", file=sys.stderr)
    return failures


if __name__ == "__main__":
    main()
