"""The reads `far`, in an object store."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from catalogue.models import DataFile
from tests.htsget_app.in_s3.made_far import forget
from tests.htsget_app.made_data import (
    make_data_file,
    write_bam,
)
from tests.object_store import ObjectStore
from tests.simulated_time import SimulatedTime


@pytest.fixture(scope="module")
def bam(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Some 5 MB of reads, one at every thousandth position."""
    path = tmp_path_factory.mktemp("far") / "far.bam"
    reads = [(0, start, 40) for start in range(0, 10_000_000, 1_000)]
    return write_bam(path, contigs=[("1", 10_001_000, None)], reads=reads, payload=500)


@pytest.fixture
def file(stored_in_s3: ObjectStore, simulated_time: SimulatedTime, bam: Path) -> Iterator[DataFile]:
    """The reads `far`; nothing is remembered of it."""
    file = make_data_file(bam, "far")
    forget()
    yield file
    stored_in_s3.gate.reset()
    forget()
