"""A site of its own with accounts for the roles of the desk, files in a storage, and contigs without a sequence."""

import contextlib
import json
import random
import shutil
import signal
import subprocess
import sys
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from playwright.sync_api import Locator, Page

from tests.catalogue.lab import CONTIGS, make_reads_file, make_variants_file
from tests.live import PATIENCE, Site, make_site, served
from tests.paths import PROJECT

PASSWORD = "correct horse battery staple"
COLLECTION = "lab genome"
#: Roles, each an account of this name; a steward and an owner have a grant on `trio` and on `second`, and nothing else.
ROLES = {
    "steward": "steward", "owner": "steward", "curator": "curator", "auditor": "auditor",
    "boss": "catalogue administrator",
}  # fmt: skip

#: Makes the accounts, and writes a session of each: the hash of a password takes long, by design.
_ACCOUNTS = f"""
import json
from django.contrib.auth.models import Group, User
from django.test import Client
from catalogue.models import Dataset, Grant, StoragePrefix
for slug in ("trio", "second"):
    dataset, _ = Dataset.objects.get_or_create(slug=slug)
    StoragePrefix.objects.create(dataset=dataset, storage="lab", prefix="trio/")
for name, group in {ROLES!r}.items():
    user = User.objects.create_user(name)
    user.groups.add(Group.objects.get(name=group))
    if name in ("steward", "owner"):
        for dataset in Dataset.objects.all():
            Grant.objects.create(dataset=dataset, user=user, role=name)
User.objects.create_user("reader")
User.objects.create_superuser("root", password={PASSWORD!r})
sessions = {{}}
for user in User.objects.all():
    client = Client()
    client.force_login(user)
    sessions[user.username] = client.cookies["sessionid"].value
print(json.dumps(sessions))
"""


@dataclass(slots=True)
class Clicks:
    """A page, and how often it was clicked since somebody signed in; what is typed does not count."""

    page: Page
    count: int = 0

    def on(self, role: str, name: str, *, exact: bool = True) -> None:
        """Click on the first element of a role and a name."""
        self.at(self.page.get_by_role(role, name=name, exact=exact).first)  # type: ignore[arg-type]

    def at(self, element: Locator) -> None:
        """Click on an element."""
        element.click()
        self.count += 1

    def choose(self, label: str, option: str) -> None:
        """Choose an option of a select."""
        self.page.get_by_label(label).first.select_option(option)
        self.count += 1

    def give(self, label: str, path: Path) -> None:
        """Choose a file to upload."""
        self.page.get_by_label(label).set_input_files(path)
        self.count += 1


@dataclass(frozen=True, slots=True)
class Desk:
    """The running site, and files to upload to it."""

    site: Site
    folder: Path
    sessions: Mapping[str, str]

    def enter(self, page: Page, name: str) -> Clicks:
        """Open the first page of the desk as somebody who has signed in; counting begins there."""
        page.context.add_cookies([{"name": "sessionid", "value": self.sessions[name], "url": self.site.url}])
        page.goto(f"{self.site.url}/admin/")
        return Clicks(page)


@contextlib.contextmanager
def running_desk(folder: Path, *, files: int = 0) -> Iterator[Desk]:
    """Make the site, with `files` more files to register, serve it, and run a worker beside it."""
    stored, home = folder / "stored", folder / "home"
    _fill(stored, folder)
    for number in range(files):
        for suffix in ("", ".bai"):
            shutil.copy(stored / f"first/a.bam{suffix}", stored / f"trio/reads/sample{number:03}.bam{suffix}")
    site = make_site(home, {"HTSGETSITE_STORAGES": json.dumps({"lab": stored.as_uri()})})
    told = site.prepare(
        ["ingest_bam", "lab:first/", "--dataset", "trio", "--id-prefix", "first/"],
        ["ingest_bam", "lab:lonely/", "--dataset", "second", "--id-prefix", "lonely/"],
        # After the reads, so that their contigs have no sequence.
        ["ingest_fasta", folder / "genome.fa", "--authority", "lab", "--collection", COLLECTION],
        ["shell", "--verbosity", "0", "-c", _ACCOUNTS],
    )
    with served(site) as running:
        worker = subprocess.Popen(
            [sys.executable, PROJECT / "manage.py", "work"],
            env=site.environment(), cwd=home, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
        )  # fmt: skip
        try:
            yield Desk(running, folder, json.loads(told.splitlines()[-1]))
        finally:
            worker.send_signal(signal.SIGTERM)
            worker.wait(PATIENCE)


def _fill(stored: Path, folder: Path) -> None:
    """Write reads and variants into the storage, and a FASTA file and a manifest to upload."""
    original = make_reads_file(stored / "first/a.bam")
    for name in (
        "first/b.bam",
        "first/c.bam",
        "first/d.bam",
        "lonely/e.bam",
        "trio/reads/one.bam",
        "trio/reads/two.bam",
    ):
        (stored / name).parent.mkdir(parents=True, exist_ok=True)
        for suffix in ("", ".bai"):
            shutil.copy(f"{original}{suffix}", stored / f"{name}{suffix}")
    (stored / "trio/reads/broken.bam").write_bytes(b"this is no BAM file")
    make_variants_file(stored / "trio/calls.vcf.gz")
    rng = random.Random(11)
    genome = "".join(
        f">{name}\n{''.join(rng.choices('ACGT', k=length))}\n" for name, length in CONTIGS.items()
    )
    (folder / "genome.fa").write_text(genome)
    (folder / "more.fa").write_text(f">extra\n{''.join(rng.choices('ACGT', k=3000))}\n>tiny\nACGTN\n")
    (folder / "manifest.csv").write_text(
        "path,id,dataset\nlab:trio/calls.vcf.gz,manifest/calls,trio\nlab:trio/reads/two.bam,manifest/two,trio\n"
    )
