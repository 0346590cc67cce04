"""Measure the lists of the catalogue API on a large catalogue (`python -m bench.api_lists`).

The catalogue is that of `bench.large_catalogue`, with 3,000 runs and 2,000 grants besides. Each list is asked for in
this process, without a network, several times after a first one that is not counted: by nobody, by an account with
grants on two datasets, and by an administrator with a token to manage.
"""

from typing import Any

from bench.large_catalogue import Table, execute, file_id, large_catalogue

_RUNS = """
INSERT INTO catalogue_ingestrun
    (command, actor, account_id, of_account, arguments, dry_run, queued, started, finished, outcome, summary)
SELECT 'ingest_bam', 'ada', (SELECT id FROM auth_user WHERE username = 'ada'), true,
       jsonb_build_object('dataset', 'study-' || n %% 20 + 1), false, now(), now() - n * interval '1 minute', now(),
       'succeeded', '{}'
FROM generate_series(1, 3000) AS n
"""
_GRANTS = """
WITH people AS (
    INSERT INTO auth_user (username, password, first_name, last_name, email, is_active, is_staff, is_superuser,
        date_joined)
    SELECT 'reader' || n, '', '', '', '', true, false, false, now() FROM generate_series(1, 2000) AS n RETURNING id)
INSERT INTO catalogue_grant
    (dataset_id, user_id, visa_type, visa_value, visa_source, visa_issuer, role, kinds, header_only, limited_to_files,
     limited_to_regions, note, revision, created)
SELECT (SELECT min(id) FROM catalogue_dataset) + id %% 20, id, '', '', '', '', 'reader', '{}', false,
       false, false, '', 1, now() - id * interval '1 minute'
FROM people
"""


def main() -> None:
    """Print the medians of every list, and which of them are over the limit."""
    with large_catalogue(__doc__) as rounds:
        lists(accounts(), rounds)


def accounts() -> dict[str, str]:
    """Make the accounts, runs and grants; return the tokens by what the accounts are."""
    from django.contrib.auth.models import Group, User

    from catalogue import api_tokens
    from catalogue.models import Dataset
    from tests.catalogue.made_access import make_grant

    ada, boss = User.objects.create_user("ada"), User.objects.create_user("boss")
    boss.groups.add(Group.objects.get(name="catalogue administrator"))
    for slug in ("study-1", "study-3"):
        make_grant(Dataset.objects.get(slug=slug), ada)
    execute(_RUNS)
    execute(_GRANTS)
    execute("ANALYZE")
    reading = ["reads", "variants", "sequences"]
    return {
        "nobody": "",
        "account": api_tokens.issue(user=ada, name="bench", scopes=reading)[1],
        "to manage": api_tokens.issue(user=boss, name="bench", scopes=[*reading, "manage"])[1],
    }


def lists(tokens: dict[str, str], rounds: int) -> None:
    """Print the times of each list, for each of the viewers."""
    from django.conf import settings
    from django.test import Client

    settings.RATE_LIMIT_TICKETS = 0
    viewers = {
        name: Client(headers={"host": "localhost", **({"authorization": f"Bearer {token}"} if token else {})})
        for name, token in tokens.items()
    }
    table = Table("list", viewers, rounds)
    for name, path in targets().items():
        closed = {"/api/runs": ("nobody",), "/api/inputs": ("nobody",), "/api/grants": ("nobody", "account")}
        table.row(name, path, without=closed.get(path.rpartition("/")[0], ()))
    table.end()


def targets() -> dict[str, str]:
    """Return the lists by name."""
    from catalogue.models import DataFile, Sequence

    many = DataFile.objects.get(htsget_id=file_id())
    sequence = Sequence.objects.order_by("-pk")[777]
    paths: dict[str, Any] = {
        "datasets": "datasets/",
        "datasets, a part": "datasets/?q=number+1",
        "files": "files/",
        "files, the newest": "files/?order=-ingested",
        "files of a dataset": "files/?dataset=study-2&limit=1000",
        "files with a part": "files/?q=1005000",
        "files with a part of all": "files/?q=SAMN1",
        "files with nothing": "files/?q=xyzzy",
        "files of a sample": "files/?sample=SAMN10050000",
        "files of a reference": f"files/?reference={Sequence.objects.get(pk=1)}",
        "contigs": f"contigs/?file={many.pk}",
        "contigs with a part": f"contigs/?file={many.pk}&q=99",
        "samples": "samples/",
        "samples, 1000": "samples/?limit=1000",
        "samples of a dataset": "samples/?dataset=study-2",
        "samples, the last": "samples/?order=-name",
        "samples with a part": "samples/?q=99999",
        "sequences": "sequences/",
        "sequences, the last": "sequences/?order=-id",
        "sequences held": "sequences/?held=true",
        "sequence by digest": f"sequences/?identifier={sequence}",
        "sequences of a collection": "sequences/?collection=insdc:GCA_000000000.1",
        "aliases": "aliases/",
        "aliases, the last": "aliases/?order=-name",
        "aliases of an authority": "aliases/?authority=insdc",
        "aliases of a sequence": f"aliases/?sequence={sequence}",
        "authorities": "authorities/",
        "collections": "collections/",
        "collections, the newest": "collections/?order=-created",
        "collections with a part": "collections/?q=GCA_0000004",
        "collections of a sequence": f"collections/?sequence={sequence}",
        "collections of an alias": f"collections/?sequence={Sequence.objects.get(pk=1).aliases.get()}",
        "genomes": "genomes/",
        "runs": "runs/",
        "runs, failed": "runs/?outcome=failed",
        "grants": "grants/",
        "grants with a part": "grants/?q=reader19",
    }
    return {name: f"/api/{path}" for name, path in paths.items()}


if __name__ == "__main__":
    main()
