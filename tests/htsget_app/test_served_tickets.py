"""From HTTP request to joined bytes, for every kind of file: htslib reads from them what it finds in the original.

The planners have their own proof over many more regions; this one is that nothing is lost between them and a client:
registration, look-up by every name, the ticket's JSON, both kinds of block, signed slices, GET and POST.
"""

import random
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pysam
import pytest
from django.test import Client

from catalogue.formats.intervals import Region
from catalogue.models import (
    Alias,
    CollectionMember,
    Contig,
    DataFile,
    NamingAuthority,
    Sequence,
    SequenceCollection,
)
from tests.htsget_app.made_data import SHARED, Fetched, fetch, make_data_file, read_cram
from tests.htsget_app.made_served import Served, is_subsequence, some_files
from tests.long_runs import every
from tests.made_crams import LAYOUTS, VERSIONS, make_cram, make_reference, make_sam
from tests.object_store import ObjectStore

pytestmark = pytest.mark.django_db

INLINE = (64 * 1024, 0, 10**8)


Names = dict[int, list[dict[str, str]]]


def name_contigs(file: DataFile) -> Names:
    """Give every contig a sequence, which the catalogue knows by other names: by an alias and in a collection.

    Return, for the number of each contig, parameters that all mean it.
    """
    contigs = list(Contig.objects.filter(file=file))
    digests = {
        contig.number: bytes(contig.md5 or b"") or random.Random(f"{file.pk} {contig.name}").randbytes(16)
        for contig in contigs
    }
    Sequence.objects.bulk_create(
        [Sequence(md5=digests[contig.number], length=contig.length or 1) for contig in contigs],
        ignore_conflicts=True,
    )
    sequences = {bytes(each.md5): each for each in Sequence.objects.filter(md5__in=digests.values())}
    authority = NamingAuthority.objects.get(name="ucsc")
    collection = SequenceCollection.objects.create(name=f"of file {file.pk}")
    aliases, members = [], []
    for contig in contigs:
        contig.sequence = sequences[digests[contig.number]]
        aliases.append(Alias(authority=authority, name=f"alias of {contig.name}", sequence=contig.sequence))
        members.append(
            CollectionMember(
                collection=collection,
                position=contig.number,
                name=f"member {contig.name}",
                sequence=contig.sequence,
            )
        )
    Contig.objects.bulk_update(contigs, ["sequence"])
    Alias.objects.bulk_create(aliases)
    CollectionMember.objects.bulk_create(members)
    return {contig.number: ways_to_say(contig.name, digests[contig.number].hex()) for contig in contigs}


def ways_to_say(name: str, md5: str) -> list[dict[str, str]]:
    """Return parameters that all mean one contig."""
    return [
        {"referenceName": name},
        {"referenceName": f"alias of {name}"},
        {"referenceName": f"member {name}"},
        {"referenceName": name, "referenceMD5": md5},
        {"referenceMD5": md5},
    ]


