"""Look-ups of data files: which file, its contigs by every name, what is remembered, and whose bytes are read."""

import os
import time
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from catalogue import queries
from catalogue.access import ANONYMOUS, AuthenticationRequired
from catalogue.errors import (
    AmbiguousReference,
    NotFound,
    ObjectChanged,
    ObjectCorrupt,
    ObjectMissing,
)
from catalogue.formats import FormatError
from catalogue.formats.digests import sequence_digests
from catalogue.formats.headers import FileFormat
from catalogue.formats.intervals import ByteRange
from catalogue.models import (
    Alias,
    CollectionMember,
    Contig,
    DataFile,
    Dataset,
    NamingAuthority,
    Sequence,
    SequenceCollection,
)
from catalogue.queries import StoredFile
from catalogue.queries.cache import Cache
from catalogue.queries.examples import small_public_file
from catalogue.storage import PIECE, storage
from tests.catalogue.made_access import make_grant, make_user, viewer_for
from tests.htsget_app.made_data import (
    make_data_file,
    make_dataset,
    stored_path,
    write_bam,
    write_cram,
    write_vcf,
)

pytestmark = pytest.mark.django_db

ONE = sequence_digests(b"ACGT" * 25)
TWO = sequence_digests(b"GGCC" * 20)


@pytest.fixture
def file(tmp_path: Path) -> DataFile:
    contigs = [("1", 100, ONE.md5_hex), ("2", 80, TWO.md5_hex), ("none", 60, None)]
    queries.forget_files()
    return make_data_file(
        write_bam(tmp_path / "made.bam", contigs=contigs, reads=[(0, 5, 20), (1, 9, 20)]), "made"
    )


def find(kind: str = "reads", htsget_id: str = "made", format: FileFormat = FileFormat.BAM) -> StoredFile:
    return queries.find_file(viewer=ANONYMOUS, kind=kind, htsget_id=htsget_id, format=format)


def test_a_file(file: DataFile) -> None:
    found = find()
    for name in (
        "pk",
        "kind",
        "htsget_id",
        "format",
        "storage",
        "key",
        "size",
        "etag",
        "header_end",
        "has_eof",
        "ingested",
    ):
        assert getattr(found, name) == getattr(file, name), name
    assert found.indexed and found.ready and found.dataset == "open"


@pytest.mark.parametrize("htsget_id", ["", "no", "made ", "MADE", "made\0", "\ud800", "x" * 10_000])
def test_ids_of_no_file(file: DataFile, htsget_id: str) -> None:
    with pytest.raises(NotFound):
        find(htsget_id=htsget_id)
    with pytest.raises(NotFound):
        find(kind="variants")


def test_formats_and_who_may_have_them(file: DataFile, tmp_path: Path) -> None:
    # Another format is made of what is stored.
    assert find(format=FileFormat.CRAM).format is FileFormat.BAM
    closed = make_dataset("closed", visibility="controlled")
    make_data_file(write_cram(tmp_path), "made", dataset=closed)
    assert find().format is FileFormat.BAM
    assert find(format=FileFormat.CRAM).format is FileFormat.BAM
    DataFile.objects.filter(pk=file.pk).delete()
    with pytest.raises(AuthenticationRequired):
        find(format=FileFormat.BAM)


def test_what_is_not_public_is_refused_before_anything_else_is_asked(
    file: DataFile, django_assert_num_queries: Any
) -> None:
    Dataset.objects.update(visibility="controlled")
    with django_assert_num_queries(1), pytest.raises(AuthenticationRequired):
        find()


def test_contigs_by_their_own_names(file: DataFile, django_assert_num_queries: Any) -> None:
    found = find()
    with django_assert_num_queries(1):
        contigs = queries.contigs_by_name(found, ["2", "1", "2"])
    assert {name: contig.number for name, contig in contigs.items()} == {"1": 0, "2": 1}
    row = Contig.objects.get(file=file, name="1")
    assert contigs["1"].index == bytes(row.index) != b""
    assert (contigs["1"].length, contigs["1"].md5) == (100, ONE.md5)
    with django_assert_num_queries(0):
        assert queries.contigs_by_name(found, ["1", "2"]) == contigs
    assert queries.contigs_by_name(found, ["none"])["none"].index == b""


