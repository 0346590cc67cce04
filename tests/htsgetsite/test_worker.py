"""A worker process: what it still has to write when it is told to stop."""

from pathlib import Path

import requests

from tests.live import PATIENCE, make_site, served
from tests.made_variants import index_vcf, make_vcf, make_vcf_text

TICKETS = 40
COUNT = """
from catalogue.models import AuditEvent
print("events", AuditEvent.objects.filter(kind="ticket", target="variants/seen").count())
"""


def test_no_event_and_no_line_of_the_access_log_is_lost_when_the_server_stops(tmp_path: Path) -> None:
    site = make_site(tmp_path / "home")
    file = index_vcf(make_vcf(tmp_path / "seen.vcf.gz", make_vcf_text(count=50)))
    site.manage("ingest_vcf", file.path, "--dataset", "d", "--id", "seen", "--public", "--copy")
    with served(site, workers=2) as answering:
        for number in range(TICKETS):
            where = f"{answering.url}/variants/seen?referenceName=one&start={number}&end={number + 10}"
            assert requests.get(where, timeout=PATIENCE).status_code == 200
    lines = (site.home / "server.log").read_text(encoding="utf-8").count(" GET htsget variants seen 200 ")
    assert lines == TICKETS
    assert f"events {TICKETS}" in site.manage("shell", "-v", "0", "-c", COUNT).stdout
