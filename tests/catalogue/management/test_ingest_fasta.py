"""`manage.py ingest_fasta` on the real database, its results read back and compared with hashlib and slicing."""

import gzip
import hashlib
import io
import os
import re
import subprocess
import sys
from io import StringIO
from pathlib import Path
from typing import Any

import pysam
import pytest
from django.core.management import call_command
from django.core.management.base import CommandError
from hypothesis import HealthCheck, given
from hypothesis import settings as examples
from hypothesis import strategies as st

from catalogue import queries
from catalogue.formats.digests import sequence_digests
from catalogue.ingest.fasta.residues import LONG, PACKED
from catalogue.models import IngestedFile, IngestRun, NamingAuthority, ResidueBlob, Sequence
from catalogue.storage import SEQUENCES, storage
from tests.catalogue.made_fasta import (
    fasta_text,
    held_residues,
    ingest,
    make_fasta,
    make_protein,
    make_residues,
    names_of,
    refused,
    registered,
)
from tests.paths import SHARED_DATA

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("stored")]


def test_long_and_short_sequences_can_be_read_back(tmp_path: Path, stored: Path) -> None:
    records = {
        "long": make_residues(LONG),
        "longer": make_residues(3_000_001),
        "short": make_residues(LONG - 1),
        "one": b"A",
        "protein": make_protein(400),
    }
    said = ingest(make_fasta(tmp_path / "x.fa", records), authority="lab")

    assert "5 records" in said and "5 sequences added" in said and "5 names added" in said
    for name, residues in records.items():
        record = queries.sequence(f"lab:{name}")
        assert record.md5 == hashlib.md5(residues).digest()
        assert record.sha512t24u == hashlib.sha512(residues).digest()[:24]
        assert record.length == len(residues)
        assert queries.read_residues(record, 0, len(residues)) == residues
        assert b"".join(queries.stream_residues(record, 1, len(residues))) == residues[1:]
    for name in ("long", "longer"):
        md5 = hashlib.md5(records[name]).hexdigest()
        assert (stored / md5[:2] / md5[2:4] / md5[4:]).read_bytes() == records[name]
    packed = b"".join(records[name] for name in ("short", "one", "protein"))
    name = sequence_digests(packed).trunc512
    assert (stored / PACKED / name[:2] / name[2:]).read_bytes() == packed
    assert ResidueBlob.objects.count() == 3
    assert not list((stored / ".staging").glob("ingest-*"))


@given(
    records=st.lists(
        st.binary(min_size=1, max_size=40).map(lambda b: b.translate(bytes(65 + i % 26 for i in range(256)))),
        min_size=1,
        max_size=12,
    ),
    width=st.integers(1, 50),
    lower=st.booleans(),
)
@examples(max_examples=25, suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
def test_random_records_are_read_back_whatever_repeats(
    tmp_path: Path, records: list[bytes], width: int, lower: bool
) -> None:
    path = tmp_path / "random.fa"
    make_fasta(
        path,
        {f"r{number}": residues.lower() if lower else residues for number, residues in enumerate(records)},
        width=width,
    )
    Sequence.objects.all().delete()
    ingest(path)
    assert held_residues() == {hashlib.md5(residues).hexdigest(): residues for residues in records}


@pytest.mark.parametrize("suffix", [".fa", ".gz", ".bgz"])
@pytest.mark.parametrize("newline", [b"\n", b"\r\n"])
def test_every_compression_and_line_end(tmp_path: Path, suffix: str, newline: bytes) -> None:
    records = {"a": make_residues(200_000), "b": make_residues(90)}
    ingest(make_fasta(tmp_path / f"x{suffix}", records, newline=newline), authority="lab")
    assert set(held_residues().values()) == set(records.values())


def test_standard_input(monkeypatch: pytest.MonkeyPatch) -> None:
    text = fasta_text({"a": b"ACGT"})
    for data in (text, gzip.compress(text)):
        monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(data)))
        ingest("-", authority="lab")
    assert queries.sequence("lab:a").length == 4
    assert IngestedFile.objects.filter(source="standard input").count() == 2