def test_contigs_by_names_of_their_sequence(file: DataFile, django_assert_num_queries: Any) -> None:
    authority = NamingAuthority.objects.get(name="ucsc")
    one = Sequence.objects.get(md5=ONE.md5)
    Sequence.objects.filter(pk=one.pk).update(sha512t24u=ONE.sha512t24u)
    Alias.objects.create(authority=authority, name="chr1", sequence=one)
    collection = SequenceCollection.objects.create(name="assembly")
    CollectionMember.objects.create(collection=collection, position=0, name="NC_1", sequence=one)
    # A name that a sequence of no contig here has as well, and one that two contigs share.
    other = Sequence.objects.create(md5=bytes(16), length=9)
    Alias.objects.create(authority=authority, name="NC_1", sequence=other)
    for sequence in (one, Sequence.objects.get(md5=TWO.md5)):
        Alias.objects.create(authority=authority, name="both", sequence=sequence)
    found = find()
    for name in ("chr1", "NC_1", ONE.md5_hex, ONE.sq, f"ga4gh:{ONE.sq}", ONE.trunc512):
        assert queries.contigs_by_name(found, [name])[name].number == 0, name
    with django_assert_num_queries(0):
        queries.contigs_by_name(found, ["chr1", "NC_1"])
    with pytest.raises(AmbiguousReference):
        queries.contigs_by_name(found, ["chr1", "both"])
    for name in ("chr2", "ucsc", "", "\0", "\ud800", "0" * 32):
        with pytest.raises(NotFound):
            queries.contigs_by_name(found, ["1", name])


def test_contigs_by_private_names(file: DataFile) -> None:
    """Names of private sequences, of private collections and those that came with one are for their readers alone."""
    authority = NamingAuthority.objects.get(name="ucsc")
    private, public = Sequence.objects.get(md5=ONE.md5), Sequence.objects.get(md5=TWO.md5)
    closed = SequenceCollection.objects.create(name="closed", visibility="private")
    shown = SequenceCollection.objects.create(name="open")
    for position, sequence in enumerate((private, public)):
        CollectionMember.objects.create(
            collection=closed, position=position, name=f"member{position}", sequence=sequence
        )
    CollectionMember.objects.create(collection=shown, position=0, name="shown", sequence=public)
    Alias.objects.create(authority=authority, name="of private", sequence=private)
    Alias.objects.create(authority=authority, name="came with", sequence=public, collection=closed)
    Alias.objects.create(authority=authority, name="of public", sequence=public)
    reader, other = make_user("reader"), make_user("other")
    make_grant(closed, reader)
    secret = {"of private": 0, "came with": 1, "member0": 0, "member1": 1}
    for viewer in (viewer_for(reader), ANONYMOUS, viewer_for(other), viewer_for(reader)):
        found = queries.find_file(viewer=viewer, kind="reads", htsget_id="made", format=FileFormat.BAM)
        assert queries.contigs_by_name(found, ["shown", "of public"])["shown"].number == 1
        for name, number in secret.items():
            if viewer.name == "reader":
                assert queries.contigs_by_name(found, [name])[name].number == number
            else:
                with pytest.raises(NotFound):
                    queries.contigs_by_name(found, [name])


def test_contigs_by_md5(file: DataFile) -> None:
    found = find()
    assert queries.contig_by_md5(found, ONE.md5_hex).number == 0
    for unknown in ("0" * 32, "", "1", "no md5", ONE.sq, "\0"):
        with pytest.raises(NotFound):
            queries.contig_by_md5(found, unknown)
    # A contig whose header does not say has the md5 of the sequence that it is linked to.
    three = Sequence.objects.create(md5=bytes(range(16)), length=60)
    Contig.objects.filter(file=file, name="none").update(sequence=three)
    assert queries.contig_by_md5(found, bytes(range(16)).hex()).name == "none"


def test_many_names_take_few_queries(file: DataFile, django_assert_max_num_queries: Any) -> None:
    """However many regions a request or a grant names, whether they exist or not, and however they are spelled."""
    found = find()
    known = ["1", ONE.md5_hex, ONE.md5_hex.upper(), TWO.sq, "none"]
    unknown = [f"{number:032x}" for number in range(200)] + [f"scaffold{number}" for number in range(200)]
    Sequence.objects.filter(md5=TWO.md5).update(sha512t24u=TWO.sha512t24u)
    with django_assert_max_num_queries(8):
        contigs = queries.contigs_that_exist(found, [*unknown, *known])
    meant = dict(zip(known, ["1", "1", "1", "2", "none"], strict=True))
    assert {name: contig.name for name, contig in contigs.items()} == meant
    with django_assert_max_num_queries(8), pytest.raises(NotFound, match="00000000"):
        queries.contigs_by_name(found, [*known, *unknown])


