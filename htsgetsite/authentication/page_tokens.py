"""Check the tokens that the site's pages obtain for their genome browser; return the viewer they stand for."""

from catalogue import page_tokens
from catalogue.access import Viewer
from htsgetsite.authentication.signatures import NotValid


def viewer_of(text: str) -> Viewer:
    """Return the viewer of a page token, with one database query. Raises NotValid."""
    token = page_tokens.read(text)
    if token is None:
        raise NotValid("the page's token is not valid any more; load the page again")
    name = page_tokens.active_account(token)
    if name is None:
        raise NotValid("the account of the page's token is closed")
    return Viewer(
        name=name,
        user=token.user,
        credential="page",
        scopes=frozenset({token.kind}),
        expires=token.expires,
        file=token.file,
    )
