"""igv.js is the published file, unchanged, and its page's policy names exactly what it needs."""

import base64
import hashlib
import json
import re
from typing import Any

import pytest
from django.test import Client

from catalogue.models import DataFile
from portal.pages import igv
from tests.paths import PROJECT
from tests.portal.conftest import Portal

FOLDER = PROJECT / "portal/static/portal/igv"
BUILT = FOLDER / "igv.esm.min.js"


def test_the_file_is_the_published_one() -> None:
    record = json.loads((FOLDER / "vendored.json").read_text("utf-8"))
    assert hashlib.sha256(BUILT.read_bytes()).hexdigest() == record["sha256"]
    assert "MIT" in record["licence"] and "MIT License" in (FOLDER / "LICENSE").read_text("utf-8")
    docs = (PROJECT / "docs/portal.md").read_text("utf-8")
    assert record["version"] in docs and record["package_integrity"] in docs
    assert record["version"] in BUILT.read_text("utf-8")


def style_sheets() -> list[str]:
    """The texts that igv.js puts into style elements as it loads: string literals of the built file."""
    source = BUILT.read_text("utf-8")
    found = re.findall(r"\.(?:textContent|innerHTML)='((?:[^'\\]|\\.)*)'", source)
    styles = [
        text for text in found if ".igv-circview-container" in text or ".picker_wrapper.no_alpha" in text
    ]
    return [re.sub(r"\\(.)", lambda escape: {"n": "\n"}.get(escape[1], escape[1]), text) for text in styles]


def test_the_policy_allows_its_style_sheets_by_their_digests() -> None:
    digests = [
        f"sha256-{base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()}"
        for text in style_sheets()
    ]
    assert sorted(digests) == sorted(igv.STYLES)


@pytest.mark.django_db
def test_other_pages_have_a_narrower_policy(client: Client, portal: Portal) -> None:
    of_file = client.get("/files/reads/run/one").headers["Content-Security-Policy"]
    assert all(digest in of_file for digest in igv.STYLES) and "unsafe" not in of_file
    assert "connect-src 'self' http://testserver;" in of_file
    for path in ("/", "/datasets/open", "/search?q=run"):
        assert "sha256" not in client.get(path).headers["Content-Security-Policy"]
        assert b"igv" not in client.get(path).content, "igv.js is loaded only where it is shown"


@pytest.mark.django_db
def test_data_may_come_from_the_object_store_that_holds_them(
    client: Client, portal: Portal, stored_in_s3: Any
) -> None:
    DataFile.objects.filter(pk=portal.reads.pk).update(storage="files")
    policy = client.get("/files/reads/run/one").headers["Content-Security-Policy"]
    origins = re.findall(r"https?://[^ ;]+", policy)
    assert "http://testserver" in origins and len(origins) == 2
    assert all(re.fullmatch(r"https?://[^/]+", origin) for origin in origins)