def test_what_is_remembered_belongs_to_one_ingest(file: DataFile, tmp_path: Path) -> None:
    before = find()
    assert queries.header(before) == bytes(file.header)
    queries.contigs_by_name(before, ["1"])
    changed = write_bam(
        tmp_path / "made.bam", contigs=[("1", 99, None), ("new", 5, None)], reads=[(0, 7, 20)]
    )
    again = make_data_file(changed, "made")
    after = find()
    assert after.pk == before.pk and after.ingested > before.ingested
    assert queries.header(after) == bytes(again.header) != bytes(file.header)
    assert queries.contigs_by_name(after, ["1"])["1"].length == 99
    # Whoever still holds the earlier record gets nothing of the later ingest.
    with pytest.raises(NotFound):
        queries.contigs_by_name(before, ["new"])
    queries.forget_files()
    with pytest.raises(NotFound):
        queries.header(before)


def test_the_cache_keeps_what_was_used_last(monkeypatch: pytest.MonkeyPatch) -> None:
    cache = Cache("tested", 3 * (100 + Cache.OVERHEAD))
    for key in "abc":
        cache.put((key,), key, 100)
    assert cache.get(("a",)) == "a"
    cache.put(("d",), "d", 100)
    assert [cache.get((key,)) for key in "abcd"] == ["a", None, "c", "d"]
    cache.put(("a",), "A", 100)
    assert [cache.get((key,)) for key in "acd"] == ["A", "c", "d"]
    cache.put(("huge",), "x", 10_000)
    assert cache.get(("huge",)) is None and cache.get(("a",)) == "A"
    cache.put(("short",), "x", 1, seconds=10)
    assert cache.get(("short",)) == "x"
    later = time.monotonic() + 11
    monkeypatch.setattr("catalogue.queries.cache.time.monotonic", lambda: later)
    assert cache.get(("short",)) is None
    cache.clear()
    assert cache.get(("a",)) is None


def test_bytes_that_are_registered(file: DataFile) -> None:
    found, content = find(), stored_path(file).read_bytes()
    with queries.registered_bytes(found) as read_range:
        assert read_range(3, 10) == content[3:13]
        assert read_range(found.size - 4, 100) == content[-4:] and read_range(found.size, 9) == b""
        assert read_range(0, 0) == b""
    assert b"".join(queries.stream_bytes(found, ByteRange(5, found.size))) == content[5:]
    assert queries.is_local(found)


def test_bytes_that_change_while_they_are_read(file: DataFile) -> None:
    found, path = find(), stored_path(file)
    with pytest.raises(ObjectChanged), queries.registered_bytes(found) as read_range:
        read_range(0, 10)
        os.utime(path, ns=(1, 1))
    with pytest.raises(ObjectChanged):
        next(queries.stream_bytes(found, ByteRange(0, 10)))
    with pytest.raises(ObjectChanged, match="ETag"), queries.registered_bytes(found):
        raise AssertionError("not even begun")
    path.unlink()
    with pytest.raises(ObjectMissing):
        queries.check_registered(found)


def test_whose_fault_a_format_error_is(file: DataFile) -> None:
    found, path = find(), stored_path(file)
    with pytest.raises(ObjectCorrupt, match="nonsense"), queries.registered_bytes(found):
        raise FormatError("nonsense", offset=5)
    with pytest.raises(ObjectChanged), queries.registered_bytes(found):
        os.utime(path, ns=(1, 1))
        raise FormatError("nonsense")


def test_a_stream_is_in_pieces(file: DataFile, tmp_path: Path) -> None:
    path = stored_path(file)
    path.write_bytes(os.urandom(2 * PIECE + 5))
    stat = storage(file.storage).stat(file.key)
    found = replace(find(), size=stat.size, etag=stat.etag)
    pieces = list(queries.stream_bytes(found, ByteRange(1, found.size)))
    assert [len(piece) for piece in pieces] == [PIECE, PIECE, 4]
    assert b"".join(pieces) == path.read_bytes()[1:]


def test_an_example(file: DataFile, tmp_path: Path) -> None:
    assert small_public_file(kind="variants") is None
    vcf = write_vcf(tmp_path / "made.vcf.gz", contigs=[("1", 900), ("2", 900)], records=[(1, 5)])
    make_data_file(vcf, "variants")
    assert small_public_file(kind="reads") == ("made", FileFormat.BAM, "1")
    assert small_public_file(kind="variants") == ("variants", FileFormat.VCF, "2")
    Dataset.objects.update(visibility="registered")
    assert small_public_file(kind="reads") is None
