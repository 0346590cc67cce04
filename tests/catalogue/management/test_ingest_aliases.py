"""`manage.py ingest_aliases` on the real database."""

import gzip
import re
from io import StringIO
from pathlib import Path
from typing import Any

import pytest
from django.core.management import call_command
from django.core.management.base import CommandError

from catalogue import queries
from catalogue.models import Alias, IngestedFile, IngestRun, NamingAuthority, Sequence
from tests.catalogue.made_rows import make_sequence
from tests.catalogue.made_tables import REPORT_COLUMNS

pytestmark = pytest.mark.django_db


def ingest(*arguments: str | Path, **options: Any) -> tuple[str, str]:
    """The last line of the command without addresses and time, and what it says on standard error."""
    out, err = StringIO(), StringIO()
    call_command("ingest_aliases", *map(str, arguments), stdout=out, stderr=err, **options)
    return without_addresses(out.getvalue().splitlines()[-1]), err.getvalue()


def failed(*arguments: str | Path, **options: Any) -> tuple[str, str]:
    """The same of a command that ends with status 1."""
    err = StringIO()
    with pytest.raises(CommandError) as caught:
        call_command("ingest_aliases", *map(str, arguments), stdout=StringIO(), stderr=err, **options)
    assert caught.value.returncode == 1
    return without_addresses(str(caught.value)), err.getvalue()


def without_addresses(line: str) -> str:
    return re.sub(r"(; /sequence/.*)?; \d+\.\d s$", "", line)


def refused(*arguments: str | Path, **options: Any) -> str:
    err = StringIO()
    with pytest.raises(CommandError):
        call_command("ingest_aliases", *map(str, arguments), stdout=StringIO(), stderr=err, **options)
    return err.getvalue()


def names_of(sequence: Sequence) -> set[str]:
    queries.forget_sequences()
    return {":".join(alias) for alias in queries.aliases(queries.sequence(str(sequence)))}


def write(path: Path, text: str) -> Path:
    path.write_text(text)
    return path


def test_tsv_takes_any_identifier(tmp_path: Path) -> None:
    row = make_sequence(b"ACGT", "insdc:X1.1", "lab:a:b")
    known = Sequence.objects.create(md5=b"0123456789abcdef", length=5)
    identifiers = [
        "f1f8f4bf413b16ad135722aa4591043e",
        "md5:F1F8F4BF413B16AD135722AA4591043E",
        "68a178f7c740c5c240aa67ba41843b119d3bf9f8b0f0ac36",
        "ga4gh:SQ.aKF498dAxcJAqme6QYQ7EZ07-fiw8Kw2",
        "SQ.aKF498dAxcJAqme6QYQ7EZ07-fiw8Kw2",
        "INSDC:X1.1",
        "X1.1",
        "a:b",
        "lab:a:b",
    ]
    text = "sequence\tauthority\talias\n"
    text += "".join(f"{identifier}\tRefSeq\tN{number}\n" for number, identifier in enumerate(identifiers))
    text += f"{bytes(known.md5).hex()}\tucsc\tchr1\n"
    said, err = ingest(write(tmp_path / "x.tsv", text))
    assert said == "1 table; 10 rows; 0 match nothing; 10 names added"
    assert not err
    assert names_of(row) == {"insdc:X1.1", "lab:a:b"} | {f"refseq:N{n}" for n in range(9)}
    assert names_of(known) == {"ucsc:chr1"}
    run = IngestRun.objects.get()
    assert (run.command, run.outcome, run.summary["aliases"]) == ("ingest_aliases", "succeeded", 10)


def test_again_adds_nothing(tmp_path: Path) -> None:
    make_sequence(b"ACGT", "insdc:X1.1")
    path = write(tmp_path / "x.tsv", "X1.1\tucsc\tchr1\nX1.1\tucsc\tchr1\n")
    assert "1 name added" in ingest(path)[0]
    assert "0 names added" in ingest(path)[0]
    assert [file.outcome for file in IngestedFile.objects.order_by("pk")] == ["added", "unchanged"]


