"""The admin pages: search, display, and read-only fields."""

import re
import subprocess
from html import unescape
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl, unquote, urlsplit

import pytest
from django.core.management import call_command
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse
from django.utils import timezone

from catalogue.formats.digests import sequence_digests
from catalogue.models import (
    CollectionMember,
    Contig,
    DataFile,
    Dataset,
    IngestedFile,
    IngestRun,
    Sequence,
    SequenceCollection,
)
from tests.catalogue.made_rows import make_sequence
from tests.htsget_app.made_data import make_data_file, write_bam

pytestmark = pytest.mark.django_db


def page(client: Client, name: str, *args: Any, **query: str) -> str:
    response = client.get(reverse(f"admin:catalogue_{name}", args=args), query, follow=True)
    assert response.status_code == 200
    return response.content.decode()


def found(client: Client, term: str) -> bool:
    """Whether the search over two sequences finds exactly the first, ACGT."""
    listed = page(client, "sequence_changelist", q=term)
    assert sequence_digests(b"TTTT").md5_hex not in listed
    return sequence_digests(b"ACGT").md5_hex in listed


@pytest.mark.parametrize(
    "term",
    [
        "f1f8f4bf413b16ad135722aa4591043e",
        " F1F8F4BF413B16AD135722AA4591043E ",
        "68a178f7c740c5c240aa67ba41843b119d3bf9f8b0f0ac36",
        "SQ.aKF498dAxcJAqme6QYQ7EZ07-fiw8Kw2",
        "ga4gh:SQ.aKF498dAxcJAqme6QYQ7EZ07-fiw8Kw2",
        "BK006935.2",
        "INSDC:BK006935.2",
    ],
)
def test_a_sequence_is_found_by_any_checksum_or_name(admin_client: Client, term: str) -> None:
    make_sequence(b"ACGT", "insdc:BK006935.2")
    make_sequence(b"TTTT", "insdc:other")

    assert found(admin_client, term)


@pytest.mark.parametrize("term", ["refseq:BK006935.2", "nothing", "f1f8f4bf413b16ad135722aa4591043f"])
def test_what_is_not_there_is_not_found(admin_client: Client, term: str) -> None:
    make_sequence(b"ACGT", "insdc:BK006935.2")

    assert not found(admin_client, term)


def test_a_sequence_shows_its_digests_and_leads_to_what_is_served(admin_client: Client) -> None:
    row = make_sequence(b"ACGT", "insdc:BK006935.2")

    shown = page(admin_client, "sequence_change", row.pk)

    for text in (
        "f1f8f4bf413b16ad135722aa4591043e",
        "68a178f7c740c5c240aa67ba41843b119d3bf9f8b0f0ac36",
        "ga4gh:SQ.aKF498dAxcJAqme6QYQ7EZ07-fiw8Kw2",
        'href="/sequence/SQ.aKF498dAxcJAqme6QYQ7EZ07-fiw8Kw2?start=0&amp;end=4"',
        'href="/sequence/SQ.aKF498dAxcJAqme6QYQ7EZ07-fiw8Kw2/metadata"',
        "BK006935.2",
    ):
        assert text in shown


def test_a_posted_digest_changes_nothing(admin_client: Client) -> None:
    row = make_sequence(b"ACGT")
    inline = {"aliases-TOTAL_FORMS": "0", "aliases-INITIAL_FORMS": "0"}

    response = admin_client.post(
        reverse("admin:catalogue_sequence_change", args=[row.pk]),
        {"md5": "00" * 16, "length": "9", "molecule": "rna", "circular": "on", **inline},
    )

    assert response.status_code == 302
    changed = Sequence.objects.get(pk=row.pk)
    assert (bytes(changed.md5), changed.length) == (bytes(row.md5), 4)
    assert (changed.molecule, changed.circular) == ("rna", True)


def test_sequences_are_ingested_never_typed_in(admin_client: Client) -> None:
    for name in ("sequence", "datafile", "ingestrun", "auditevent"):
        assert admin_client.get(reverse(f"admin:catalogue_{name}_add")).status_code == 403


def test_a_collection_shows_its_members_in_order(admin_client: Client) -> None:
    collection = SequenceCollection.objects.create(name="assembly")
    for position, (name, residues) in enumerate([("one", b"ACGT"), ("two", b"TTTT")]):
        CollectionMember.objects.create(
            collection=collection, position=position, name=name, sequence=make_sequence(residues)
        )

    shown = page(admin_client, "sequencecollection_change", collection.pk)

    assert 0 < shown.index(">one<") < shown.index(">two<")
    assert ">2<" in page(admin_client, "sequencecollection_changelist")


