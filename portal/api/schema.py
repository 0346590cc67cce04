"""The OpenAPI 3.1 document: drf-spectacular describes the lists, and the protocols describe themselves."""

from collections.abc import Sequence
from functools import cache
from http import HTTPStatus
from typing import Any, Final

from drf_spectacular.generators import SchemaGenerator
from drf_spectacular.openapi import AutoSchema
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiParameter
from rest_framework import serializers

from ga4gh.openapi import described, joined
from portal.api.protocol import PROBLEM
from portal.api.resources import Filter, Resource
from portal.api.shapes import ProblemShape
from portal.api.writes import Write

MAX_PAGE, PAGE = 1000, 100
_QUERY: Final = "query"
_REFUSALS = (400, 401, 403, 404, 405, 429, 503)
WRITE_REFUSALS = (*_REFUSALS, 409, 413, 415)


class ResourceSchema(AutoSchema):
    """Describes the view of a `Resource`."""

    @property
    def _resource(self) -> Resource:
        resource: Resource = self.view.resource  # type: ignore[attr-defined]
        return resource

    @property
    def _is_item(self) -> bool:
        return "{" in self.path

    @property
    def _write(self) -> Write | None:
        resource = self._resource
        action = getattr(self.view, "action", "")
        if self.method == "POST":
            return resource.actions[action] if action else resource.create
        return {"PATCH": resource.change, "DELETE": resource.remove}.get(self.method)

    @property
    def _needs_etag(self) -> bool:
        return self.method in {"PATCH", "DELETE"}

    def get_operation_id(self) -> str:
        """Return `<name>_list` or `<name>_item`, or for writes the name and what is done."""
        if self._write is not None:
            verb = {"POST": "create", "PATCH": "change", "DELETE": "remove"}[self.method]
            return f"{self._resource.name}_{getattr(self.view, 'action', '') or verb}"
        return f"{self._resource.name}_{'item' if self._is_item else 'list'}"

    def get_summary(self) -> str:
        """Return what the list holds, or what the write does."""
        if self._write is not None:
            return self._write.about
        return f"One of: {self._resource.about}" if self._is_item else self._resource.about

    def get_description(self) -> str:  # type: ignore[override]
        """Return what the list holds, and for whom."""
        what = "Only what the credentials open, without any what is public."
        if self._write is not None or self._resource.stewards:
            return "Needs a token with the scope manage, of an account that may do it on the desk."
        return "Only for accounts." if self._resource.accounts else what

    def get_tags(self) -> list[str]:
        """Return the one tag of the API."""
        return ["catalogue"]

    def get_auth(self) -> list[dict[str, Any]]:
        """Return that a bearer token is possible, or needed."""
        closed = self._resource.accounts or self._resource.stewards or self._write is not None
        return [{"bearer": []}] if closed else [{"bearer": []}, {}]

    def get_override_parameters(self) -> list[Any]:
        """Return the key of an item, or the filters, order, page size and cursor of a list."""
        if self._write is not None or self._is_item:
            key = OpenApiParameter(self._resource.key, str, "path", required=True)
            etag = OpenApiParameter(
                "If-Match", str, "header", required=True, description="The ETag of what is changed"
            )
            return [*([key] if self._is_item else []), *([etag] if self._needs_etag else [])]
        orders = list(self._resource.orders)
        return [
            *map(_parameter, self._resource.filters),
            OpenApiParameter("order", str, _QUERY, enum=orders, default=orders[0], description="- descends"),
            OpenApiParameter(
                "limit",
                {"type": "integer", "minimum": 1, "maximum": MAX_PAGE, "default": PAGE},
                _QUERY,
                description="Rows of the page",
            ),
            OpenApiParameter("cursor", str, _QUERY, description="The `next` of the page before"),
        ]

    def get_request_serializer(self) -> Any:
        """Return the shape of the body of a write; nothing for reads."""
        return self._write.body if self._write is not None else None

    def get_filter_backends(self) -> list[Any]:
        """Return none: filters are of the resource."""
        return []

    def get_response_serializers(self) -> Any:
        """Return the shape of the body for each status."""
        if (write := self._write) is not None:
            statuses = (*WRITE_REFUSALS, *((412, 428) if self._needs_etag else ()))
            made = None if write.status == HTTPStatus.NO_CONTENT else self._resource.item_shape
            refused = {(status, PROBLEM): ProblemShape for status in sorted(statuses)}
            return {write.status.value: made, **refused}
        shape = self._resource.item_shape if self._is_item else _page_of(self._resource.shape)
        refusals = {(status, PROBLEM): ProblemShape for status in _REFUSALS}
        return {200: shape, 304: None, 412: None, **refusals}

    def _is_list_view(self, serializer: Any = None) -> bool:
        return False


def only_resources(endpoints: Sequence[Any], **_: Any) -> list[Any]:
    """Keep the endpoints of the lists (a hook of drf-spectacular)."""
    return [each for each in endpoints if isinstance(getattr(each[3].cls, "schema", None), ResourceSchema)]


def with_protocols(result: dict[str, Any], **_: Any) -> dict[str, Any]:
    """Add the operations of the protocols (a hook of drf-spectacular)."""
    return joined(result, described())


@cache
def openapi() -> dict[str, Any]:
    """Return the document; the same for everybody."""
    found: dict[str, Any] = SchemaGenerator().get_schema(request=None, public=True)  # type: ignore[no-untyped-call]
    return found


def _parameter(each: Filter) -> OpenApiParameter:
    kind = OpenApiTypes.BOOL if each.is_flag else OpenApiTypes.STR
    return OpenApiParameter(
        each.name,
        kind,
        _QUERY,
        required=each.is_required,
        enum=list(each.choices) or None,
        description=each.about,
    )


@cache
def _page_of(shape: type[serializers.Serializer[Any]]) -> type[serializers.Serializer[Any]]:
    fields = {
        "results": shape(many=True),
        "next": serializers.CharField(allow_null=True, help_text="The cursor of the next page"),
    }
    name = shape.__name__.removesuffix("Shape") + "PageShape"
    return type(name, (serializers.Serializer,), fields)
