"""Constraints of the database."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from django.apps import apps
from django.core.exceptions import ValidationError
from django.db import DataError, IntegrityError, connection, transaction
from django.utils import timezone

from catalogue.models import (
    Alias,
    CollectionMember,
    Contig,
    DataFile,
    Dataset,
    Grant,
    IngestRun,
    NamingAuthority,
    ResidueBlob,
    Sequence,
    SequenceCollection,
)
from catalogue.models.violations import explain
from tests.catalogue.made_access import make_grant, make_user
from tests.htsget_app.made_data import make_data_file, write_bam

pytestmark = pytest.mark.django_db

MD5 = bytes(16)
SHA = bytes(24)


def make_blob() -> ResidueBlob:
    return ResidueBlob.objects.create(storage="sequences", key="ab/cd/rest", size=10)


def make_known(**changes: Any) -> Sequence:
    return Sequence.objects.create(**{"md5": MD5, "sha512t24u": SHA, "length": 10} | changes)


def make_file(**changes: Any) -> DataFile:
    dataset, _ = Dataset.objects.get_or_create(slug="set")
    values: dict[str, Any] = {
        "dataset": dataset,
        "kind": "reads",
        "htsget_id": "sample",
        "format": "BAM",
        "storage": "files",
        "key": "sample.bam",
        "size": 1,
        "etag": "1",
        "header": b"",
        "header_end": 0,
        "has_eof": True,
    }
    return DataFile.objects.create(**values | changes)


def refused(write: Callable[[], object]) -> bool:
    """Whether the database refuses what `write` does, leaving the transaction usable."""
    try:
        with transaction.atomic():
            write()
    except (IntegrityError, DataError):
        return True
    return False


def test_digests_have_their_length_and_are_unique() -> None:
    make_known()

    assert refused(lambda: make_known(sha512t24u=None))
    assert refused(lambda: make_known(md5=bytes(range(16))))
    assert refused(lambda: make_known(md5=b"short", sha512t24u=None))
    assert refused(lambda: make_known(md5=bytes(range(16)), sha512t24u=bytes(23)))


def test_a_sequence_may_be_known_by_its_md5_alone() -> None:
    assert make_known(sha512t24u=None).blob is None


def test_a_sequence_is_held_whole_or_not_at_all() -> None:
    blob = make_blob()

    assert refused(lambda: make_known(blob=blob))
    assert refused(lambda: make_known(offset=0))
    assert refused(lambda: make_known(blob=blob, offset=-1))
    assert refused(lambda: make_known(blob=blob, offset=0, sha512t24u=None))
    assert not refused(lambda: make_known(blob=blob, offset=0))


def test_a_sequence_is_not_empty() -> None:
    assert refused(lambda: make_known(length=0))


def test_authorities_are_unique_without_case_and_have_no_colon() -> None:
    assert refused(lambda: NamingAuthority.objects.create(name="RefSeq"))
    assert refused(lambda: NamingAuthority.objects.create(name="my:lab"))
    assert refused(lambda: NamingAuthority.objects.create(name=""))
    assert not refused(lambda: NamingAuthority.objects.create(name="my-lab"))


def test_the_usual_authorities_are_there() -> None:
    names = set(NamingAuthority.objects.values_list("name", flat=True))

    assert {"ga4gh", "insdc", "refseq", "ensembl", "ucsc"} <= names


def test_one_name_may_mean_several_sequences_but_each_once() -> None:
    one, other = make_known(), make_known(md5=bytes(range(16)), sha512t24u=bytes(range(24)))
    ucsc = NamingAuthority.objects.get(name="ucsc")
    Alias.objects.create(authority=ucsc, name="chr1", sequence=one)

    assert not refused(lambda: Alias.objects.create(authority=ucsc, name="chr1", sequence=other))
    assert refused(lambda: Alias.objects.create(authority=ucsc, name="chr1", sequence=one))
    assert refused(lambda: Alias.objects.create(authority=ucsc, name="", sequence=one))


def test_members_of_a_collection_have_one_place_and_one_name() -> None:
    collection = SequenceCollection.objects.create(name="assembly")
    sequence = make_known()
    CollectionMember.objects.create(collection=collection, position=0, name="1", sequence=sequence)

    def member(position: int, name: str) -> Callable[[], object]:
        return lambda: CollectionMember.objects.create(
            collection=collection, position=position, name=name, sequence=sequence
        )

    assert refused(member(0, "2"))
    assert refused(member(1, "1"))
    assert not refused(member(1, "2"))


def test_a_file_id_is_unique_within_kind_and_format() -> None:
    make_file()

    assert refused(make_file)
    assert not refused(lambda: make_file(format="CRAM"))
    assert not refused(lambda: make_file(kind="variants", format="VCF"))


def test_a_file_is_of_the_kind_of_its_format() -> None:
    assert refused(lambda: make_file(format="VCF"))
    assert refused(lambda: make_file(kind="variants", format="CRAM"))
    assert refused(lambda: make_file(format="SAM"))


def test_ids_that_no_client_could_ask_for_are_refused() -> None:
    assert refused(lambda: make_file(htsget_id=""))
    assert refused(lambda: make_file(htsget_id="service-info"))


def test_a_contig_is_declared_once() -> None:
    file = make_file()
    Contig.objects.create(file=file, number=0, name="1")

    assert refused(lambda: Contig.objects.create(file=file, number=0, name="2"))
    assert refused(lambda: Contig.objects.create(file=file, number=1, name="1"))
    assert refused(lambda: Contig.objects.create(file=file, number=1, name="2", md5=b"short"))
    assert not refused(lambda: Contig.objects.create(file=file, number=1, name="2", md5=MD5))


def test_a_run_is_finished_unless_it_is_running() -> None:
    now = timezone.now()

    assert not refused(lambda: IngestRun.objects.create(command="x", actor="y"))
    assert refused(lambda: IngestRun.objects.create(command="x", actor="y", finished=now))
    assert refused(lambda: IngestRun.objects.create(command="x", actor="y", outcome="failed"))
    assert not refused(
        lambda: IngestRun.objects.create(command="x", actor="y", outcome="failed", finished=now)
    )


def test_compressed_columns_are_not_compressed_again() -> None:
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT attstorage FROM pg_attribute WHERE (attrelid, attname) IN "
            "(('catalogue_contig'::regclass, 'index'), ('catalogue_datafile'::regclass, 'header'))"
        )
        assert cursor.fetchall() == [("e",), ("e",)]


# --- Grants -----------------------------------------------------------------------------------------------------------


def test_a_grant_is_there_once() -> None:
    dataset, user = Dataset.objects.create(slug="d"), make_user("ada")
    make_grant(dataset, user)
    make_grant(dataset, user, kinds=["reads"])
    for _ in range(2):
        make_grant(dataset, user, regions=[("1", 0, 5)])
    with pytest.raises(IntegrityError) as caught, transaction.atomic():
        make_grant(dataset, user, note="again")
    assert explain(caught.value) == "The same grant is there already."
    with pytest.raises(ValidationError, match="same grant"):
        Grant(dataset=dataset, user=user).full_clean()


def test_a_grant_names_files_of_its_dataset_only(tmp_path: Path) -> None:
    file = make_data_file(write_bam(tmp_path / "x.bam", contigs=[("1", 9, None)], reads=[]), "x")
    other, user = Dataset.objects.create(slug="other"), make_user("ada")
    for refuse in (
        lambda: make_grant(other, user, files=[file]),
        lambda: Grant.objects.filter(pk=make_grant(file.dataset, user, files=[file]).pk).update(
            dataset=other
        ),
    ):
        with pytest.raises(IntegrityError) as caught, transaction.atomic():
            refuse()
        assert explain(caught.value) == "A grant can only be limited to files of its own dataset."
    grant = make_grant(file.dataset, user, files=[file])
    DataFile.objects.filter(pk=file.pk).update(dataset=other)
    grant.refresh_from_db()
    assert grant.limited_to_files and not grant.files.exists()


def test_every_constraint_says_in_plain_words_what_is_wrong() -> None:
    for model in apps.get_app_config("catalogue").get_models():
        for constraint in model._meta.constraints:
            message = str(constraint.violation_error_message)
            assert message.endswith(".") and constraint.name not in message and "onstraint" not in message
