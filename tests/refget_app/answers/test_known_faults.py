"""Known faults of other refget servers, each with a regression test."""

import json
from unittest.mock import patch

import pytest
from django.core.handlers.wsgi import WSGIHandler

from catalogue import storage as storages
from catalogue.formats.digests import sequence_digests
from refget_app.fast_path import RefgetFastPath
from tests.refget_app.made_sequences import Reply, ask, make_sequence

pytestmark = pytest.mark.django_db

RESIDUES = b"CAACAGAGACTGCTGCTGACAGTGGGCGGGGGAGTAGTTTGCTTGGCCCGTGGTTGAGGA"
DIGESTS = sequence_digests(RESIDUES)
MD5 = DIGESTS.md5_hex
UNKNOWN = "0" * 32


@pytest.fixture(autouse=True)
def held() -> None:
    make_sequence(
        RESIDUES, aliases=[("insdc", "XX000001.1"), ("ucsc", "chrT"), ("ensembl", "T"), ("ensembl", "T2")]
    )


def get(target: str, **headers: str) -> Reply:
    """Through Django first, then by the fast path once the digest is known; they agree."""
    app = RefgetFastPath(WSGIHandler())
    first = ask(app, target, "GET", headers)
    assert ask(app, target, "GET", headers) == first
    return first


def test_an_unknown_id_with_start_equal_to_end_is_not_an_empty_200() -> None:
    assert get(f"/sequence/{UNKNOWN}?start=5&end=5").code == 404
    assert get(f"/sequence/{UNKNOWN}?start=0&end=0").code == 404


@pytest.mark.parametrize("query", ["start=abc", "start=61", "end=61", "start=9&end=3", "accept=image/png"])
def test_no_error_text_is_written_into_a_200(query: str) -> None:
    reply = get(f"/sequence/{MD5}?{query}")
    assert reply.code >= 400
    assert reply.header("Content-Type") == "application/json"


def test_start_0_counts_as_given() -> None:
    assert get(f"/sequence/{MD5}?start=0", Range="bytes=5-14").code == 400
    assert get(f"/sequence/{MD5}?start=0").header("Accept-Ranges") == "none"
    assert get(f"/sequence/{MD5}?start=0&end=0").body == b""
    assert get(f"/sequence/{MD5}?end=0").body == b""


def test_a_range_from_0_is_served() -> None:
    reply = get(f"/sequence/{MD5}", Range="bytes=0-0")
    assert (reply.code, reply.body) == (206, b"C")


def test_positions_count_from_0() -> None:
    # The examples of the specification.
    assert get(f"/sequence/{MD5}", Range="bytes=5-14").body == b"GAGACTGCTG"
    assert get(f"/sequence/{MD5}?start=5&end=15").body == b"GAGACTGCTG"
    assert get(f"/sequence/{MD5}?start=0&end=1").body == b"C"
    assert get(f"/sequence/{MD5}?start=59&end=60").body == b"A"


def test_every_alias_is_listed() -> None:
    described = json.loads(get(f"/sequence/{MD5}/metadata").body)["metadata"]
    named = {(alias["naming_authority"], alias["alias"]) for alias in described["aliases"]}
    assert named == {("insdc", "XX000001.1"), ("ucsc", "chrT"), ("ensembl", "T"), ("ensembl", "T2")}


@pytest.mark.parametrize(
    "target", [f"/sequence/{MD5}", f"/sequence/{MD5}?start=1&end=9", f"/sequence/{UNKNOWN}", "/service-info"]
)
def test_every_answer_has_a_content_length(target: str) -> None:
    reply = get(target)
    assert reply.header("Content-Length") == str(len(reply.body))


def test_ten_bases_of_a_chromosome_read_ten_bytes() -> None:
    chromosome = bytes(65 + i % 20 for i in range(5_000_000))
    make_sequence(chromosome)
    identifier = sequence_digests(chromosome).md5_hex
    read: list[int] = []
    honest = storages.LocalStorage.read_range

    def counting(self: storages.LocalStorage, key: str, offset: int, length: int) -> bytes:
        read.append(length)
        return honest(self, key, offset, length)

    with patch.object(storages.LocalStorage, "read_range", counting):
        reply = ask(WSGIHandler(), f"/sequence/{identifier}?start=4000000&end=4000010")
    assert reply.body == chromosome[4000000:4000010]
    assert read == [10]


@pytest.mark.parametrize("prefix", ["md5:", "MD5:", "Md5:"])
def test_the_namespace_of_md5_is_read_without_case(prefix: str) -> None:
    assert get(f"/sequence/{prefix}{MD5}").body == RESIDUES


def test_a_sequence_is_never_compressed() -> None:
    reply = get(f"/sequence/{MD5}", Accept_Encoding="gzip, deflate, br")
    assert (reply.body, reply.header("Content-Encoding")) == (RESIDUES, None)
