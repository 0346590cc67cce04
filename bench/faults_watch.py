"""What `bench.faults` reads of the metrics while it breaks a site: what they count, and whether any goes backwards."""

import re
import shutil
import subprocess
import threading
from collections import Counter
from dataclasses import dataclass, field

from prometheus_client.parser import text_string_to_metric_families

from bench.faults_site import Server


@dataclass
class Watch:
    """Reads the metrics every second, and notes counters that go backwards."""

    server: Server
    backwards: list[str] = field(default_factory=list)
    reads: int = 0
    failures: int = 0
    _last: dict[str, float] = field(default_factory=dict)
    _stop: threading.Event = field(default_factory=threading.Event)
    _guard: threading.Lock = field(default_factory=threading.Lock)

    def start(self) -> None:
        """Begin."""
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._thread.start()

    def stop(self) -> None:
        """End, before the server is stopped."""
        self._stop.set()
        self._thread.join()

    def forget(self) -> None:
        """Compare with nothing: counters start at 0 with a server."""
        with self._guard:
            self._last = {}

    def read(self) -> dict[str, float]:
        """Return every sample that counts, and compare with the last time."""
        with self._guard:
            found = _counted(self.server.metrics())
            self.reads += 1
            for name, value in self._last.items():
                if found.get(name, -1.0) < value:
                    self.backwards.append(f"{name}: {value} then {found.get(name)}")
            self._last = found
            return found

    def check(self) -> None:
        """Let promtool read them. Raises SystemExit with what it finds."""
        if program := shutil.which("promtool"):
            text = self.server.metrics().encode()
            done = subprocess.run([program, "check", "metrics"], input=text, capture_output=True)
            if done.returncode or done.stdout or done.stderr:
                raise SystemExit(f"promtool: {(done.stdout + done.stderr).decode()}")

    def _run(self) -> None:
        while not self._stop.wait(1.0):
            try:
                self.read()
            except OSError:
                self.failures += 1


def _counted(text: str) -> dict[str, float]:
    """Return the counters, and the parts of histograms, by name and labels."""
    return {
        f"{sample.name}{sorted(sample.labels.items())}": sample.value
        for family in text_string_to_metric_families(text)
        if family.type in {"counter", "histogram"}
        for sample in family.samples
        if not sample.name.endswith("_created")
    }


def _told(name: str) -> str | None:
    """Return what a sample tells about faults, None if it is of another kind."""
    labels = dict(re.findall(r"\('(\w+)', '([^']*)'\)", name))
    if name.startswith("htsgetsite_requests_total"):
        outcome = labels["outcome"]
        return f"requests {outcome}" if outcome[0] in "5b" or outcome == "403" else None
    if name.startswith("htsgetsite_database_errors_total"):
        return f"database errors {labels['error']}"
    if name.startswith("htsgetsite_storage_errors_total"):
        return f"storage errors {labels['storage']} {labels['operation']} {labels['error']}"
    if name.startswith("htsgetsite_conversions_total") and labels["outcome"] != "done":
        return f"conversions {labels['outcome']}"
    return None


def differences(before: dict[str, float], after: dict[str, float]) -> dict[str, float]:
    """Return what was counted in between that tells about faults."""
    found: Counter[str] = Counter()
    for name, value in after.items():
        if (told := _told(name)) and value > before.get(name, 0.0):
            found[told] += int(value - before.get(name, 0.0))
    return dict(found)
