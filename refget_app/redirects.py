"""Decides when to redirect a request for a whole sequence to the object store (refget 0.2, "Redirects").

Never where it is known to break: htslib, which asks by `/md5/`, and Java's HTTP client, which reference libraries use,
do not follow redirects, or not to every host; a page of another origin would need the store's consent.
"""

from http import HTTPStatus

from django.conf import settings

from catalogue import queries
from catalogue.queries import StoredSequence
from ga4gh.exchange import Request
from refget_app.media_types import Form, Representation
from refget_app.outcome import Serve

#: How the Accept of Java's own HTTP client begins, whatever its User-Agent was set to.
_JAVA_ACCEPT = "text/html, image/gif"


def redirect_url(
    request: Request, record: StoredSequence, outcome: Serve, form: Representation
) -> str | None:
    """Return the URL of the whole sequence in its store; None if this site sends the answer itself.

    Private sequences are never redirected: a URL would outlive the grant.
    """
    above = settings.REFGET_REDIRECT_ABOVE
    whole = outcome.status is HTTPStatus.OK and not outcome.by_query
    if above is None or record.length <= above or not whole or not record.public:
        return None
    if form.form is not Form.PLAIN or request.method != "GET" or not _follows_redirects(request):
        return None
    return queries.direct_residues(record, seconds=settings.TICKET_URL_TTL, content_type=form.content_type)


def _follows_redirects(request: Request) -> bool:
    if request.path.startswith("/md5/") or request.accept.startswith(_JAVA_ACCEPT):
        return False
    # Other names may stand before Java's, as in "htsjdk/2.1 Java/17".
    agent = request.header("HTTP_USER_AGENT") or ""
    is_java = "Java/" in agent or "Java-http" in agent
    return not is_java and request.header("HTTP_RANGE") is None and request.header("HTTP_ORIGIN") is None
