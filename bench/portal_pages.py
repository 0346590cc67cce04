"""Measure the pages for researchers on a large catalogue (`python -m bench.portal_pages`).

The catalogue is that of `bench.large_catalogue`. Pages are asked for in this process, without a network, each several
times in turns after a first one that is not counted; by nobody, and by an account with grants on two of the datasets.
"""

from bench.large_catalogue import Table, file_id, large_catalogue


def main() -> None:
    """Print the medians of every page, and which of them are over the limit."""
    with large_catalogue(__doc__) as rounds:
        pages(rounds)


def pages(rounds: int) -> None:
    """Print the times of each page, for both viewers."""
    from django.contrib.auth.models import User
    from django.test import Client

    from catalogue.models import Dataset
    from tests.catalogue.made_access import make_grant

    user = User.objects.create_user("ada")
    for slug in ("study-1", "study-3"):
        make_grant(Dataset.objects.get(slug=slug), user)
    signed_in = Client(headers={"host": "localhost"})
    signed_in.force_login(user)
    table = Table("page", {"nobody": Client(headers={"host": "localhost"}), "account": signed_in}, rounds)
    for name, path in targets().items():
        table.row(name, path)
    table.end()


def targets() -> dict[str, str]:
    """Return the pages by name."""
    from catalogue.formats.collections import digest_text
    from catalogue.models import Sequence
    from catalogue.models.sequences import SequenceCollection

    large = SequenceCollection.objects.select_related("content").get(name="insdc:GCA_000000000.1")
    assert large.content is not None
    digest = digest_text(bytes(large.content.digest))
    sequence, used = Sequence.objects.order_by("-pk")[777], Sequence.objects.get(pk=1)
    alias = sequence.aliases.get()
    return {
        "home": "/",
        "datasets": "/datasets/",
        "dataset of 25,000 files": "/datasets/study-2",
        "the same, last pages": f"/datasets/study-2?after={last_file()}",
        "the same, filtered by sample": "/datasets/study-2?q=SAMN10077",
        "the same, filtered by nothing": "/datasets/study-2?q=absent",
        "file": "/files/reads/study-2/run/000005",
        "file of 10,000 contigs": f"/files/reads/{file_id()}",
        "the same, another page": f"/files/reads/{file_id()}?after=9000&contig=9",
        "its commands": f"/files/reads/{file_id()}?part=commands&region=contig77:1-100",
        "sequence": f"/sequences/{sequence}",
        "sequence in 100,000 files": f"/sequences/{used}",
        "collections": "/collections/",
        "collection of 10,000": f"/collections/{digest}",
        "the same, filtered": f"/collections/{digest}?q=chr99",
        "search: an id": "/search?q=study-2/run/000005",
        "search: a sample": "/search?q=SAMN10050000",
        "search: part of a sample": "/search?q=1005000",
        "search: part of every sample": "/search?q=SAMN1",
        "search: a closed dataset's part": "/search?q=study-1/run",
        "search: part of every id": "/search?q=run",
        "search: nothing": "/search?q=xyzzy",
        "search: two letters": "/search?q=AB",
        "search: an alias": f"/search?q={alias}",
        "search: beginning of an alias": f"/search?q={alias.name[:6]}",
        "search: an MD5": f"/search?q={bytes(sequence.md5).hex()}",
        "search: beginning of an MD5": f"/search?q={bytes(sequence.md5).hex()[:8]}",
        "search: a digest": f"/search?q={sequence}",
        "search: an assembly": "/search?q=GCA_0000004",
        "search: a title": "/search?q=Study+number",
    }


def last_file() -> int:
    """Return the file before the last page of the large dataset."""
    from catalogue.models import DataFile

    rows = DataFile.objects.filter(dataset__slug="study-2").order_by("-htsget_id")
    return int(rows.values_list("pk", flat=True)[20])


if __name__ == "__main__":
    main()