def test_folders_globs_and_several_files(tmp_path: Path) -> None:
    make_fasta(tmp_path / "in" / "b.fa", {"b": b"CCCC"})
    make_fasta(tmp_path / "in" / "deep" / "a.fasta.gz", {"a": b"AAAA"})
    make_fasta(tmp_path / "in" / "no.txt", {"no": b"TTTT"})
    make_fasta(tmp_path / "glob1.x", {"g1": b"GGGG"})
    make_fasta(tmp_path / "glob2.x", {"g2": b"GGGC"})
    said = ingest(tmp_path / "in", tmp_path / "glob*.x", tmp_path / "in" / "b.fa", authority="lab")
    assert said.startswith("4 files: 4 added")
    assert Sequence.objects.count() == 4
    assert "nothing to read" in refused(tmp_path / "none*.fa")
    assert "nothing to read" in refused(tmp_path / "nowhere")


def test_a_prefix_of_a_storage(tmp_path: Path, settings: Any) -> None:
    settings.HTSGETSITE_STORAGES = {**settings.HTSGETSITE_STORAGES, "archive": tmp_path.as_uri()}
    records = {"a": make_residues(2_500_000), "b": b"AC"}
    make_fasta(tmp_path / "run" / "x.fa", records)
    make_fasta(tmp_path / "run" / "no.txt", {"no": b"TTTT"})
    ingest("archive:run/", authority="lab")
    assert set(held_residues().values()) == set(records.values())
    assert IngestedFile.objects.get().source == "archive:run/x.fa"


def test_the_same_content_is_one_sequence_with_two_names(tmp_path: Path) -> None:
    long = make_residues(LONG + 5)
    said = ingest(
        make_fasta(tmp_path / "x.fa", {"a": b"ACGT", "b": b"acgt", "c": long, "d": long}), authority="lab"
    )
    assert "2 sequences added; 4 names added" in said
    assert queries.sequence("lab:a").pk == queries.sequence("lab:b").pk
    assert queries.sequence("lab:c").pk == queries.sequence("lab:d").pk
    assert ResidueBlob.objects.get(size=4)


def test_running_it_again_adds_nothing_and_writes_no_blob(tmp_path: Path, stored: Path) -> None:
    path = make_fasta(tmp_path / "x.fa", {"a": make_residues(LONG + 1), "b": make_residues(10), "c": b"AC"})
    ingest(path, authority="lab", collection="set", circular=["c"])
    before = registered()
    inodes = {file: file.stat().st_ino for file in stored.rglob("*") if file.is_file()}
    said = ingest(path, authority="lab", collection="set", circular=["c"])
    assert "1 unchanged" in said and "collection unchanged" in said
    assert registered() == before
    assert {file: file.stat().st_ino for file in stored.rglob("*") if file.is_file()} == inodes
    assert [file.outcome for file in IngestedFile.objects.order_by("pk")] == ["added", "unchanged"]


def test_a_second_file_packs_only_what_is_new(tmp_path: Path) -> None:
    ingest(make_fasta(tmp_path / "x.fa", {"a": b"ACGT", "b": b"CCCC"}))
    ingest(make_fasta(tmp_path / "y.fa", {"b": b"CCCC", "d": b"GGGGG"}))
    assert sorted(ResidueBlob.objects.values_list("size", flat=True)) == [5, 8]


def test_a_sequence_that_was_only_known_is_filled_in(tmp_path: Path) -> None:
    residues = make_protein(40)
    digests = sequence_digests(residues)
    # As the header of a BAM file tells it, here with a wrong length.
    known = Sequence.objects.create(md5=digests.md5, length=41)
    said = ingest(make_fasta(tmp_path / "x.fa", {"a": residues}))
    assert "1 known sequence filled in" in said
    known.refresh_from_db()
    assert bytes(known.sha512t24u or b"") == digests.sha512t24u
    assert (known.length, known.molecule) == (40, "protein")
    assert held_residues() == {digests.md5_hex: residues}


def test_a_lost_blob_is_put_again(tmp_path: Path, stored: Path) -> None:
    path = make_fasta(tmp_path / "x.fa", {"a": make_residues(LONG), "b": make_residues(50)})
    ingest(path)
    before = registered()
    for file in list(stored.rglob("*")):
        if file.is_file():
            file.unlink()
    said = ingest(path)
    assert "2 known sequences filled in" in said
    assert registered() == before
    assert len(held_residues()) == 2


