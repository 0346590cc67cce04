"""Searches: what is found, in which order, and that nothing is found that the viewer may not know of."""

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from catalogue.access import ANONYMOUS, Viewer
from catalogue.formats.digests import sequence_digests
from catalogue.models import DataFile, Dataset, Sequence, SequenceCollection
from catalogue.queries.search import MAX_TEXT, Found, search
from tests.catalogue.made_access import make_grant, make_granted_file, make_user, viewer_for
from tests.catalogue.made_collections import make_collection
from tests.catalogue.made_rows import make_alias, make_sequence

pytestmark = pytest.mark.django_db


def make_file(
    htsget_id: str, *samples: str, dataset: str = "open", visibility: str = "public", format: str = "BAM"
) -> DataFile:
    owner, _ = Dataset.objects.get_or_create(slug=dataset, defaults={"visibility": visibility})
    file = make_granted_file(owner, htsget_id=htsget_id, format=format)
    file.samples = list(samples)
    file.save()
    return file


def found(text: str, *, viewer: Viewer = ANONYMOUS, count: int = 10) -> Found:
    return search(text, viewer=viewer, count=count)


def ids(text: str, *, viewer: Viewer = ANONYMOUS, count: int = 10) -> list[str]:
    return [file.htsget_id for file in found(text, viewer=viewer, count=count).files]


def test_files_by_id_and_sample_the_best_first() -> None:
    make_file("run/xNA12878x", "other")
    make_file("NA12878.second", "other")
    make_file("first", "NA12878")
    make_file("part", "old", "xna12878", format="VCF")
    make_file("NA12878")
    make_file("unrelated", "NA1287")
    assert ids("NA12878")[:3] == ["NA12878", "first", "NA12878.second"]
    assert set(ids("NA12878")[3:]) == {"run/xNA12878x", "part"}
    assert set(ids(" na12878 ")) == set(ids("NA12878"))
    assert ids("128") != [] and ids("12878x") == ["run/xNA12878x"]
    assert ids("NA12878", count=2) == ["NA12878", "first"]
    assert found("NA12878", count=2).more == {"files"}
    assert found("NA12878", count=5).more == frozenset()


def test_short_texts_are_beginnings() -> None:
    make_file("ab", "xy")
    make_file("bab", "yx")
    assert ids("a") == ["ab"] and ids("xy") == ["ab"] and ids("x") == []


@pytest.mark.parametrize("text", ["100%", "a_b", "a\\b", 'quo"te', "it's", "{x,y}", "ünï", "a  b"])
def test_every_character_is_meant(text: str) -> None:
    make_file(f"id {text} end")
    make_file("sampled", f"s {text} e")
    make_file("id 100x a.b axb quo te its x,y uni a b end")
    assert set(ids(text)) == {f"id {text} end", "sampled"}


@pytest.mark.parametrize("text", ["", " ", "\0", "a\0b", "\ud800", "x" * (MAX_TEXT + 1)])
def test_texts_that_find_nothing(text: str) -> None:
    make_file("a")
    make_sequence(b"ACGT", "insdc:A")
    assert found(text).total == 0


def test_sequences_by_every_name_and_checksum() -> None:
    residues = b"ACGTACGTTT"
    make_sequence(residues, "insdc:CM000001.2", "ucsc:chr1")
    make_sequence(b"TTTT", "insdc:CM0000019", "ensembl:1")
    digests = sequence_digests(residues)
    for text in (digests.sq, f"ga4gh:{digests.sq}", digests.md5_hex, digests.md5_hex.upper()):
        assert [row.digest for row in found(text).sequences] == [digests.sq], text
    assert [row.digest for row in found(digests.sha512t24u.hex()).sequences] == [digests.sq]
    assert digests.sq in [row.digest for row in found(digests.md5_hex[:6]).sequences]
    assert digests.sq in [row.digest for row in found(digests.md5_hex[:7]).sequences]
    for text in ("CM000001.2", "INSDC:CM000001.2", "insdc:CM000001.2", "chr1", "cm000001."):
        assert [row.digest for row in found(text).sequences] == [digests.sq], text
    assert [row.name for row in found("CM000001").sequences] == ["insdc:CM0000019", "insdc:CM000001.2"][::-1]
    assert [row.name for row in found("insdc:CM").sequences] == ["insdc:CM000001.2", "insdc:CM0000019"]
    assert found("ensembl:CM").sequences == []


def test_a_sequence_is_found_once() -> None:
    row = make_sequence(b"ACGT", "insdc:same1", "ucsc:same1", "ensembl:same1")
    make_alias(row, "ensembl:same12")
    assert len(found("same1").sequences) == 1


def test_collections_and_datasets() -> None:
    made = make_collection("insdc:GCA_000001405.15", {"1": b"ACGT"})
    Dataset.objects.create(
        slug="thousand", title="The 1000 Genomes", description="low coverage", visibility="public"
    )
    assert made.content is not None
    for text in ("insdc:GCA_000001405.15", "gca_0000014", "1405.15", "ins"):
        assert [row.name for row in found(text).collections] == [made.name], text
    digest = found("insdc").collections[0].digest
    assert digest is not None
    assert [row.name for row in found(digest).collections] == [made.name]
    for text in ("thousand", "THOUS", "1000 gen", "coverage"):
        assert [row.slug for row in found(text).datasets] == ["thousand"], text


def test_nothing_of_what_the_viewer_may_not_know() -> None:
    make_file("secret/file", "SecretSample", dataset="secretset", visibility="controlled")
    make_collection("secretgenome", {"secretchr": b"GATTACA" * 9}, private=True)
    make_alias(Sequence.objects.get(md5=sequence_digests(b"GATTACA" * 9).md5), "insdc:secretalias")
    dataset = Dataset.objects.get(slug="secretset")
    stranger, reader = make_user("eve"), make_user("ada")
    make_grant(dataset, reader)
    make_grant(SequenceCollection.objects.get(name="secretgenome"), reader)
    digests = sequence_digests(b"GATTACA" * 9)
    texts = ["secret", "SecretSample", "secret/file", "secretset", "secretgenome", "secretalias", digests.sq]
    texts += [digests.md5_hex, digests.md5_hex[:8]]
    for text in texts:
        for viewer in (ANONYMOUS, viewer_for(stranger)):
            assert found(text, viewer=viewer) == Found([], [], [], [], [], frozenset()), text
        assert found(text, viewer=viewer_for(reader)).total > 0, text


@pytest.mark.parametrize("text", ["NA12878", "x", "0123456789abcdef"])
def test_queries_are_few_whatever_there_is(text: str) -> None:
    for number in range(30):
        make_file(f"NA12878.{number}", f"x{number}")
    with CaptureQueriesContext(
        connection,
    ) as asked:
        found(text)
    assert len(asked) <= 24
    user = make_user("ada")
    with CaptureQueriesContext(connection) as asked_by_account:
        found(text, viewer=viewer_for(user))
    assert len(asked_by_account) <= 36


def test_no_location_is_found() -> None:
    file = make_file("a")
    file.storage, file.key, file.source, file.etag = "files", "bucket/xyzzy", "/disk/xyzzy", "xyzzy-etag"
    file.save()
    assert ids("xyzzy") == ids("bucket") == ids("files:") == []
