"""Tickets of rewritten records: htslib reads from the joined bytes what the rules make of the original, in order."""

import random
from pathlib import Path
from typing import Any

import pysam
import pytest
from django.core.management import call_command
from django.test import Client

from catalogue.models import Dataset, SequenceCollection
from tests.htsget_app.made_data import Fetched, fetch, make_data_file, make_dataset, read_cram
from tests.htsget_app.made_rewritten import Wish, random_wish
from tests.htsget_app.made_served import Served, some_files
from tests.htsget_app.valid_reads import check_rewritten, pair_problems, record_problems
from tests.long_runs import every
from tests.made_crams import LAYOUTS, VERSIONS, make_cram, make_pairs, make_reference, make_sam
from tests.made_variants import make_bcf, make_vcf, make_vcf_header

pytestmark = pytest.mark.django_db

#: Bytes of a part in the ticket, and of a part to be fetched: all inline, one part, and many.
SIZES = ((64 * 1024, 16 << 20), (0, 16 << 20), (0, 30_000))


def read(path: Path, body: bytes) -> list[str]:
    """The records of an answer as htslib prints them."""
    path.write_bytes(body)
    if path.suffix in (".bam", ".cram"):
        with pysam.AlignmentFile(str(path), check_sq=False) as file:
            return [record.to_string() for record in file.fetch(until_eof=True)]
    with pysam.VariantFile(str(path)) as file:
        return [str(record) for record in file]


@pytest.mark.parametrize("queries", [3, pytest.param(60, marks=pytest.mark.long)])
@some_files(2, 1)
def test_rewritten_over_http(
    client: Client, settings: Any, tmp_path: Path, served: Served, queries: int
) -> None:
    compare_rewritten(client, settings, tmp_path, served, queries=queries)


def compare_rewritten(client: Client, settings: Any, tmp_path: Path, served: Served, *, queries: int) -> None:
    file = make_data_file(served.made.path, "some/id")
    names = {contig.index: contig.name for contig in served.header.contigs}
    rng = random.Random(f"rewritten {served.made}")
    lines = [text for *_, text in served.everything[1]]
    target = "BAM" if served.is_bam else {"VCF": "BCF", "BCF": "VCF"}[file.format]
    for number in range(queries):
        settings.HTSGET_INLINE_BYTES, settings.HTSGET_DERIVED_BYTES = SIZES[number % len(SIZES)]
        wish = random_wish(rng, lines) if served.is_bam else Wish()
        asked: dict[str, Any] = {"format": target, **wish.parameters}
        regions = [served.random_region(rng) for _ in range(rng.choice((0, 1, 1, 1, 4)))]
        truth = served.truth(regions) if regions else lines
        if len(regions) > 1:
            said = [
                {"referenceName": names[region.contig], "start": region.start, "end": region.end}
                for region in regions
            ]
            body = {
                name: value.split(",") if name != "format" and value else value
                for name, value in asked.items()
            }
            body = {name: [] if value == "" else value for name, value in body.items()}
            got = fetch(client, f"/{file.kind}/some/id", body={**body, "regions": said})
        else:
            for region in regions:
                asked |= {"referenceName": names[region.contig], "start": region.start, "end": region.end}
            got = fetch(client, f"/{file.kind}/some/id", asked)
        check(got, target)
        answer = tmp_path / f"answer.{target.lower()}"
        records = read(answer, got.joined)
        assert records == expected(served, truth, wish), (asked, regions)
        if served.is_bam:
            check_rewritten(answer, records, truth, fields=wish.fields, tags_dropped=wish.drops_tags)


def expected(served: Served, truth: list[str], wish: Wish) -> list[str]:
    if served.is_bam:
        return [wish.applied(line) for line in truth]
    path = served.folder / "truth.vcf"
    header = served.everything[0].rstrip("\n")
    path.write_text(header + "\n" + "".join(line.rstrip("\n") + "\n" for line in truth))
    with pysam.VariantFile(str(path)) as file:
        return [str(record) for record in file]


def check(got: Fetched, target: str) -> None:
    assert got.document["htsget"]["format"] == target
    classes = [url["class"] for url in got.urls]
    assert classes == sorted(classes, reverse=True)


LAYOUT_NAMES = [f"{version} {layout}" for version in VERSIONS for layout in LAYOUTS]


@pytest.mark.parametrize("queries", [3, pytest.param(40, marks=pytest.mark.long)])
@pytest.mark.parametrize("name", every(2, LAYOUT_NAMES))
@pytest.mark.parametrize("target", ["BAM", "CRAM"])
def test_cram_rewritten_over_http(
    client: Client, settings: Any, tmp_path: Path, name: str, target: str, queries: int
) -> None:
    version, _, layout = name.partition(" ")
    reference = make_reference(tmp_path)
    call_command("ingest_fasta", str(reference), "--authority", "made")
    made = make_cram(tmp_path, reference=reference, sam=make_sam(), version=version, options=LAYOUTS[layout])
    compare_reads(client, settings, made.path, reference, target, queries=queries)


@pytest.mark.parametrize("target", ["BAM", "CRAM"])
def test_bam_as_cram(client: Client, settings: Any, tmp_path: Path, target: str) -> None:
    reference = make_reference(tmp_path)
    call_command("ingest_fasta", str(reference), "--collection", "made")
    header, lines = make_sam()
    path = tmp_path / "made.bam"
    opened = pysam.AlignmentHeader.from_text(header)
    with pysam.AlignmentFile(str(path), "wb", header=opened) as file:
        for line in lines:
            file.write(pysam.AlignedSegment.fromstring(line, opened))
    pysam.index(str(path))
    dataset = make_dataset(collection=SequenceCollection.objects.get(name="made"))
    compare_reads(client, settings, path, reference, target, queries=8, dataset=dataset)


