"""Opens pages of the portal, and names what is on them."""

import html

from django.test import Client

from catalogue.access import ANONYMOUS
from catalogue.formats.digests import sequence_digests
from catalogue.queries.collection_details import collection_details
from tests.portal.conftest import GENOME, Portal

CHR_A = sequence_digests(GENOME["chrA"].encode())


def digest_of(portal: Portal) -> str:
    """Return the digest of the collection, which its page has in its path."""
    stored = collection_details("lab-1.0", viewer=ANONYMOUS).stored
    assert stored is not None
    return stored.digest


def content_of(client: Client, path: str, status: int = 200) -> str:
    """Return the page with entities resolved; it must have this status."""
    response = client.get(path)
    assert response.status_code == status, (path, response.content[:500])
    return html.unescape(response.content.decode())
