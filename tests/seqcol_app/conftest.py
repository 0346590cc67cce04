"""The collections of the official checks, ingested."""

import pytest

from tests.catalogue.made_collections import make_collection
from tests.seqcol_app.made_base import BASE


@pytest.fixture
def base() -> None:
    make_collection("insdc:BASE.1", BASE)
    make_collection("order", {name: BASE[name] for name in ("chr1", "chr2", "chrX")})
    make_collection("names", {name.removeprefix("chr"): residues for name, residues in BASE.items()})
