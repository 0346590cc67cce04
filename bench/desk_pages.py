"""Measure pages of the desk with many files and sequences (`python -m bench.desk_pages`).

It prints the median and 95th percentile of each page, in milliseconds, and how many queries it made. With `--database`
it uses a database and leaves it; rows are made where there are none.
"""

import argparse
import random
import re
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from statistics import median, quantiles

from bench.refget_site import own_site

#: Pages that a steward of a dataset does not have.
_OF_ADMINISTRATORS = re.compile("sequence|^a run$|^a file")


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--files", type=int, default=100_000)
    parser.add_argument("--sequences", type=int, default=3_000_000)
    parser.add_argument("--rounds", type=int, default=15)
    parser.add_argument("--database", default="", help="the URL of a database to use, and to keep")
    options = parser.parse_args()
    with (
        tempfile.TemporaryDirectory() as lake,
        own_site({"lake": Path(lake).as_uri()}, database=options.database),
    ):
        for number in range(options.files):
            Path(lake, f"sample{number:07}.bam").touch()
        make_rows(options.files, options.sequences)
        for account in ("administrator", "steward"):
            print(f"{account:46}  median     p95  ms   queries")
            for name, path in pages(options.files, options.sequences).items():
                if account == "administrator" or not _OF_ADMINISTRATORS.search(name):
                    measured(account, name, path, options.rounds)
            for name, form in changes(options.files).items():
                measured(account, name, lambda n: "catalogue/datafile/", options.rounds, form)
            for name, (path, form) in previews(options.files).items():
                measured(account, name, path, options.rounds, form)


def make_rows(files: int, sequences: int) -> None:
    """Fill the tables that are empty, and make an administrator and a steward of one of the twenty datasets."""
    from django.contrib.auth.models import Group, User

    from bench.made_catalogue import (
        make_assembly_rows,
        make_file_rows,
        make_preview_rows,
        make_run_rows,
        make_sequence_rows,
    )
    from catalogue.models import DataFile, Dataset, Grant, IngestRun, Sequence, StoragePrefix

    if not Sequence.objects.exists():
        make_sequence_rows(sequences)
        make_assembly_rows(1000, members=300, sequences=sequences, genomes=10, genes=60_000)
    if not DataFile.objects.exists():
        make_file_rows(files, contigs=5)
        make_run_rows(3000, events=300_000)
        User.objects.create_superuser("administrator")
        steward = User.objects.create_user("steward")
        steward.groups.add(Group.objects.get(name="steward"))
        Grant.objects.create(dataset=Dataset.objects.get(slug="set3"), user=steward, role="steward")
    if not IngestRun.objects.filter(dry_run=True).exists():
        make_preview_rows(files)
        StoragePrefix.objects.create(dataset=Dataset.objects.get(slug="set3"), storage="lake", prefix="")


