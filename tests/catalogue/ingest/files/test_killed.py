"""An ingest that is killed leaves whole files or none, and the next one finishes its work."""

from io import StringIO

import pytest
from django.core.management import call_command

from catalogue.models import DataFile, Dataset, IngestRun
from tests.catalogue.lab import Lab, make_reads_file, make_variants_file
from tests.catalogue.made_ingests import count_steps, finish, kill_at, start_ingest

FILES = 8
OPTIONS = ("--dataset", "trial", "--copy", "--jobs", "2")


def _make_files(lab: Lab, command: str) -> tuple[dict[str, int], list[str]]:
    """Files of 200 contigs without indexes, so that these have to be built."""
    contigs = {f"c{number}": 1000 for number in range(200)}
    header = "@HD\tVN:1.6\n" + "".join(
        f"@SQ\tSN:{name}\tLN:1000\tM5:{number:032x}\n" for number, name in enumerate(contigs)
    )
    paths = []
    for number in range(FILES):
        places = [(name, 5 + number) for name in contigs]
        if command == "ingest_bam":
            path = lab.outside / f"{number}.bam"
            make_reads_file(path, header=header + "@RG\tID:1\tSM:a\n", places=places, index=None)
        else:
            path = lab.outside / f"{number}.vcf.gz"
            make_variants_file(path, contigs=contigs, places=places, index=None)
        paths.append(str(path))
    return contigs, paths


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("kills", [5, pytest.param(60, marks=pytest.mark.long)])
@pytest.mark.parametrize("command", ["ingest_bam", "ingest_vcf"])
def test_killed_at_any_step_it_leaves_whole_files_or_none(lab: Lab, command: str, kills: int) -> None:
    contigs, paths = _make_files(lab, command)
    steps = count_steps(command, *paths, *OPTIONS)
    assert DataFile.objects.count() == FILES

    killed = 0
    seen = set()
    for number in range(kills):
        if number % 3 == 0:
            DataFile.objects.all().delete()
            Dataset.objects.all().delete()
        else:
            # A file that is registered is read again, in the place of its former self.
            DataFile.objects.update(state="corrupt")
        killed += kill_at(steps * (2 * number + 1) // (2 * kills), command, *paths, *OPTIONS)
        rows = list(DataFile.objects.all())
        seen.add(sum(row.state == "ready" for row in rows))
        for row in rows:
            assert row.contigs.exclude(index=b"").count() == len(contigs)
            assert (lab.files / row.key).stat().st_size == row.size
            assert (lab.files / row.index_source.removeprefix("files:")).exists()
    assert killed >= kills - 1
    assert len(seen) > 1

    call_command(command, *paths, "--dataset", "trial", "--copy", stdout=StringIO())
    assert DataFile.objects.filter(state="ready").count() == FILES
    assert not IngestRun.objects.filter(outcome="running").exists()
    # Some were killed before they had recorded that they began.
    assert killed // 4 < IngestRun.objects.filter(outcome="interrupted").count() <= killed
    assert not lab.staged()


@pytest.mark.django_db(transaction=True)
def test_two_at_once_do_not_disturb_each_other(lab: Lab) -> None:
    contigs, paths = _make_files(lab, "ingest_bam")
    for _ in range(2):
        DataFile.objects.all().delete()
        Dataset.objects.all().delete()
        for ingest in [start_ingest("ingest_bam", *paths, *OPTIONS) for _ in range(3)]:
            finish(ingest)
        assert DataFile.objects.filter(dataset__slug="trial").count() == FILES
        for row in DataFile.objects.all():
            assert row.contigs.exclude(index=b"").count() == len(contigs)
            assert (lab.files / row.key).exists()
