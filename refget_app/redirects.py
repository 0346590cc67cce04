"""When a whole sequence is better fetched from the object store than through this site (refget 0.2, "Redirects").

Never where it is known to break: htslib, which asks by `/md5/`, and the HTTP client of Java, which reference libraries
use, follow redirects not at all or not to every place; a page of another origin would need the store's consent.
"""

from http import HTTPStatus

from django.conf import settings

from catalogue import queries
from catalogue.queries import StoredSequence
from refget_app.exchange import Request
from refget_app.media_types import Form, Representation
from refget_app.outcome import Serve

#: How the Accept of Java's own HTTP client begins, whatever its User-Agent was set to.
_JAVA_ACCEPT = "text/html, image/gif"


def redirect_url(
    request: Request, record: StoredSequence, outcome: Serve, form: Representation
) -> str | None:
    """The URL for a request that is answered with the whole sequence, or None when it is to be answered here.

    Private sequences stay here: a URL would outlive the grant.
    """
    whole = outcome.status is HTTPStatus.OK and not outcome.by_query
    if not whole or form.form is not Form.PLAIN or request.method != "GET" or not record.public:
        return None
    if request.range is not None or request.by_md5 or request.origin is not None or _is_java(request):
        return None
    return queries.direct_residues(record, seconds=settings.TICKET_URL_TTL, content_type=form.content_type)


def _is_java(request: Request) -> bool:
    # Others may stand before it, as in "htsjdk/2.1 Java/17".
    named = request.user_agent is not None and (
        "Java/" in request.user_agent or "Java-http" in request.user_agent
    )
    return named or request.accept.startswith(_JAVA_ACCEPT)
