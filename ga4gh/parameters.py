"""Reads query strings: one rule for all protocols about encoding, how many parameters there are, and repeated ones."""

from collections.abc import Callable, Collection, Container, Iterable
from urllib.parse import parse_qsl

from ga4gh.errors import RequestError

#: Parameters that a query may have, unless a protocol says otherwise.
MAX_PARAMETERS = 100


def query_parameters(
    query: str,
    *,
    max_parameters: int = MAX_PARAMETERS,
    once: Container[str] | None = None,
    refuse: Callable[[str], Exception] = RequestError,
) -> dict[str, str]:
    """Return the parameters of a query string, still percent-encoded, as WSGI gives it.

    Raises what `refuse` makes of the message, which is answered with 400: for a query that is not UTF-8, has more than
    `max_parameters`, or gives a parameter twice. With `once` only these may not be repeated; of others the last counts.
    """
    try:
        # WSGI passes each byte as one character.
        text = query.encode("latin-1").decode()
        pairs = parse_qsl(text, keep_blank_values=True, errors="strict", max_num_fields=max_parameters)
    except ValueError:
        message = f"the query string is not percent-encoded UTF-8, or has over {max_parameters} parameters"
        raise refuse(message) from None
    given: dict[str, str] = {}
    for name, value in pairs:
        if name in given and (once is None or name in once):
            raise refuse(f"the parameter {name!r} is given twice")
        given[name] = value
    return given


def check_known(given: Iterable[str], known: Collection[str]) -> None:
    """Raise RequestError for a parameter that is not among the known ones."""
    for name in given:
        if name not in known:
            raise RequestError(f"there is no parameter {name!r} here, only {', '.join(known) or 'none'}")
