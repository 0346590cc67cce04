"""Fixtures of the htsget tests."""

import shutil
from pathlib import Path

import pytest

from catalogue.models import DataFile
from catalogue.queries import reference_folder
from tests.htsget_app.made_data import ONE, TWO, make_data_file, write_bam, write_vcf
from tests.htsget_app.made_served import Served, served_file


@pytest.fixture(autouse=True)
def no_references_of_other_tests() -> None:
    """Forget the references that conversions of other tests were given."""
    shutil.rmtree(reference_folder(), ignore_errors=True)


@pytest.fixture
def served(request: pytest.FixtureRequest) -> Served:
    """The file that the test's parameter names: a kind of made file, or a real one."""
    if found := served_file(request.param):
        return found
    pytest.skip("../shared/data is not there")


@pytest.fixture(scope="session")
def bam(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_bam(
        tmp_path_factory.mktemp("bam") / "made.bam",
        contigs=[("1", 10_000, ONE), ("2", 2_000, TWO), ("none", 500, None)],
        reads=[(i % 2, i * 4 % (9_900 if i % 2 == 0 else 1_900), 50) for i in range(2_400)],
        unplaced=40,
    )


@pytest.fixture(scope="session")
def vcf(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_vcf(
        tmp_path_factory.mktemp("vcf") / "made.vcf.gz",
        contigs=[("1", 10_000), ("2", None)],
        records=[(i % 2, i * 5 % 9_990) for i in range(500)],
    )


@pytest.fixture
def reads(bam: Path) -> DataFile:
    return make_data_file(bam, "made")


@pytest.fixture
def variants(vcf: Path) -> DataFile:
    return make_data_file(vcf, "made")
