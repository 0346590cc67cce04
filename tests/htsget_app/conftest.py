"""Fixtures of the htsget tests."""

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from catalogue.models import DataFile
from catalogue.queries import reference_folder
from tests.htsget_app.made_data import ONE, TWO, make_data_file, write_bam, write_vcf
from tests.htsget_app.made_served import REAL, Served
from tests.made_files import KINDS, MadeFile


@pytest.fixture(autouse=True)
def no_references_of_other_tests() -> None:
    """Forget the references that conversions of other tests were given."""
    shutil.rmtree(reference_folder(), ignore_errors=True)


@pytest.fixture(scope="module")
def served(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    """The file that the test's parameter names: a kind of made file, or a real one."""
    name: str = request.param
    folder = tmp_path_factory.mktemp("served")
    if name in KINDS:
        made = KINDS[name](folder)
    else:
        path = REAL / name
        if not path.exists():
            pytest.skip("../shared/data is not there")
        made = MadeFile(path, next(p for p in path.parent.iterdir() if p.name.startswith(f"{path.name}.")))
    served = Served(made, folder)
    yield served
    served.close()


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
