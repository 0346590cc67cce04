"""Digests and their spellings, compared with hashlib and known values."""

import base64
import hashlib
import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from catalogue.formats.digests import Digester, DigestKind, parse_digest, sequence_digests

RESIDUES = st.text("ACGTUNRYKMSWBDHVX", max_size=500).map(str.encode)


def test_the_example_of_the_specification() -> None:
    digests = sequence_digests(b"ACGT")

    assert digests.md5_hex == "f1f8f4bf413b16ad135722aa4591043e"
    assert digests.sq == "SQ.aKF498dAxcJAqme6QYQ7EZ07-fiw8Kw2"
    assert digests.trunc512 == "68a178f7c740c5c240aa67ba41843b119d3bf9f8b0f0ac36"


@given(RESIDUES)
def test_digests_are_those_of_hashlib(residues: bytes) -> None:
    digests = sequence_digests(residues)

    assert digests.md5_hex == hashlib.md5(residues).hexdigest()
    assert digests.trunc512 == hashlib.sha512(residues).hexdigest()[:48]
    assert digests.sq == "SQ." + base64.urlsafe_b64encode(hashlib.sha512(residues).digest()[:24]).decode()


@given(st.lists(RESIDUES, max_size=8))
def test_pieces_give_the_digests_of_the_whole(pieces: list[bytes]) -> None:
    digester = Digester()
    for piece in pieces:
        digester.update(piece)

    assert digester.digests() == sequence_digests(b"".join(pieces))


@given(RESIDUES)
def test_every_spelling_leads_back_to_the_bytes(residues: bytes) -> None:
    digests = sequence_digests(residues)
    md5 = (DigestKind.MD5, digests.md5)
    sha512t24u = (DigestKind.SHA512T24U, digests.sha512t24u)

    for text in (
        digests.md5_hex,
        digests.md5_hex.upper(),
        f"md5:{digests.md5_hex}",
        f"MD5:{digests.md5_hex}",
    ):
        assert parse_digest(text) == md5
    for text in (digests.trunc512, digests.trunc512.upper(), f"trunc512:{digests.trunc512}"):
        assert parse_digest(text) == sha512t24u
    for text in (digests.sq, f"ga4gh:{digests.sq}", f"GA4GH:{digests.sq}", f"VMC:GS_{digests.sq[3:]}"):
        assert parse_digest(text) == sha512t24u


@pytest.mark.parametrize(
    "text",
    [
        "",
        "chr1",
        "f1f8f4bf413b16ad135722aa4591043",
        "f1f8f4bf413b16ad135722aa4591043g",
        "f1f8f4bf413b16ad135722aa4591043e\n",
        "f1f8f4bf413b16ad135722aa4591043\uff11",
        "sha1:f1f8f4bf413b16ad135722aa4591043e",
        "sq.aKF498dAxcJAqme6QYQ7EZ07-fiw8Kw2",
        "SQ.aKF498dAxcJAqme6QYQ7EZ07-fiw8Kw",
        "SQ.aKF498dAxcJAqme6QYQ7EZ07+fiw8Kw2",
        "GS_aKF498dAxcJAqme6QYQ7EZ07-fiw8Kw2",
        "md5:SQ.aKF498dAxcJAqme6QYQ7EZ07-fiw8Kw2",
    ],
)
def test_what_is_no_digest_may_be_an_alias(text: str) -> None:
    assert parse_digest(text) is None


@given(st.text(max_size=60))
def test_any_text_is_a_digest_or_not(text: str) -> None:
    digest = parse_digest(text)

    assert (digest is not None) == bool(
        re.fullmatch(r"(?i:(md5:)?[0-9a-f]{32}|(trunc512:)?[0-9a-f]{48})", text, re.ASCII)
        or re.fullmatch(r"((?i:ga4gh:)?SQ\.|(?i:vmc):GS_)[0-9A-Za-z_-]{32}", text, re.ASCII)
    )
