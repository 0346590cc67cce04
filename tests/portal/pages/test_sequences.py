"""Pages of sequences."""

import pytest
from django.test import Client

from catalogue.formats.digests import sequence_digests
from catalogue.models import Sequence
from tests.catalogue.made_rows import make_alias, make_sequence
from tests.portal.conftest import GENOME, Portal
from tests.portal.pages.opened import CHR_A, content_of

pytestmark = pytest.mark.django_db


def test_a_sequence(client: Client, portal: Portal) -> None:
    content = content_of(client, f"/sequences/{CHR_A.sq}")
    for said in ("lab:chrA", CHR_A.md5_hex, CHR_A.sha512t24u.hex(), "30,000", "linear", "lab-1.0", "run/one"):
        assert said in content
    assert "secret" not in content
    first = " ".join(GENOME["chrA"][at : at + 10] for at in range(0, 60, 10))
    assert first in content
    part = content_of(client, f"/sequences/{CHR_A.sq}?start=1,001&end=1,010")
    assert GENOME["chrA"][1000:1010] in part and "start=1000&end=1010" in part
    for wrong in ("start=0", "start=5&end=4", "start=x", "end=30001", "start=-5"):
        assert 'role="alert"' in content_of(client, f"/sequences/{CHR_A.sq}?{wrong}")
    fasta = client.get(f"/sequences/{CHR_A.sq}.fa")
    lines = fasta.getvalue().decode().splitlines()
    assert lines[0] == f">{CHR_A.sq}" and "".join(lines[1:]) == GENOME["chrA"]


@pytest.mark.parametrize(
    "name", ["lab:chrA", "chrA", CHR_A.md5_hex, f"ga4gh:{CHR_A.sq}", CHR_A.sha512t24u.hex()]
)
def test_other_names_of_a_sequence_lead_to_its_digest(client: Client, portal: Portal, name: str) -> None:
    assert client.get(f"/sequences/{name}").headers["Location"] == f"/sequences/{CHR_A.sq}"
    assert client.get(f"/sequences/{name}.fa").status_code == 200


def test_names_of_several_sequences_and_of_none(client: Client, portal: Portal) -> None:
    make_sequence(b"ACGT", "other:chrA")
    content = content_of(client, "/sequences/chrA", 300)
    assert CHR_A.sq in content and sequence_digests(b"ACGT").sq in content
    assert client.get("/sequences/chrA.fa").status_code == 404
    assert client.get("/sequences/absent").status_code == 404


def test_a_sequence_that_is_only_known(client: Client, portal: Portal) -> None:
    row = Sequence.objects.create(md5=bytes(16), length=7)
    make_alias(row, "lab:known")
    assert "not held here" in content_of(client, f"/sequences/{'0' * 32}")
    assert client.get(f"/sequences/{'0' * 32}.fa").status_code == 404
