"""`manage.py remove_genome`."""

import json
from io import StringIO
from pathlib import Path

import pytest
from django.core.management import CommandError, call_command

from catalogue.models import Alias, Gene, Genome, IngestRun, Region, Sequence
from tests.catalogue.made_releases import annotate, register, write_gff3

pytestmark = pytest.mark.django_db

TEXT = "c x CDS 1 90 . + 0 ID=p;locus_tag=b1;protein_id=P1"


def remove(*arguments: str) -> str:
    out = StringIO()
    call_command("remove_genome", *arguments, stdout=out)
    return out.getvalue().strip()


@pytest.fixture(autouse=True)
def _two_genomes(tmp_path: Path) -> None:
    register(tmp_path, {"c": "ACGT" * 50})
    path = write_gff3(tmp_path / "one.gff3", TEXT)
    for genome_id in ("a", "b"):
        annotate(path, "--authority=lab", f"--genome-id={genome_id}")


def test_it_removes_what_lies_on_the_genome_and_leaves_sequences_and_names() -> None:
    sequences, names = Sequence.objects.count(), Alias.objects.count()
    assert remove("a", "--dry-run") == "1 genome with 1 gene would be removed"
    assert Genome.objects.count() == 2
    assert remove("a") == "1 genome with 1 gene removed"
    assert list(Genome.objects.values_list("genome_id", flat=True)) == ["b"]
    assert (Gene.objects.count(), Region.objects.count()) == (1, 1)
    assert (Sequence.objects.count(), Alias.objects.count()) == (sequences, names)
    run = IngestRun.objects.latest("pk")
    assert (run.command, run.outcome, run.summary) == ("remove_genome", "succeeded", {"genes": 1})
    assert json.loads(remove("b", "--json")) == {"dry_run": False, "genomes": ["b"], "genes": 1}


def test_all_or_none() -> None:
    with pytest.raises(CommandError, match="there is no genome 'none'"):
        remove("a", "none")
    assert Genome.objects.count() == 2