def test_rows_that_mean_no_sequence_or_several_are_told_and_counted(tmp_path: Path) -> None:
    make_sequence(b"ACGT", "ucsc:chr1")
    make_sequence(b"CCCC", "ucsc:chr1", "refseq:N.1")
    text = "chr1\tlab\ta\nN.1\tlab\tb\nnothing\tlab\tc\n" + "".join(f"no{n}\tlab\td\n" for n in range(30))
    NamingAuthority.objects.create(name="lab")
    path = write(tmp_path / "x.tsv", text)
    said, err = failed(path)
    assert said == "1 table; 33 rows; 31 match nothing; 1 matches several sequences; 1 name added"
    assert f"{tmp_path / 'x.tsv'}, line 1: 2 sequences are meant" in err
    assert "line 3: no sequence is known as nothing" in err
    assert "x.tsv: 22 more like these" in err
    assert "no sequence has the names in the row (--allow-unmatched accepts that): 31 of 33 rows" in err
    assert "several sequences have the names in the row: 1 of 33 rows" in err
    assert len(err.splitlines()) == 13
    assert IngestRun.objects.get().outcome == "failed"
    # Where names are ambiguous, the option does not help.
    assert failed(path, allow_unmatched=True)[0].endswith("0 names added")
    ingest(write(tmp_path / "y.tsv", "nothing\tlab\tc\n"), allow_unmatched=True)


def test_a_bad_row_is_named_and_keeps_the_whole_table_out(tmp_path: Path) -> None:
    make_sequence(b"ACGT", "insdc:X1.1")
    bad = write(tmp_path / "bad.tsv", "X1.1\tucsc\tchr1\nX1.1\tucsc\n")
    good = write(tmp_path / "good.tsv", "X1.1\tucsc\tchr2\n")
    err = refused(bad, good)
    assert f"{bad}: failed: line 2: expected 3 fields (sequence, authority, alias), found 2" in err
    assert not Alias.objects.filter(name="chr1").exists()
    assert Alias.objects.filter(name="chr2").exists()
    assert IngestRun.objects.get().outcome == "failed"


def test_an_unknown_authority_is_refused_unless_it_may_be_made(tmp_path: Path) -> None:
    row = make_sequence(b"ACGT", "insdc:X1.1")
    path = write(tmp_path / "x.tsv", "X1.1\tflybase\t2L\nX1.1\tFlyBase\tL2\n")
    assert "line 1: there is no naming authority 'flybase'; --create-authorities makes it" in refused(path)
    assert not NamingAuthority.objects.filter(name__iexact="flybase").exists()
    ingest(path, create_authorities=True)
    assert names_of(row) == {"insdc:X1.1", "flybase:2L", "flybase:L2"}


def test_dry_run_writes_nothing(tmp_path: Path) -> None:
    make_sequence(b"ACGT", "insdc:X1.1")
    path = write(tmp_path / "x.tsv", "X1.1\tnew\tchr1\n")
    said, _ = ingest(path, dry_run=True, create_authorities=True)
    assert said == "Dry run, nothing is written. 1 table; 1 row; 0 match nothing; 1 name added"
    assert Alias.objects.count() == 1
    assert not NamingAuthority.objects.filter(name="new").exists()
    assert not IngestRun.objects.exists()


