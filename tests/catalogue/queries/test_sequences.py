"""Look-ups of sequences by identifier, and of their residues."""

import pytest
from pytest_django import DjangoAssertNumQueries

from catalogue import queries
from catalogue.errors import AmbiguousAlias, NotFound
from tests.catalogue.made_rows import make_alias, make_sequence

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def _nothing_remembered() -> None:
    queries.forget_sequences()


def test_every_spelling_of_a_digest_finds_the_sequence() -> None:
    row = make_sequence(b"ACGT")

    for identifier in (
        "f1f8f4bf413b16ad135722aa4591043e",
        "MD5:F1F8F4BF413B16AD135722AA4591043E",
        "68a178f7c740c5c240aa67ba41843b119d3bf9f8b0f0ac36",
        "ga4gh:SQ.aKF498dAxcJAqme6QYQ7EZ07-fiw8Kw2",
        "VMC:GS_aKF498dAxcJAqme6QYQ7EZ07-fiw8Kw2",
    ):
        assert queries.sequence(identifier).pk == row.pk


def test_an_alias_is_found_with_its_authority_in_any_case_and_bare() -> None:
    row = make_sequence(b"ACGT", "insdc:BK006935.2")

    assert queries.sequence("insdc:BK006935.2").pk == row.pk
    assert queries.sequence("INSDC:BK006935.2").pk == row.pk
    assert queries.sequence("BK006935.2").pk == row.pk


@pytest.mark.parametrize(
    "identifier", ["insdc:bk006935.2", "refseq:BK006935.2", "BK006935", ":BK006935.2", "", "\0"]
)
def test_what_nothing_is_called_is_not_found(identifier: str) -> None:
    make_sequence(b"ACGT", "insdc:BK006935.2")

    with pytest.raises(NotFound):
        queries.sequence(identifier)


def test_a_name_with_a_colon_of_its_own_is_found() -> None:
    row = make_sequence(b"ACGT", "ensembl:chromosome:GRCh38:1")

    assert queries.sequence("ensembl:chromosome:GRCh38:1").pk == row.pk
    assert queries.sequence("chromosome:GRCh38:1").pk == row.pk


def test_a_name_of_several_sequences_says_which() -> None:
    rows = [make_sequence(b"ACGT", "ucsc:chr1"), make_sequence(b"TTTT", "ucsc:chr1")]

    with pytest.raises(AmbiguousAlias) as caught:
        queries.sequence("chr1")

    assert caught.value.candidates == tuple(str(row) for row in rows)


def test_a_name_by_two_authorities_for_one_sequence_is_not_ambiguous() -> None:
    row = make_sequence(b"ACGT", "ucsc:chrM", "ensembl:chrM")

    assert queries.sequence("chrM").pk == row.pk


def test_a_digest_asked_again_needs_no_database(django_assert_num_queries: DjangoAssertNumQueries) -> None:
    make_sequence(b"ACGT")
    identifier = "f1f8f4bf413b16ad135722aa4591043e"
    assert queries.known_sequence(identifier) is None

    with django_assert_num_queries(1):
        first = queries.sequence(identifier)
    with django_assert_num_queries(0):
        assert queries.sequence(identifier) == queries.known_sequence(identifier) == first


def test_memory_ends(monkeypatch: pytest.MonkeyPatch) -> None:
    row = make_sequence(b"ACGT")
    identifier = "f1f8f4bf413b16ad135722aa4591043e"
    queries.sequence(identifier)
    row.delete()

    monkeypatch.setattr("catalogue.queries.sequences.REMEMBERED_SECONDS", -1.0)
    queries.forget_sequences()

    assert queries.known_sequence(identifier) is None
    with pytest.raises(NotFound):
        queries.sequence(identifier)


def test_what_is_not_there_is_not_remembered_as_missing() -> None:
    identifier = "f1f8f4bf413b16ad135722aa4591043e"
    with pytest.raises(NotFound):
        queries.sequence(identifier)

    row = make_sequence(b"ACGT")

    assert queries.sequence(identifier).pk == row.pk


def test_aliases_come_in_order() -> None:
    row = make_sequence(b"ACGT", "ucsc:chr2", "ensembl:2")
    make_alias(row, "ucsc:chr1")

    assert queries.aliases(queries.sequence(str(row))) == [
        ("ensembl", "2"),
        ("ucsc", "chr1"),
        ("ucsc", "chr2"),
    ]


def test_residues_are_read_from_their_place() -> None:
    row = make_sequence(b"ACGTTGCA")
    record = queries.sequence(str(row))

    assert queries.read_residues(record, 2, 5) == b"GTT"
    assert b"".join(queries.stream_residues(record, 0, 8)) == b"ACGTTGCA"


def test_what_is_known_but_not_held_has_no_residues() -> None:
    row = make_sequence(b"ACGT", held=False)
    record = queries.sequence(str(row))

    assert record.residues is None
    with pytest.raises(NotFound):
        queries.read_residues(record, 0, 4)
    with pytest.raises(NotFound):
        queries.stream_residues(record, 0, 4)