def test_another_sequence_with_the_same_md5_is_refused(tmp_path: Path) -> None:
    md5 = hashlib.md5(b"ACGT").digest()
    Sequence.objects.create(md5=md5, sha512t24u=b"x" * 24, length=4)
    said = refused(make_fasta(tmp_path / "x.fa", {"first": b"AC", "a": b"ACGT"}))
    assert "line 3, record 'a': another sequence with the same md5" in said
    assert Sequence.objects.count() == 1


@pytest.mark.parametrize(
    ("text", "words"),
    [
        (b">a\nACGT\n>b\nAC\nA*\n", "line 5, record 'b': '*' at column 2 is no residue (position 3); --strip"),
        (b">a\nACGT\n>b\n>c\nAC\n", "line 3, record 'b': the record is empty"),
        (b">a\nACGT\n>b\nAC\n>a x\nGG\n", "line 5, record 'a': the record at line 1 has the same name"),
        (b"@a\nACGT\n+\nIIII\n", "line 1: this is no FASTA: it does not begin with '>'; it looks like FASTQ"),
        (b"", "holds no record"),
        (gzip.compress(b">a\nACGT\n" * 5000, mtime=0)[:-20], "the gzip data is cut short"),
        (gzip.compress(b">a\nACGT\n", mtime=0)[:-8] + b"12345678", "the gzip data is corrupt"),
        (b"BZh91AY", "compressed with bzip2"),
    ],
)  # fmt: skip
def test_a_bad_file_is_refused_with_its_place_and_the_others_stay(
    tmp_path: Path, stored: Path, text: bytes, words: str
) -> None:
    bad, good = tmp_path / "bad.fa", make_fasta(tmp_path / "good.fa", {"ok": b"ACGTTT"})
    bad.write_bytes(text)
    said = refused(bad, good, authority="lab")
    assert f"{bad}" in said and words in said
    assert [sequence.length for sequence in Sequence.objects.all()] == [6]
    assert names_of("lab:ok") == {"lab:ok"}
    failed, added = IngestedFile.objects.all()
    assert (failed.outcome, added.outcome) == ("failed", "added")
    assert words in failed.message
    assert IngestRun.objects.get().outcome == "failed"
    assert sum(1 for file in stored.rglob("*") if file.is_file() and ".staging" not in file.parts) == 1


def test_strip_removes_and_says_how_many(tmp_path: Path) -> None:
    said = ingest(
        make_fasta(tmp_path / "x.fa", {"a": b"1 AC-GT*", "b": b"MKL*"}), authority="lab", strip=True
    )
    assert "4 characters stripped" in said
    assert set(held_residues().values()) == {b"ACGT", b"MKL"}


def test_dry_run_checks_and_writes_nothing(tmp_path: Path, stored: Path) -> None:
    path = make_fasta(tmp_path / "x.fa", {"chr1": make_residues(LONG), "b": b"ACGT", "c": b"acgt"})
    said = ingest(path, authority="new", collection="set", dry_run=True)
    assert said.startswith("Dry run, nothing is written. 1 file: 1 added; 3 records")
    assert "2 sequences added" in said and "4 names added" in said and "collection added" in said
    assert not any(stored.iterdir())
    assert registered() == {"sequences": [], "names": [], "members": [], "objects": []}
    assert not IngestRun.objects.exists()
    assert not NamingAuthority.objects.filter(name="new").exists()

    ingest(path, authority="new", collection="set")
    before = registered()
    assert "1 unchanged" in ingest(path, authority="new", collection="set", dry_run=True)
    more = make_fasta(tmp_path / "y.fa", {"b": b"ACGT", "e": b"CCC"})
    said = ingest(more, "--circular", "b", authority="new", dry_run=True)
    assert "1 sequence added; 1 sequence made circular; 1 name added" in said
    assert "exists with other members" in refused(more, collection="set", dry_run=True)
    assert "is no residue" in refused(make_fasta(tmp_path / "z.fa", {"b": b"A*"}), dry_run=True)
    assert registered() == before