def test_assembly_report_finds_sequences_by_any_name_and_checks_lengths(tmp_path: Path) -> None:
    one = make_sequence(b"ACGT", "refseq:NC_000001.11")
    two = make_sequence(b"ACGTA", "insdc:CM000664.2", "ucsc:chr9")
    other = make_sequence(b"ACGTAC", "ucsc:chr3")
    wrong = make_sequence(b"AC", "refseq:NC_000004.12")
    rows = (
        "1\tassembled-molecule\t1\tChromosome\tCM000663.2\t=\tNC_000001.11\tPrimary Assembly\t4\tchr1\n"
        "2\tassembled-molecule\t2\tChromosome\tCM000664.2\t=\tNC_000002.12\tPrimary Assembly\t5\tchr2\n"
        "3\tassembled-molecule\t3\tChromosome\tCM000665.2\t=\tNC_000003.12\tPrimary Assembly\t6\tchr3\n"
        "4\tassembled-molecule\t4\tChromosome\tCM000666.2\t=\tNC_000004.12\tPrimary Assembly\t9\tchr4\n"
        "5\tassembled-molecule\t5\tChromosome\tCM000667.2\t=\tNC_000005.10\tPrimary Assembly\t9\tchr5\n"
    )
    path = write(tmp_path / "x_assembly_report.txt", "# Assembly name:  GRCh38.p14\n" + REPORT_COLUMNS + rows)
    said, err = failed(path, allow_unmatched=True)
    assert said == "1 table; 5 rows; 1 matches nothing; 1 contradicts what is known; 9 names added"
    assert "line 6: the names and the length in this row are not of one sequence" in err
    assert names_of(one) == {"refseq:NC_000001.11", "insdc:CM000663.2", "ucsc:chr1", "GRCh38.p14:1"}
    assert names_of(two) == {
        "insdc:CM000664.2",
        "refseq:NC_000002.12",
        "ucsc:chr9",
        "ucsc:chr2",
        "GRCh38.p14:2",
    }
    assert names_of(other) == {"ucsc:chr3", "insdc:CM000665.2", "refseq:NC_000003.12", "GRCh38.p14:3"}
    assert names_of(wrong) == {"refseq:NC_000004.12"}
    assert "GRCh38.p14" in NamingAuthority.objects.get(name="GRCh38.p14").description


def test_lengths_tell_apart_what_has_one_name(tmp_path: Path) -> None:
    make_sequence(b"ACGT", "ucsc:chr1")
    meant = make_sequence(b"ACGTA", "ucsc:chr1")
    row = "1\tassembled-molecule\t1\tChromosome\tCM000663.2\t=\tNC_000001.11\tPrimary Assembly\t5\tchr1\n"
    ingest(write(tmp_path / "r.txt", "# Assembly name: GRCh38\n" + REPORT_COLUMNS + row))
    assert queries.sequence("refseq:NC_000001.11").pk == meant.pk


def test_chrom_alias(tmp_path: Path) -> None:
    one = make_sequence(b"ACGT", "insdc:CM000663.2", "ucsc:chr1")
    # An hg19 chromosome of the same name does no harm where an accession tells.
    make_sequence(b"ACGTA", "ucsc:chr1")
    path = tmp_path / "hg38.chromAlias.txt.gz"
    path.write_bytes(gzip.compress(b"# ucsc\tassembly\tgenbank\trefseq\nchr1\t1\tCM000663.2\tNC_000001.11\n"))
    said, err = ingest(tmp_path)
    assert said == "1 table; 1 row; 0 match nothing; 1 name added"
    assert "the names that the assembly gives itself are left out; --assembly NAME takes them" in err
    said, err = ingest(path, assembly="GRCh38")
    assert "1 name added" in said and not err
    assert names_of(one) == {"insdc:CM000663.2", "ucsc:chr1", "refseq:NC_000001.11", "GRCh38:1"}


def test_accessions_of_two_sequences_in_one_row_contradict(tmp_path: Path) -> None:
    make_sequence(b"ACGT", "insdc:CM000663.2")
    make_sequence(b"CCCC", "refseq:NC_000001.11")
    path = write(tmp_path / "x.txt", "# ucsc\tgenbank\trefseq\nchr1\tCM000663.2\tNC_000001.11\n")
    assert "1 contradicts what is known; 0 names added" in failed(path)[0]


def test_many_rows(tmp_path: Path) -> None:
    row = make_sequence(b"ACGT", "insdc:X1.1")
    text = "".join(f"X1.1\tucsc\tname{number}\n" for number in range(5000))
    assert "5,000 names added" in ingest(write(tmp_path / "x.tsv", text))[0]
    assert row.aliases.count() == 5001


def test_bad_options(tmp_path: Path) -> None:
    with pytest.raises(CommandError, match="--assembly"):
        ingest(write(tmp_path / "x.tsv", "a\tlab\tb\n"), assembly="a b")
    with pytest.raises(CommandError, match="nothing to read"):
        ingest(tmp_path / "nowhere.tsv")
