"""The official suite and the clients of refget once more, against a site whose sequences are in an object store."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.conformance.conftest import ingest_refget_sequences
from tests.conformance.test_refget_clients import (
    test_browsers_and_java_get_residues,
    test_head_and_conditions_on_the_wire,
    test_percent_encoding_and_slashes_on_the_wire,
    test_the_first_python_client,
    test_the_habits_of_ensembl,
    test_the_present_python_client,
)
from tests.conformance.test_refget_cram import made, test_a_made_cram
from tests.conformance.test_refget_suite import (
    test_nothing_fails_and_one_test_is_for_servers_without_circles,
    test_the_sequence_has_the_name_that_suite_2_asks_for,
)
from tests.live import Site, make_site, served
from tests.object_store import ObjectStore

__all__ = [
    "made",
    "test_a_made_cram",
    "test_browsers_and_java_get_residues",
    "test_head_and_conditions_on_the_wire",
    "test_nothing_fails_and_one_test_is_for_servers_without_circles",
    "test_percent_encoding_and_slashes_on_the_wire",
    "test_the_first_python_client",
    "test_the_habits_of_ensembl",
    "test_the_present_python_client",
    "test_the_sequence_has_the_name_that_suite_2_asks_for",
]


@pytest.fixture(scope="module")
def refget_site(
    tmp_path_factory: pytest.TempPathFactory, clients: Path, running_object_store: ObjectStore
) -> Iterator[Site]:
    """The same site; whole sequences of more than 100 000 residues are to be fetched from the store."""
    running_object_store.gate.reset()
    variables = {**running_object_store.site_variables(), "REFGET_REDIRECT_ABOVE": "100000"}
    site = make_site(tmp_path_factory.mktemp("refget-s3") / "home", variables)
    ingest_refget_sequences(site, clients)
    assert not list((site.home / "sequences").glob("**/*"))
    with served(site) as answering:
        yield answering


def test_large_sequences_came_from_the_store_itself(
    refget_site: Site, running_object_store: ObjectStore
) -> None:
    """Runs last: what the suite and the clients asked for whole was redirected, and nothing was refused."""
    fetched = [seen for seen in running_object_store.gate.seen if seen.reads_object]
    assert {seen.signed for seen in fetched} == {"header", "query"}
    assert all(seen.status in {200, 206} for seen in fetched)