def test_a_file_that_cannot_be_opened(tmp_path: Path) -> None:
    path = tmp_path / "x.fa"
    path.symlink_to(tmp_path / "gone.fa")
    assert "nothing to read" in refused(path)


def test_what_ran_is_recorded(tmp_path: Path) -> None:
    path = make_fasta(tmp_path / "x.fa", {"a": b"ACGT"})
    ingest(path, authority="lab")
    run = IngestRun.objects.get()
    assert (run.command, run.outcome) == ("ingest_fasta", "succeeded")
    assert run.actor and run.finished is not None
    assert run.arguments["files"] == [str(path)] and run.arguments["authority"] == "lab"
    assert run.summary["sequences"] == 1
    file = run.files.get()
    assert (file.source, file.outcome, file.counts["residues"]) == (str(path), "added", 4)


def test_a_250_megabase_line_stays_in_bounded_memory(tmp_path: Path) -> None:
    """Measured on a fifth of that length: what is resident would grow with it if anything did."""
    path = tmp_path / "x.fa"
    with path.open("wb") as file:
        file.write(b">chromosome\n")
        piece = make_residues(1 << 20)
        for _ in range(50):
            file.write(piece)
    program = (
        "import resource, sys, django\n"
        "django.setup()\n"
        "from catalogue.formats.fasta import FastaReader\n"
        "from catalogue.formats.gunzip import WatchedInput, decompressed_chunks\n"
        "from catalogue.ingest.fasta.residues import Arrivals\n"
        "from pathlib import Path\n"
        "with open(sys.argv[1], 'rb', buffering=0) as file:\n"
        "    reader = FastaReader(decompressed_chunks(WatchedInput(file)), source='x')\n"
        "    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss\n"
        "    with Arrivals(reader, Path(sys.argv[2])) as arrivals:\n"
        "        (batch,) = arrivals\n"
        "print(batch[0].length, resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before)\n"
    )
    folder = tmp_path / "staged"
    folder.mkdir()
    done = subprocess.run(
        [sys.executable, "-c", program, path, folder],
        capture_output=True,
        text=True,
        check=True,
        env=dict(os.environ),
    )
    length, grown = map(int, done.stdout.split())
    assert length == 50 << 20
    assert grown < 30_000, "KiB"


def test_an_ingest_into_s3(tmp_path: Path, stored_in_s3: Any) -> None:
    records = {"a": make_residues(200_000), "b": make_residues(90)}
    path = make_fasta(tmp_path / "x.fa", records)
    ingest(path, authority="lab")
    assert set(held_residues().values()) == set(records.values())
    assert len(list(storage(SEQUENCES).list())) == 2
    assert "1 unchanged" in ingest(path, authority="lab")


def test_the_summary_is_one_line_and_failures_go_to_standard_error(tmp_path: Path) -> None:
    out, err = StringIO(), StringIO()
    good, bad = make_fasta(tmp_path / "a.fa", {"a": b"AC"}), make_fasta(tmp_path / "b.fa", {"a": b"A C-"})
    with pytest.raises(CommandError) as caught:
        call_command("ingest_fasta", str(good), str(bad), stdout=out, stderr=err)
    assert not out.getvalue()
    assert re.fullmatch(
        r"2 files: 1 added, 1 failed; 1 record with 2 residues read; 1 sequence added; /sequence/SQ\.\S+; \d+\.\d s",
        str(caught.value),
    )
    assert err.getvalue().startswith(str(bad))
    call_command("ingest_fasta", str(good), stdout=out, stderr=err, verbosity=2)
    assert f"{good}: unchanged" in err.getvalue()


def test_a_real_genome_is_read_as_htslib_reads_it(tmp_path: Path) -> None:
    real = SHARED_DATA / "cram" / "ce.fa"
    if not real.exists():
        pytest.skip("the real files of ../shared/data are not here")
    path = tmp_path / "ce.fa"
    path.write_bytes(real.read_bytes())
    ingest(path, authority="wormbase", collection="ce")
    with pysam.FastaFile(str(path)) as file:
        for name in file.references:
            record = queries.sequence(f"wormbase:{name}")
            assert queries.read_residues(record, 0, record.length).decode() == file.fetch(name).upper()
            assert queries.read_residues(record, 700, 790).decode() == file.fetch(name, 700, 790).upper()
