"""The views that change something: each parses the body, asks the function of its write, and answers with the item."""

import json
from collections.abc import Callable, Mapping
from http import HTTPStatus
from typing import Any, Final, NoReturn
from urllib.parse import quote

from catalogue.access import desk_account
from catalogue.request_context import Actor, current_context
from ga4gh.errors import RequestError
from ga4gh.etags import write_precondition
from ga4gh.exchange import CACHE_PRIVATE, Answer, answer, json_answer
from portal.api.bodies import Body
from portal.api.protocol import MAX_BODY
from portal.api.resources import Resource
from portal.api.views import ItemView, ListView, ResourceView
from portal.api.writes import Write

_MEDIA_TYPES: Final = ("application/json", "application/merge-patch+json")


class WritingView(ResourceView):
    """What every write shares: a token with the scope `manage`, a JSON body, and the answer."""

    def initial(self, request: Any, *args: Any, **parts: str) -> None:
        """Refuse writes without such a token before anything is read, and let the audit have its account."""
        super().initial(request, *args, **parts)
        if request.method not in {"GET", "HEAD", "OPTIONS"}:
            viewer = self.asked.viewer
            account = desk_account(viewer)
            actor = Actor(account.get_username(), account.pk, viewer.credential)
            current_context().session = lambda: actor

    def write(self, write: Write, key: str = "") -> Answer:
        """Do a write, and answer with what there is then."""
        if self.asked.query:
            raise RequestError("a write has no parameters")
        given = self._given(write.body)
        made = write.work(key, given, self.asked.viewer, lambda: self._unchanged(key))
        if made is None:
            return answer(write.status, [CACHE_PRIVATE])
        place = () if write.status is HTTPStatus.OK else (("Location", _path(self.resource, made)),)
        body = self._item(made)
        headers = (("ETag", self.etag_of(body)), CACHE_PRIVATE, *place)
        return json_answer(self.asked, body, status=write.status, headers=headers)

    def _item(self, key: str) -> bytes:
        assert self.resource.one is not None
        found = self.resource.one(key, viewer=self.asked.viewer)
        return json.dumps(dict(self.resource.item_shape(found).data)).encode("ascii")

    def _unchanged(self, key: str) -> None:
        """Raise RequestError unless If-Match names the item as it is now, and NotFound where there is none."""
        status = write_precondition(self.asked.environ, self.etag_of(self._item(key)))
        if status is HTTPStatus.PRECONDITION_REQUIRED:
            raise RequestError("send the ETag of what is to be changed as If-Match", status=status)
        if status is not None:
            raise RequestError(
                "it is not what it was when its ETag was given; look at it again", status=status
            )

    def _given(self, body: type[Body] | None) -> Mapping[str, Any]:
        text = self.body(max_bytes=MAX_BODY)
        if body is None:
            if text.strip() not in {b"", b"{}"}:
                raise RequestError("this takes no body")
            return {}
        media_type = self.asked.environ.get("CONTENT_TYPE", "").partition(";")[0].strip().lower()
        if media_type not in _MEDIA_TYPES:
            raise RequestError(
                f"send the body as {_MEDIA_TYPES[0]}", status=HTTPStatus.UNSUPPORTED_MEDIA_TYPE
            )
        read = body(data=_json(text))
        if not read.is_valid():
            raise RequestError("; ".join(_faults(read.errors)))
        return dict(read.validated_data)


class CreatingListView(WritingView, ListView):
    """A list to which items can be added."""

    def post(self, request: Any) -> Answer:
        """Add an item."""
        assert self.resource.create is not None
        return self.write(self.resource.create)


class ChangingItemView(WritingView, ItemView):
    """An item that can be changed."""

    def patch(self, request: Any, **key: str) -> Answer:
        """Change the members that are given."""
        assert self.resource.change is not None
        return self.write(self.resource.change, *key.values())


class RemovingItemView(WritingView, ItemView):
    """An item that can be removed."""

    def delete(self, request: Any, **key: str) -> Answer:
        """Remove it."""
        assert self.resource.remove is not None
        return self.write(self.resource.remove, *key.values())


class ActionView(WritingView):
    """Something that can be done with an item."""

    action = ""

    def post(self, request: Any, **key: str) -> Answer:
        """Do it."""
        return self.write(self.resource.actions[self.action], *key.values())


def list_view(resource: Resource) -> Callable[..., Any]:
    """Return the view of a list."""
    kind = ListView if resource.create is None else CreatingListView
    return kind.as_view(resource=resource)


def item_view(resource: Resource) -> Callable[..., Any]:
    """Return the view of an item."""
    if resource.change is not None:
        return ChangingItemView.as_view(resource=resource)
    kind = ItemView if resource.remove is None else RemovingItemView
    return kind.as_view(resource=resource)


def _path(resource: Resource, key: str) -> str:
    return f"/api/{resource.name}/{quote(key, safe='')}"


def _json(text: bytes) -> Any:
    try:
        return json.loads(text.decode(), object_pairs_hook=_once, parse_constant=_no_json)
    except (ValueError, RecursionError):
        raise RequestError("the body is not JSON in UTF-8") from None


def _once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    given = dict(pairs)
    if len(given) < len(pairs):
        raise RequestError("a key is given twice in one JSON object")
    return given


def _no_json(constant: str) -> NoReturn:
    raise ValueError(constant)


def _faults(errors: Any, within: str = "") -> list[str]:
    """Return what is wrong with each member, in sentences."""
    if isinstance(errors, Mapping):
        return [
            told
            for name, said in errors.items()
            for told in _faults(
                said, within if name == "non_field_errors" else f"{within}.{name}" if within else str(name)
            )
        ]
    if isinstance(errors, list) and any(isinstance(one, Mapping) for one in errors):
        return [told for number, said in enumerate(errors) for told in _faults(said, f"{within}[{number}]")]
    text = " ".join(map(str, errors)) if isinstance(errors, list) else str(errors)
    return [f"{within}: {text}" if within else text] if text else []
