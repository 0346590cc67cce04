"""The views of the API: each parses, asks the query of its resource, and answers with JSON."""

import hashlib
from collections.abc import Mapping, Sequence
from http import HTTPStatus
from typing import Any, Final

from django.conf import settings
from django.template.loader import render_to_string
from rest_framework.settings import api_settings

from catalogue.access import (
    AuthenticationRequired,
    CredentialsUnverified,
    PermissionRefused,
    Viewer,
    desk_account,
    manages,
)
from catalogue.queries.listings import Asked
from catalogue.queries.text import storable
from catalogue.stewardship import NotAllowed
from ga4gh.errors import RequestError
from ga4gh.etags import content_etag, precondition
from ga4gh.exchange import CACHE_BRIEFLY, CACHE_NEVER, Answer, answer, document
from ga4gh.parameters import check_known, query_parameters
from ga4gh.views import GuardedView, NothingView, ProtocolView
from portal.api.protocol import PROTOCOL
from portal.api.resources import RESOURCES, Filter, Resource
from portal.api.schema import MAX_PAGE, PAGE, ResourceSchema, openapi

_POLICY: Final = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; connect-src 'self'; "
    "base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
)
_SCOPES: Final = ("reads", "variants", "sequences")
_FLAGS: Final = {"true": True, "false": False}
#: In the ETags of answers.
_TAG: Final = "json"


class ResourceView(GuardedView):
    """What the lists and the items of a resource share."""

    protocol = PROTOCOL
    throttle_classes: Sequence[Any] = api_settings.DEFAULT_THROTTLE_CLASSES
    schema = ResourceSchema()
    resource: Resource = RESOURCES[0]

    def audit_target(self, error: Exception) -> str | None:
        """Record only who was refused."""
        refused = isinstance(error, AuthenticationRequired | PermissionRefused | NotAllowed)
        return self.asked.path if refused else None

    def initial(self, request: Any, *args: Any, **parts: str) -> None:
        """Refuse credentials that are not good, and whoever a list for accounts is not for."""
        super().initial(request, *args, **parts)
        if request.method != "OPTIONS":
            _check(self.asked.viewer, needs_account=self.resource.accounts)
            if self.resource.stewards:
                desk_account(self.asked.viewer)

    def answered(self, content: dict[str, object]) -> Answer:
        """Answer with JSON that no cache keeps, because what is public changes."""
        return document(self.asked, content, tag=_TAG, caching=CACHE_NEVER)

    def etag_of(self, body: bytes) -> str:
        """Return the ETag that `answered` gives."""
        return content_etag(body, _TAG)


class ListView(ResourceView):
    """A list of a resource, page by page."""

    def get(self, request: Any) -> Answer:
        """Return one page, and the cursor of the next."""
        given = _parameters(self.asked.query)
        asked = Asked(
            _order(given.pop("order", None), self.resource),
            given.pop("cursor", ""),
            _limit(given.pop("limit", None)),
            self.asked.viewer,
        )
        page = self.resource.page(asked, **_filters(given, self.resource.filters))
        results = self.resource.shape(page.rows, many=True).data
        return self.answered({"results": results, "next": page.next})

    head = get


class ItemView(ResourceView):
    """One item of a resource."""

    def get(self, request: Any, **key: str) -> Answer:
        """Return the item."""
        if _parameters(self.asked.query):
            raise RequestError("an item has no parameters")
        assert self.resource.one is not None
        found = self.resource.one(*key.values(), viewer=self.asked.viewer)
        return self.answered(dict(self.resource.item_shape(found).data))

    head = get


class SchemaView(ProtocolView):
    """`/api/schema/`: the OpenAPI document."""

    protocol = PROTOCOL
    schema = None

    def get(self, request: Any) -> Answer:
        """Return the document, the same for everybody."""
        return document(self.asked, openapi())

    head = get


class DocsView(ProtocolView):
    """`/api/docs/`: the document in Swagger UI, all of it from this site."""

    protocol = PROTOCOL
    schema = None

    def get(self, request: Any) -> Answer:
        """Return the page."""
        content = {"static": settings.STATIC_URL, "name": settings.SERVICE_NAME}
        body = render_to_string("portal_api/docs.html", content).encode()
        etag = f'"{hashlib.sha256(body).hexdigest()[:32]}-html"'
        validity = (("ETag", etag), CACHE_BRIEFLY, ("Content-Security-Policy", _POLICY))
        if status := precondition(self.asked.environ, etag):
            return answer(status, validity)
        described = (("Content-Type", "text/html; charset=utf-8"), ("Content-Length", str(len(body))))
        return answer(HTTPStatus.OK, (*described, *validity), b"" if self.asked.method == "HEAD" else body)

    head = get


class UnknownView(NothingView):
    """Other paths below those of the lists."""

    protocol = PROTOCOL
    schema = None


def _check(viewer: Viewer, *, needs_account: bool) -> None:
    if viewer.unverified:
        raise CredentialsUnverified("the credentials cannot be checked at the moment; please try again later")
    if viewer.fault:
        raise AuthenticationRequired(viewer.fault)
    if not needs_account:
        return
    if viewer.name is None:
        raise AuthenticationRequired("this needs a token of an account")
    reads_everything = viewer.file is None and all(map(viewer.in_scope, _SCOPES))
    if viewer.user is None or not (reads_everything or manages(viewer)):
        raise PermissionRefused("this needs a token of an account, for reads, variants and sequences")


def _parameters(query: str) -> dict[str, str]:
    given = query_parameters(query)
    if not all(map(storable, given.values())):
        raise RequestError("a parameter holds NUL or half of a surrogate pair")
    return given


def _order(given: str | None, resource: Resource) -> str:
    if given is not None and given not in resource.orders:
        raise RequestError(f"order: expected one of {', '.join(resource.orders)}")
    return given or resource.orders[0]


def _limit(given: str | None) -> int:
    if given is None:
        return PAGE
    if not (given.isascii() and given.isdigit() and len(given) < 6 and 1 <= int(given) <= MAX_PAGE):
        raise RequestError(f"limit: expected a number from 1 to {MAX_PAGE}")
    return int(given)


def _filters(given: Mapping[str, str], filters: tuple[Filter, ...]) -> dict[str, Any]:
    known = {each.name: each for each in filters}
    check_known(given, known)
    if missing := [each.name for each in filters if each.is_required and not given.get(each.name)]:
        raise RequestError(f"{missing[0]}: this parameter is needed")
    return {name: _value(known[name], text) for name, text in given.items() if text != ""}


def _value(wanted: Filter, text: str) -> str | bool:
    choices = tuple(_FLAGS) if wanted.is_flag else wanted.choices
    if choices and text not in choices:
        raise RequestError(f"{wanted.name}: expected one of {', '.join(choices)}")
    return _FLAGS[text] if wanted.is_flag else text
