"""The clients of htsget once more, against a site whose files are in an object store, from which they fetch blocks."""

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.conformance.htsget_files import ingest_htsget_files
from tests.conformance.test_htsget_clients import (
    no_crowd,
    test_bcftools,
    test_many_regions_at_once,
    test_pysam_all_reads,
    test_pysam_cram,
    test_pysam_reads,
    test_pysam_variants,
    test_samtools,
    test_the_official_cases,
    test_the_python_command,
    test_the_python_library,
    test_the_requests_of_igv_js,
)
from tests.live import Site, make_site, served
from tests.object_store import ObjectStore
from tests.paths import PROJECT

__all__ = [
    "no_crowd",
    "test_bcftools",
    "test_many_regions_at_once",
    "test_pysam_all_reads",
    "test_pysam_cram",
    "test_pysam_reads",
    "test_pysam_variants",
    "test_samtools",
    "test_the_official_cases",
    "test_the_python_command",
    "test_the_python_library",
    "test_the_requests_of_igv_js",
]


@pytest.fixture(scope="module")
def htsget_site(
    tmp_path_factory: pytest.TempPathFactory, htsget_files: Path, running_object_store: ObjectStore
) -> Iterator[Site]:
    """The same site, with its copies of the files in the store, whose bucket has the rule of docs/storage.md."""
    running_object_store.gate.reset()
    said = (PROJECT / "docs" / "storage.md").read_text(encoding="utf-8").partition("## Browsers")[2]
    (rule,) = json.loads(said.partition("```json\n")[2].partition("```")[0])
    running_object_store.gate.cors = [{**rule, "AllowedOrigins": ["https://igv.example"]}]
    site = make_site(tmp_path_factory.mktemp("htsget-s3") / "home", running_object_store.site_variables())
    ingest_htsget_files(site, htsget_files)
    assert not list((site.home / "files").glob("**/*"))
    with served(site) as answering:
        yield answering


def test_every_block_came_from_the_store(htsget_site: Site, running_object_store: ObjectStore) -> None:
    """Runs last: the clients sent each request as it was signed, and with the range of the ticket."""
    fetched = [seen for seen in running_object_store.gate.seen if seen.signed == "query"]
    assert fetched
    assert [seen for seen in fetched if seen.status != 206 or not seen.range] == []
