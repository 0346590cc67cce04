"""Measure pages of the desk with many files and sequences (`python -m bench.desk_pages`).

It prints the median and 95th percentile of each page, in milliseconds, and how many queries it made.
"""

import argparse
import random
import time
from collections.abc import Callable
from statistics import median, quantiles

from bench.refget_site import own_site

_SEQUENCES = """
INSERT INTO catalogue_sequence (md5, sha512t24u, length, circular, molecule)
SELECT decode(md5(n::text), 'hex'), substr(sha512(n::text::bytea), 1, 24), 100 + n, false, 'dna'
  FROM generate_series(1, %s) AS n
"""
_ALIASES = """
INSERT INTO catalogue_alias (authority_id, name, sequence_id)
SELECT (SELECT min(id) FROM catalogue_namingauthority), format('NC_%%s.1', lpad(id::text, 8, '0')), id
  FROM catalogue_sequence
"""


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--files", type=int, default=100_000)
    parser.add_argument("--sequences", type=int, default=3_000_000)
    parser.add_argument("--rounds", type=int, default=15)
    options = parser.parse_args()
    with own_site():
        make_rows(options.files, options.sequences)
        for account in ("administrator", "steward"):
            print(f"{account:46}  median     p95  ms   queries")
            for name, path in pages(options.files, options.sequences).items():
                if account == "administrator" or "sequence" not in name:
                    measured(account, name, path, options.rounds)


def make_rows(files: int, sequences: int) -> None:
    """Fill the tables, and make an administrator and a steward of one of the twenty datasets."""
    from django.contrib.auth.models import Group, User
    from django.db import connection

    from bench.made_catalogue import make_file_rows
    from catalogue.models import Dataset, Grant

    make_file_rows(files, contigs=5)
    with connection.cursor() as cursor:
        cursor.execute(_SEQUENCES, [sequences])
        cursor.execute(_ALIASES)
        cursor.execute("VACUUM ANALYZE")
    User.objects.create_superuser("administrator")
    steward = User.objects.create_user("steward")
    steward.groups.add(Group.objects.get(name="steward"))
    Grant.objects.create(dataset=Dataset.objects.get(slug="set3"), user=steward, role="steward")


def pages(files: int, sequences: int) -> dict[str, Callable[[int], str]]:
    """Return paths by name; each takes a random number."""
    return {
        "first page of the desk": lambda n: "",
        "list of files": lambda n: "catalogue/datafile/",
        "list of files, page 90": lambda n: "catalogue/datafile/?p=90",
        "files by part of an id": lambda n: f"catalogue/datafile/?q=le{n % files:07}",
        "files by part of a sample": lambda n: f"catalogue/datafile/?q=umour{n % files}",
        "files by state": lambda n: "catalogue/datafile/?state__exact=missing",
        "files by storage and format": lambda n: "catalogue/datafile/?storage=files&format=VCF",
        "list of datasets": lambda n: "catalogue/dataset/",
        "contigs without a sequence": lambda n: "references/",
        "list of sequences": lambda n: "catalogue/sequence/",
        "sequence by name": lambda n: f"catalogue/sequence/?q=NC_{n % sequences:08}.1",
        "sequence by the beginning of a name": lambda n: f"catalogue/sequence/?q=NC_{n % sequences:08}",
    }


def measured(account: str, name: str, make: Callable[[int], str], rounds: int) -> None:
    """Print the times of one page."""
    from django.contrib.auth.models import User
    from django.db import connection
    from django.test import Client
    from django.test.utils import CaptureQueriesContext

    client = Client(headers={"host": "localhost"})
    client.force_login(User.objects.get(username=account))
    numbers = random.Random(name)
    times, queries = [], 0
    for _ in range(rounds):
        path = f"/admin/{make(numbers.randrange(1, 10**9))}"
        with CaptureQueriesContext(connection) as captured:
            began = time.perf_counter()
            answer = client.get(path)
            times.append(1000 * (time.perf_counter() - began))
        assert answer.status_code == 200, (path, answer)
        queries = len(captured)
    print(f"  {name:44} {median(times):8.1f} {quantiles(times, n=20)[18]:7.1f}      {queries}")


if __name__ == "__main__":
    main()