@pytest.mark.parametrize("target", ["BAM", "CRAM"])
@pytest.mark.parametrize("stored", ["BAM", "CRAM"])
def test_pairs_stay_valid(client: Client, settings: Any, tmp_path: Path, stored: str, target: str) -> None:
    reference = make_reference(tmp_path)
    call_command("ingest_fasta", str(reference), "--collection", "made")
    path = make_pairs(tmp_path / f"pairs.{stored.lower()}", reference)
    with pysam.AlignmentFile(str(path), reference_filename=str(reference)) as file:
        lines = [read.to_string() for read in file.fetch(until_eof=True)]
    assert len(lines) > 500 and not set().union(*(record_problems(line, {"1"}) for line in lines))
    assert not pair_problems(lines)
    dataset = make_dataset(collection=SequenceCollection.objects.get(name="made"))
    compare_reads(client, settings, path, reference, target, queries=16, dataset=dataset)


def compare_reads(
    client: Client,
    settings: Any,
    original: Path,
    reference: Path,
    target: str,
    *,
    queries: int,
    dataset: Dataset | None = None,
) -> None:
    """Hold random wishes for the reads of a file against the rules."""
    make_data_file(original, "some/reads", dataset=dataset)
    rng = random.Random(f"{original.name} {target}")
    everything = read_cram(original, reference)
    lines = [text for *_, text in everything]
    with pysam.AlignmentFile(str(original)) as opened:
        contigs = dict(zip(opened.references, opened.lengths, strict=True))
    for number in range(queries):
        settings.HTSGET_INLINE_BYTES, settings.HTSGET_DERIVED_BYTES = SIZES[number % len(SIZES)]
        wish = random_wish(rng, lines)
        asked: dict[str, Any] = {"format": target, **wish.parameters}
        truth = everything
        if number % 4 == 3:
            asked["referenceName"] = "*"
            truth = [each for each in everything if each[0] == "*"]
        elif number % 4:
            name = rng.choice(list(contigs))
            start = rng.randrange(contigs[name])
            end = start + rng.choice((1, 100, 2_000, 10**6))
            asked |= {"referenceName": name, "start": start, "end": end}
            truth = [each for each in everything if each[0] == name and each[1] < end and start < each[2]]
        got = fetch(client, "/reads/some/reads", asked)
        check(got, target)
        answer = original.with_name(f"answer.{target.lower()}")
        answer.write_bytes(got.joined)
        found = [text for *_, text in read_cram(answer, reference)]
        wanted = [wish.applied(text) for *_, text in truth]
        originals = [text for *_, text in truth]
        if target == "CRAM":
            found, wanted, originals = as_in_cram(found), as_in_cram(wanted), as_in_cram(originals)
            wanted = with_mates_of_cram(wanted, found, originals)
        assert found == wanted, asked
        check_rewritten(
            *(answer, found, originals), fields=wish.fields, tags_dropped=wish.drops_tags, reference=reference
        )


def as_in_cram(lines: list[str]) -> list[str]:
    """The lines without MD and NM, which readers of CRAM compute, and with tags in one order, which CRAM has not."""
    columns = [line.split("\t") for line in lines]
    return [
        "\t".join((*line[:11], *sorted(tag for tag in line[11:] if tag[:2] not in ("MD", "NM"))))
        for line in columns
    ]


def with_mates_of_cram(wanted: list[str], found: list[str], originals: list[str]) -> list[str]:
    """The lines with RNEXT as readers of CRAM give it: none of reads that are not paired, and the true one of mates.

    The reads of one slice that are mates are linked, so that what was blanked may be there again.
    """
    lines = []
    for line, got, original in zip(wanted, found, originals, strict=True):
        columns, has, had = line.split("\t"), got.split("\t")[6], original.split("\t")[6]
        if not int(columns[1]) & 1:
            columns[6] = "*"
        elif columns[6] == "*" and has == had:
            columns[6] = had
        lines.append("\t".join(columns))
    return lines


@pytest.mark.parametrize("target", ["VCF", "BCF"])
def test_variants_of_many_samples(client: Client, tmp_path: Path, settings: Any, target: str) -> None:
    rng = random.Random(3)
    header = make_vcf_header({"1": 1_000_000}, samples=400)
    lines = [
        "\t".join(
            [
                "1",
                str(place),
                ".",
                "A",
                "C",
                "50",
                "PASS",
                ".",
                "GT",
                *rng.choices(("0/0", "0/1", "./."), k=400),
            ]
        )
        + "\n"
        for place in range(500, 400_000, 400)
    ]
    text = (header + "".join(lines)).encode()
    made = (make_bcf if target == "VCF" else make_vcf)(
        tmp_path / f"wide.{'bcf' if target == 'VCF' else 'vcf.gz'}", text
    )
    pysam.bcftools.index("-f", "-c", str(made))
    make_data_file(made, "wide")
    with pysam.VariantFile(str(made)) as file:
        everything = [str(record) for record in file]
    for settings.HTSGET_INLINE_BYTES, settings.HTSGET_DERIVED_BYTES in SIZES:
        got = fetch(client, "/variants/wide", {"format": target})
        assert read(tmp_path / f"answer.{target.lower()}", got.joined) == everything
        got = fetch(
            client, "/variants/wide", {"format": target, "referenceName": "1", "start": 9_000, "end": 60_000}
        )
        wanted = [line for line in everything if 9_000 < int(line.split("\t")[1]) <= 60_000]
        assert read(tmp_path / f"answer.{target.lower()}", got.joined) == wanted
