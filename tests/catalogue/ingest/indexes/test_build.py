"""Errors of index builds give htslib's reason, whatever else the process does with htslib."""

from collections.abc import Iterator
from pathlib import Path

import pysam
import pytest

from catalogue.formats import FormatError
from catalogue.formats.headers import FileFormat
from catalogue.formats.registry import SPECS
from catalogue.ingest.indexes.build import build_index
from tests.catalogue.lab import make_reads_file, make_sam_header


@pytest.fixture
def silent_htslib() -> Iterator[None]:
    """htslib as `samtools quickcheck` leaves it: reporting nothing."""
    verbosity = pysam.set_verbosity(0)
    yield
    assert pysam.set_verbosity(verbosity) == 0


def test_an_unsorted_file_is_told_by_a_silent_htslib(silent_htslib: None, tmp_path: Path) -> None:
    header = make_sam_header(order="unsorted")
    path = make_reads_file(tmp_path / "a.bam", header=header, places=[("one", 500), ("one", 10)], index=None)
    with pytest.raises(FormatError, match="not in coordinate order"):
        build_index(path, SPECS[FileFormat.BAM], tmp_path / "a.csi")
