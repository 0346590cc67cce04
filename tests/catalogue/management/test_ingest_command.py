"""Common features of the ingest commands: JSON, URLs, contigs without a sequence, and Control-C."""

import json
from io import StringIO
from pathlib import Path
from typing import Any

import pytest
from django.core.management import CommandError, call_command

from catalogue.ingest.files.contig_links import link_contigs
from catalogue.models import CollectionMember, Dataset, IngestRun, SequenceCollection
from tests.catalogue.lab import Lab, contigs_of, make_reads_file, make_sam_header, make_variants_file
from tests.catalogue.made_fasta import make_fasta
from tests.catalogue.made_rows import make_sequence

pytestmark = pytest.mark.django_db


def document(command: str, *arguments: object, **options: Any) -> tuple[int, dict[str, Any], str]:
    """Status, the JSON of standard output, and standard error."""
    out, err, status = StringIO(), StringIO(), 0
    try:
        call_command(command, *map(str, arguments), json=True, stdout=out, stderr=err, **options)
    except CommandError as error:
        status = error.returncode
    return status, json.loads(out.getvalue()), err.getvalue()


def test_the_result_as_json(lab: Lab, settings: Any) -> None:
    settings.PUBLIC_URL = "https://data.example.org"
    make_reads_file(lab.stored / "r" / "a b.bam")
    (lab.stored / "r" / "bad.bam").write_bytes(b"nothing")
    status, told, err = document("ingest_bam", lab.stored / "r", "--dataset", "trial")
    assert status == 1
    assert "bad.bam: failed" in err
    bad, good = sorted(told["inputs"], key=lambda one: one["outcome"], reverse=True)
    assert (good["outcome"], good["paths"]) == ("added", ["reads/a b"])
    assert good["urls"] == ["https://data.example.org/reads/a%20b"]
    assert (bad["outcome"], bad["message"], bad["urls"]) == ("failed", "not a BAM, CRAM, VCF or BCF file", [])
    assert told["counts"] == {"contigs": 3, "linked": 0, "samples": 2, "replaced": 0}
    assert told["unlinked"] == ["one", "two", "none"]
    assert (told["failed"], told["dry_run"], told["run"]) == (True, False, IngestRun.objects.get().pk)


def test_every_ingest_command_prints_json(lab: Lab, tmp_path: Path) -> None:
    fasta = make_fasta(tmp_path / "x.fa", {"NC_1.1": b"ACGT"})
    table = tmp_path / "x.tsv"
    table.write_text("lab:NC_1.1\tlab\tother\n")
    for command, arguments in (
        ("ingest_fasta", (fasta, "--authority", "lab", "--collection", "set")),
        ("ingest_aliases", (table,)),
        ("ingest_vcf", (make_variants_file(lab.stored / "v.vcf.gz"), "--dataset", "trial")),
    ):
        status, told, err = document(command, *arguments)
        assert (status, told["failed"], err) == (0, False, "")
        assert len(told["inputs"]) == len(told["inputs"][0]["paths"]) == 1
    assert document("verify_sequences")[1]["sequences"] == 1


def test_the_last_line_names_addresses(lab: Lab, settings: Any, tmp_path: Path) -> None:
    paths = [make_reads_file(lab.stored / f"{number}.bam") for number in range(5)]
    assert "; /reads/0; " in lab.bam(paths[0]).summary
    settings.PUBLIC_URL = "https://data.example.org"
    said = lab.bam(*paths, "--jobs", "1").summary
    assert said.count("https://data.example.org/reads/") == 3
    assert " and 2 more; " in said
    out = StringIO()
    call_command("ingest_fasta", str(make_fasta(tmp_path / "x.fa", {"a": b"ACGT"})), stdout=out)
    assert "https://data.example.org/sequence/SQ.aKF498dAxcJAqme6QYQ7EZ07-fiw8Kw2; " in out.getvalue()


def test_contigs_without_a_sequence_are_counted_and_named(lab: Lab) -> None:
    known = make_sequence(b"ACGT" * 5)
    header = f"@HD\tVN:1.6\n@SQ\tSN:1\tLN:20\tM5:{bytes(known.md5).hex()}\n" + "".join(
        f"@SQ\tSN:un{number}\tLN:9\n" for number in range(9)
    )
    said = lab.bam(make_reads_file(lab.stored / "a.bam", header=header + "@RG\tID:1\tSM:a\n", places=[]))
    assert "1 of 10 contigs linked to known sequences (not un0, un1, un2, un3, un4, …)" in said.summary


def test_setting_the_collection_of_a_dataset_links_its_contigs(lab: Lab) -> None:
    sequence = make_sequence(b"ACGT" * 5)
    lab.bam(make_reads_file(lab.stored / "a.bam", header=make_sam_header({"1": 20, "2": 20}), places=[]))
    dataset = Dataset.objects.get()
    dataset.collection = SequenceCollection.objects.create(name="set")
    CollectionMember.objects.create(collection=dataset.collection, position=0, name="1", sequence=sequence)
    dataset.save()
    assert link_contigs(dataset) == 1
    assert [contig.sequence for contig in contigs_of("a")] == [sequence, None]
    assert link_contigs(dataset) == 0
    dataset.collection = None
    dataset.save()
    assert link_contigs(dataset) == 1
    assert [contig.sequence for contig in contigs_of("a")] == [None, None]


@pytest.mark.parametrize("command", ["ingest_fasta", "ingest_bam"])
def test_control_c_is_one_line_and_status_130(
    lab: Lab, monkeypatch: pytest.MonkeyPatch, command: str
) -> None:
    def interrupt(*_: object, **__: object) -> None:
        raise KeyboardInterrupt

    if command == "ingest_bam":
        arguments = [str(make_reads_file(lab.stored / "a.bam")), "--dataset", "trial"]
        monkeypatch.setattr("catalogue.ingest.files.ingest.retry_on_deadlock", interrupt)
    else:
        arguments = [str(make_fasta(lab.outside / "a.fa", {"a": b"AC"}))]
        monkeypatch.setattr("catalogue.ingest.fasta.ingest.retry_on_deadlock", interrupt)
    with pytest.raises(CommandError) as caught:
        call_command(command, *arguments, stdout=StringIO(), stderr=StringIO())
    assert caught.value.returncode == 130
    assert str(caught.value) == "Interrupted. What was registered stays; run the same command again to go on."
    assert IngestRun.objects.get().outcome == "interrupted"
