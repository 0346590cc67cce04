"""What every test of htsget may use."""

from collections.abc import Iterator

import pytest

from tests.htsget_app.made_served import REAL, Served
from tests.made_files import KINDS, MadeFile


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
