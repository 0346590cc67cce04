"""FASTA and JSON around residues that come in any pieces."""

import json
import textwrap

from hypothesis import given
from hypothesis import strategies as st

from refget_app.body_layout import body_layout
from refget_app.media_types import Form

PIECES = st.lists(st.binary(max_size=200).map(lambda raw: bytes(65 + byte % 26 for byte in raw)), max_size=8)


@given(PIECES)
def test_fasta_is_wrapped_at_60_and_its_size_known(pieces: list[bytes]) -> None:
    whole = b"".join(pieces)
    shape = body_layout(Form.FASTA, identifier="chr1", start=5, end=5 + len(whole), last=5 + len(whole))
    written = b"".join(shape.write(iter(pieces)))
    assert shape.size(len(whole)) == len(written)
    lines = [f">chr1 5-{5 + len(whole)}", *textwrap.wrap(whole.decode(), 60)]
    assert written.decode() == "".join(f"{line}\n" for line in lines)


@given(PIECES)
def test_json_is_valid_and_its_size_known(pieces: list[bytes]) -> None:
    whole = b"".join(pieces)
    shape = body_layout(Form.JSON, identifier='a"b\\é', start=0, end=len(whole), last=len(whole))
    written = b"".join(shape.write(iter(pieces)))
    assert shape.size(len(whole)) == len(written)
    assert json.loads(written) == {
        "id": 'a"b\\é',
        "start": 0,
        "end": len(whole),
        "sequence": whole.decode(),
    }
