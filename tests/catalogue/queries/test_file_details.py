"""The place that a page opens has records of the file, for every format and kind of index."""

from pathlib import Path

import pysam
import pytest

from catalogue.access import ANONYMOUS
from catalogue.formats import binning_pages, crai
from catalogue.models import Contig, DataFile
from catalogue.queries.file_details import MAX_OPENED, files_of_id, place_with_records
from tests.catalogue.made_access import make_grant, make_user, viewer_for
from tests.htsget_app.made_data import make_data_file, make_dataset, write_bam
from tests.made_crams import make_cram, make_reference, make_sam
from tests.made_reads import make_bam

pytestmark = pytest.mark.django_db


def bam(folder: Path, index: str) -> Path:
    path = make_bam(folder / "x.bam", count=400, seed=3)
    pysam.index(*(["-c"] if index == "csi" else []), str(path))
    return path


def sparse_bam(folder: Path) -> Path:
    contigs = [("empty", 10_000, None), ("one", 5_000_000, None)]
    return write_bam(folder / "x.bam", contigs=contigs, reads=[(1, 4_321_000, 100), (1, 4_400_000, 50)])


def cram(folder: Path) -> Path:
    reference = make_reference(folder)
    made: Path = make_cram(folder, reference=reference, sam=make_sam(seed=5)).path
    return made


def place_of(path: Path) -> tuple[str, int, int]:
    make_data_file(path, "x")
    (stored,) = files_of_id(viewer=ANONYMOUS, kind="reads", htsget_id="x")
    place = place_with_records(stored)
    assert place is not None
    return place


@pytest.mark.parametrize("pages", [False, True])
@pytest.mark.parametrize("made", ["bai", "csi", "sparse", "cram"])
def test_the_place_has_records(
    tmp_path: Path, made: str, pages: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    if pages:
        monkeypatch.setattr(binning_pages, "MAX_WHOLE", 0)
        monkeypatch.setattr(crai, "MAX_WHOLE", 0)
    path = (
        {"sparse": sparse_bam, "cram": cram}[made](tmp_path)
        if made in {"sparse", "cram"}
        else bam(tmp_path, made)
    )
    contig, start, end = place_of(path)
    assert 0 <= start < end <= start + MAX_OPENED
    reference = tmp_path / "reference.fa"
    options = {"reference_filename": str(reference)} if reference.exists() else {}
    with pysam.AlignmentFile(str(path), **options) as file:  # type: ignore[arg-type]
        end = min(end, file.get_reference_length(contig))
        assert any(True for _ in file.fetch(contig, start, end)), (contig, start, end)


def test_the_place_lies_in_what_is_granted(tmp_path: Path) -> None:
    dataset = make_dataset("closed", visibility="controlled")
    make_data_file(bam(tmp_path, "bai"), "x", dataset=dataset)
    user = make_user("ada")
    make_grant(dataset, user, regions=[("one", 500, 90_000)])
    (stored,) = files_of_id(viewer=viewer_for(user), kind="reads", htsget_id="x")
    assert place_with_records(stored) == ("one", 500, 500 + MAX_OPENED)


def test_a_file_without_records_has_no_place(tmp_path: Path) -> None:
    make_data_file(bam(tmp_path, "bai"), "x")
    Contig.objects.update(index=b"")
    (stored,) = files_of_id(viewer=ANONYMOUS, kind="reads", htsget_id="x")
    assert place_with_records(stored) is None
    assert DataFile.objects.count() == 1