@pytest.mark.parametrize("regions", [5, pytest.param(60, marks=pytest.mark.long)])
@some_files(2)
def test_answers_over_http(client: Client, settings: Any, served: Served, regions: int) -> None:
    compare_answers(client, settings, served, regions=regions, posts=regions // 2)


def compare_answers(client: Client, settings: Any, served: Served, *, regions: int, posts: int) -> None:
    """Registers the file, and holds answers of every kind against it."""
    file = make_data_file(served.made.path, "some/id")
    said = name_contigs(file)
    path = f"/{file.kind}/some/id"
    asked = {"format": file.format}
    everything = [text for *_, text in served.everything[1]]
    rng = random.Random(str(served.made))
    for number in range(regions):
        settings.HTSGET_INLINE_BYTES = INLINE[number % len(INLINE)]
        region = served.random_region(rng)
        contig = rng.choice(said[region.contig])
        got = fetch(client, path, {**asked, **contig, "start": region.start, "end": region.end})
        check(served, got, served.truth([region]))
    for number in range(posts):
        settings.HTSGET_INLINE_BYTES = INLINE[number % len(INLINE)]
        several = [served.random_region(rng) for _ in range(rng.randint(1, 9))]
        bodies = [
            {**rng.choice(said[region.contig][:4]), "start": region.start, "end": region.end}
            for region in several
        ]
        check(served, fetch(client, path, body={**asked, "regions": bodies}), served.truth(several))
    check(served, fetch(client, path, body=asked), everything)
    for inline in INLINE:
        settings.HTSGET_INLINE_BYTES = inline
        check(served, fetch(client, path, asked), everything)
        check(served, fetch(client, path, {**asked, "class": "header"}), [])
        if served.is_bam:
            unplaced = [text for contig, *_, text in served.everything[1] if contig == "*"]
            check(served, fetch(client, path, {"referenceName": "*"}), unplaced)
    first = served.header.contigs[0].index
    check(served, fetch(client, path, {**asked, **said[first][0], "start": 7, "end": 7}), [])
    check(
        served, fetch(client, path, {**asked, **said[first][0]}), served.truth([Region(first, 0, 2**31 - 1)])
    )


def check(served: Served, got: Fetched, truth: list[str]) -> None:
    """The header is the file's, the wanted records are all there, in order, once; inline answers hold no other."""
    path = served.folder / f"answer{''.join(served.made.path.suffixes)}"
    path.write_bytes(got.joined)
    header, records = served.read(path)
    texts = [text for *_, text in records]
    assert header == served.everything[0]
    classes = [url["class"] for url in got.urls]
    assert classes == sorted(classes, reverse=True)
    if all(url["url"].startswith("data:") for url in got.urls if url["class"] == "body"):
        assert texts == truth
    else:
        assert is_subsequence(texts, [text for *_, text in served.everything[1]])
        assert is_subsequence(truth, texts)


CRAMS = [*(f"{version} {layout}" for version in VERSIONS for layout in LAYOUTS), *(
    f"cram/{name}.cram" for name in ("1400_index_simple", "1403_index_multiref", "1405_index_multisliceref")
)]  # fmt: skip


@pytest.fixture
def cram(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[tuple[Path, Path]]:
    """A CRAM file and its reference."""
    name: str = request.param
    if name.startswith("cram/"):
        if not SHARED.exists():
            pytest.skip("../shared/data is not there")
        yield SHARED / name, SHARED / "cram" / "ce.fa"
        return
    version, _, layout = name.partition(" ")
    reference = make_reference(tmp_path)
    made = make_cram(tmp_path, reference=reference, sam=make_sam(), version=version, options=LAYOUTS[layout])
    yield made.path, reference


@pytest.mark.parametrize("cram", every(2, CRAMS), indirect=True)
def test_cram_answers_over_http(
    client: Client, settings: Any, tmp_path: Path, cram: tuple[Path, Path]
) -> None:
    compare_cram_answers(client, settings, tmp_path, cram, regions=6, posts=2)


def compare_cram_answers(
    client: Client, settings: Any, tmp_path: Path, cram: tuple[Path, Path], *, regions: int, posts: int
) -> None:
    """Registers the file, and holds answers of every kind against it."""
    original, reference = cram
    file = make_data_file(original, "some/cram")
    said = name_contigs(file)
    rng = random.Random(original.name)
    everything = read_cram(original, reference)
    lines = [text for *_, text in everything]
    assert len(set(lines)) == len(lines)
    answer = tmp_path / "answer.cram"
    with pysam.AlignmentFile(str(original)) as opened:
        header = str(opened.header)
        contigs = dict(zip(opened.references, opened.lengths, strict=True))
    for number in range(regions + posts):
        settings.HTSGET_INLINE_BYTES = INLINE[number % len(INLINE)]
        wanted = []
        for _ in range(1 if number < regions else rng.randint(2, 6)):
            name = rng.choice(list(contigs))
            start = rng.randrange(contigs[name])
            wanted.append((name, start, start + rng.choice((1, 100, 2_000, 10**6))))
        bodies: list[dict[str, str | int]] = [
            {**rng.choice(said[list(contigs).index(name)][:4]), "start": start, "end": end}
            for name, start, end in wanted
        ]
        if len(bodies) == 1:
            got = fetch(client, "/reads/some/cram", {"format": "cram", **bodies[0]})
        else:
            got = fetch(client, "/reads/some/cram", body={"format": "CRAM", "regions": bodies})
        answer.write_bytes(got.joined)
        texts = [text for *_, text in read_cram(answer, reference)]
        truth = [
            text
            for contig, first, last, text in everything
            if any(contig == name and first < end and start < last for name, start, end in wanted)
        ]
        assert len(set(texts)) == len(texts)
        assert is_subsequence(texts, lines) and is_subsequence(truth, texts)
    answer.write_bytes(fetch(client, "/reads/some/cram", {"format": "CRAM", "class": "header"}).joined)
    with pysam.AlignmentFile(str(answer)) as opened:
        assert str(opened.header) == header
    assert fetch(client, "/reads/some/cram", {"format": "CRAM"}).joined == original.read_bytes()
    answer.write_bytes(fetch(client, "/reads/some/cram", {"format": "CRAM", "referenceName": "*"}).joined)
    unplaced = [text for contig, *_, text in everything if contig == "*"]
    assert is_subsequence(unplaced, [text for *_, text in read_cram(answer, reference)])


# --- Files in an object store: clients fetch parts there, with what the ticket says alone -----------------------------


@some_files(5)
def test_answers_from_an_object_store(
    client: Client, settings: Any, served: Served, stored_in_s3: ObjectStore
) -> None:
    compare_answers(client, settings, served, regions=3, posts=2)


@pytest.mark.parametrize("cram", every(5, CRAMS), indirect=True)
def test_cram_answers_from_an_object_store(
    client: Client, settings: Any, tmp_path: Path, cram: tuple[Path, Path], stored_in_s3: ObjectStore
) -> None:
    compare_cram_answers(client, settings, tmp_path, cram, regions=3, posts=1)