def pages(files: int, sequences: int) -> dict[str, Callable[[int], str]]:
    """Return paths by name; each takes a random number."""
    from bench.made_catalogue import accession
    from catalogue.models import IngestRun

    preview = IngestRun.objects.filter(dry_run=True).latest("pk").pk

    def of(number: int) -> str:
        return accession(number % (sequences - 9) // 10 * 10 + 10)

    return {
        "first page of the desk": lambda n: "",
        "list of files": lambda n: "catalogue/datafile/",
        "list of files, page 90": lambda n: "catalogue/datafile/?p=90",
        "files by part of an id": lambda n: f"catalogue/datafile/?q=le{n % files:07}",
        "files by part of a sample": lambda n: f"catalogue/datafile/?q=umour{n % files}",
        "files by a part that all have": lambda n: "catalogue/datafile/?q=sample",
        "files by nothing that exists": lambda n: f"catalogue/datafile/?q=nosuch{n}",
        "files by state": lambda n: "catalogue/datafile/?state__exact=missing",
        "files by storage and format": lambda n: "catalogue/datafile/?storage=files&format=VCF",
        "a file": lambda n: f"catalogue/datafile/{n % files + 1}/change/",
        "a file of 10,000 contigs": lambda n: "catalogue/datafile/1/change/",
        "list of datasets": lambda n: "catalogue/dataset/",
        "a dataset": lambda n: "catalogue/dataset/4/change/",
        "references that are missing": lambda n: "references/",
        "missing references by part of a name": lambda n: "references/?q=hr3",
        "jobs and runs": lambda n: "catalogue/ingestrun/",
        "a run": lambda n: f"runs/{n % 3000 + 1}/",
        "a preview of all files": lambda n: f"runs/{preview}/",
        "its last page": lambda n: f"runs/{preview}/?p={files // 100}",
        "its files that fail": lambda n: f"runs/{preview}/?outcome=failed",
        "its state": lambda n: f"runs/{preview}/state",
        "storages to browse": lambda n: "register/",
        "a prefix of 100,000 files": lambda n: "register/browse/?storage=lake",
        "the same, from the middle": lambda n: (
            f"register/browse/?storage=lake&after=sample{n % files:07}.bam"
        ),
        "form for a manifest": lambda n: "register/manifest/",
        "form for sequences": lambda n: "register/sequences/",
        "grants": lambda n: "catalogue/grant/",
        "what a person may see": lambda n: "people/?name=steward",
        "audit": lambda n: "catalogue/auditevent/",
        "audit by part of a target": lambda n: f"catalogue/auditevent/?q=le{n % files:07}",
        "list of sequences": lambda n: "catalogue/sequence/",
        "sequence by name": lambda n: f"catalogue/sequence/?q={of(n)}",
        "sequence by the beginning of a name": lambda n: f"catalogue/sequence/?q={of(n)[:8]}",
        "sequence by the number of its name": lambda n: f"catalogue/sequence/?q={of(n)[2:-2].lstrip('0')}",
        "sequence by part of a name": lambda n: f"catalogue/sequence/?q={of(n)[:-2].lower()}v1_ra",
        "sequence by a part of many names": lambda n: "catalogue/sequence/?q=_random",
        "sequence by nothing that exists": lambda n: f"catalogue/sequence/?q=nosuch{n}",
        "sequences that are private": lambda n: "catalogue/sequence/?private__exact=1",
        "a sequence": lambda n: f"catalogue/sequence/{n % sequences + 1}/change/",
        "list of collections of sequences": lambda n: "catalogue/sequencecollection/",
        "collections of sequences by name": lambda n: f"catalogue/sequencecollection/?q=bly_{n % 1000}",
        "a collection of sequences": lambda n: f"catalogue/sequencecollection/{n % 1000 + 1}/change/",
        "list of genomes of sequences": lambda n: "catalogue/genome/",
    }


def changes(files: int) -> dict[str, Callable[[int], dict[str, object]]]:
    """Return forms with ticked files of `set3`, for pages that say what will happen; each takes a random number."""

    def ticked(action: str, count: int) -> Callable[[int], dict[str, object]]:
        return lambda n: {
            "action": action, "index": 0, "step": "plan", "to": "set3",
            "_selected_action": [(n + each) % (files // 20 - 1) * 20 + 3 for each in range(count)],
        }  # fmt: skip

    return {
        f"{action} {count:,} files: what will happen": ticked(action, count)
        for action in ("move", "remove", "verify")
        for count in (1, 100)
    }


def previews(files: int) -> dict[str, tuple[Callable[[int], str], Callable[[int], dict[str, object]]]]:
    """Return paths and forms that queue a preview."""

    def browsed(n: int) -> str:
        return "register/browse/?storage=lake"

    def ticked(n: int, count: int) -> dict[str, object]:
        names = [f"lake:sample{(n + each) % files:07}.bam" for each in range(count)]
        return {"kind": "reads", "dataset": "set3", "files": names}

    def manifest(n: int) -> dict[str, object]:
        rows = [f"lake:sample{each % files:07}.bam,new/{each},set3" for each in range(n, n + 1000)]
        return {"text": "\n".join(["path,id,dataset", *rows])}

    return {
        "preview 200 files": (browsed, lambda n: ticked(n, 200)),
        "preview a prefix": (browsed, lambda n: {**ticked(n, 0), "files": ["lake:"], "id_prefix": str(n)}),
        "preview a manifest of 1,000 rows": (lambda n: "register/manifest/", manifest),
    }


def measured(
    account: str,
    name: str,
    make: Callable[[int], str],
    rounds: int,
    form: Callable[[int], dict[str, object]] | None = None,
) -> None:
    """Print the times of one page, after a request that is not counted; what it writes is taken back."""
    from django.contrib.auth.models import User
    from django.db import connection, reset_queries, transaction
    from django.test import Client
    from django.test.utils import CaptureQueriesContext

    client = Client(headers={"host": "localhost"})
    client.force_login(User.objects.get(username=account))
    numbers = random.Random(name)
    times, queries = [], 0
    for _ in range(rounds + 1):
        number = numbers.randrange(1, 10**9)
        path = f"/admin/{make(number)}"
        reset_queries()
        with transaction.atomic(), CaptureQueriesContext(connection) as captured:
            began = time.perf_counter()
            answer = client.post(path, form(number)) if form else client.get(path)
            times.append(1000 * (time.perf_counter() - began))
            transaction.set_rollback(True)
        # Whoever may browse only one place gets there at once, and a preview has a page of its own.
        is_sent_on = answer.status_code == 302 and (form is not None or path == "/admin/register/")
        assert answer.status_code == 200 or is_sent_on, (path, answer, answer.content)
        assert form is None or is_sent_on or b"What will happen" in answer.content, path
        queries = len(captured)
    print(
        f"  {name:44} {median(times[1:]):8.1f} {quantiles(times[1:], n=20)[18]:7.1f}      {queries}",
        flush=True,
    )


if __name__ == "__main__":
    main()