def test_a_file_shows_commands_that_fetch_it(admin_client: Client) -> None:
    file = DataFile.objects.create(
        dataset=Dataset.objects.create(slug="set"),
        kind="reads",
        htsget_id="byRun/ERR1",
        format="CRAM",
        storage="files",
        key="ERR1.cram",
        size=2048,
        etag="1",
        header=b"",
        header_end=0,
        has_eof=True,
        index_kind="CRAI",
        samples=["NA1"],
    )
    Contig.objects.create(file=file, number=0, name="chr1", length=500, mapped=1)
    Contig.objects.create(file=file, number=1, name="chr2", length=700, mapped=9)
    url = "http://testserver/reads/byRun/ERR1?format=CRAM&amp;referenceName=chr2&amp;start=0&amp;end=700"

    shown = page(admin_client, "datafile_change", file.pk)

    assert f"samtools view &#x27;{url}&#x27;" in shown
    assert f"curl &#x27;{url}&#x27;" in shown
    assert "NA1" in shown
    assert "2.0\xa0KB" in page(admin_client, "datafile_changelist")


def test_a_run_shows_what_became_of_each_file(admin_client: Client) -> None:
    run = IngestRun.objects.create(
        command="ingest_fasta", actor="steward", outcome="failed", finished=timezone.now()
    )
    IngestedFile.objects.create(run=run, source="bad.fa", outcome="failed", message="line 3: not a residue")

    shown = page(admin_client, "ingestrun_change", run.pk)

    assert "bad.fa" in shown
    assert "line 3: not a residue" in shown
    assert 'name="_save"' not in shown


@pytest.mark.parametrize(
    "name",
    [
        "namingauthority",
        "sequence",
        "sequencecollection",
        "dataset",
        "datafile",
        "ingestrun",
        "grant",
        "apitoken",
        "identity",
        "auditevent",
    ],
)
def test_every_list_opens_and_can_be_searched(admin_client: Client, name: str) -> None:
    make_sequence(b"ACGT", "ucsc:chr1")

    page(admin_client, f"{name}_changelist")
    page(admin_client, f"{name}_changelist", q="chr1")


def test_long_lists_are_estimated_not_counted(admin_client: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    for residues in (b"ACGT", b"TTTT"):
        make_sequence(residues, "ucsc:chr1")
    with connection.cursor() as cursor:
        cursor.execute("ANALYZE catalogue_sequence")
    monkeypatch.setattr("catalogue.admin.EstimatingPaginator.EXACT_BELOW", 1)

    with CaptureQueriesContext(connection) as captured:
        assert "2 sequences" in page(admin_client, "sequence_changelist")
    assert not [query for query in captured if "COUNT(*)" in query["sql"]]

    with CaptureQueriesContext(connection) as captured:
        assert "2 sequences" in page(admin_client, "sequence_changelist", q="chr1")
    assert [query for query in captured if "COUNT(*)" in query["sql"]]


@pytest.mark.parametrize(
    "name", ["a';touch PWNED;'", "a b?c=d&e#f", '$(touch PWNED)"`touch PWNED`', "ünï/%41"]
)
def test_commands_to_copy_can_be_pasted_into_a_shell(admin_client: Client, tmp_path: Path, name: str) -> None:
    path = write_bam(tmp_path / "x.bam", contigs=[("c;touch PWNED", 100, None)], reads=[(0, 5, 20)])
    file = make_data_file(path, "x")
    DataFile.objects.filter(pk=file.pk).update(htsget_id=name)
    shown = unescape(page(admin_client, "datafile_change", file.pk))
    commands = re.findall(r'data-copy="(.*?)" data-done', shown, re.DOTALL)
    assert len(commands) == 2
    folder = tmp_path / "run"
    folder.mkdir()
    for tool in ("samtools", "curl"):
        (tmp_path / tool).write_text('#!/bin/sh\nfor last; do :; done\nprintf %s "$last"\n')
        (tmp_path / tool).chmod(0o755)
    for command in commands:
        done = subprocess.run(
            ["/bin/sh", "-c", command],
            cwd=folder, env={"PATH": str(tmp_path)}, capture_output=True, text=True, check=True,
        )  # fmt: skip
        assert not list(folder.iterdir())
        asked = urlsplit(done.stdout)
        assert unquote(asked.path) == f"/reads/{name}"
        assert dict(parse_qsl(asked.query))["referenceName"] == "c;touch PWNED" and not asked.fragment


def test_a_file_tells_its_formats_and_the_references_that_conversions_lack(
    admin_client: Client, tmp_path: Path
) -> None:
    residues = b"ACGT" * 50
    md5 = sequence_digests(residues).md5_hex
    path = write_bam(tmp_path / "made.bam", contigs=[("1", 200, md5), ("2", 200, None)], reads=[(0, 5, 50)])
    file = make_data_file(path, "made")
    told = page(admin_client, "datafile_change", file.pk)
    assert "BAM as it is stored; CRAM only where" in told and "those of 1 contigs (1)" in told
    (tmp_path / "one.fa").write_text(f">one\n{residues.decode()}\n")
    call_command("ingest_fasta", str(tmp_path / "one.fa"), verbosity=0)
    assert "BAM as it is stored, and CRAM" in page(admin_client, "datafile_change", file.pk)
