"""Uploads: a page's script sends a file in parts, and asks how much arrived before it goes on."""

import json
from typing import Any, Final
from uuid import UUID

from django.db import connection
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.views.decorators.http import require_http_methods, require_POST

from catalogue import access
from catalogue.admin.pages import page
from catalogue.errors import CatalogueError, StorageError
from catalogue.ingest import uploads
from catalogue.ingest.uploads import UploadRefused
from catalogue.models import Upload
from catalogue.storage import PART

_MAX_BODY: Final = 4096


def may_upload(request: HttpRequest) -> bool:
    """Return whether the account may upload: whoever may register sequences, or files into a dataset."""
    return request.user.has_perm("catalogue.add_sequence") or bool(access.datasets_for(request.user))


@page("uploads/", name="uploads")
@require_POST
def begin(request: HttpRequest) -> HttpResponse:
    """Begin an upload; the body is JSON with `name` and `size`."""
    try:
        asked = json.loads(request.read(_MAX_BODY))
        name, size = str(asked["name"]), int(asked["size"])
    except (ValueError, KeyError, TypeError):
        return _refused("An upload begins with the name and the size of a file.", 400)
    if not may_upload(request):
        return _refused("You may not upload files.", 403)
    return _answered(lambda: uploads.begin_upload(account=request.user.pk or 0, name=name, size=size))


@page("uploads/<uuid:pk>", name="upload")
@require_http_methods(["GET", "PUT", "DELETE"])
def upload(request: HttpRequest, pk: UUID) -> HttpResponse:
    """Tell how much of an upload arrived, take its next part (`?offset=`), or cancel it."""
    account = request.user.pk or 0
    if request.method == "GET":
        return _answered(lambda: uploads.open_upload(pk, account=account))
    if request.method == "DELETE":
        return _answered(lambda: uploads.cancel_upload(uploads.open_upload(pk, account=account)))
    offset = request.GET.get("offset", "")
    if not (offset.isascii() and offset.isdigit() and len(offset) < 16):
        return _refused("A part has an offset.", 400)
    if not connection.in_atomic_block:
        # A slow client must not hold a connection of the database while it sends.
        connection.close()
    data = request.read(PART + 1)
    return _answered(lambda: uploads.take_part(pk, account=account, offset=int(offset), data=data))


def _answered(work: Any) -> HttpResponse:
    try:
        row = work()
    except UploadRefused as error:
        return _refused(str(error), 409)
    except StorageError:
        return _refused("The storage does not answer; this part can be sent again.", 503)
    except CatalogueError as error:
        return _refused(str(error), 409)
    return JsonResponse(_state(row) if row else {}, headers={"Cache-Control": "no-store"})


def _state(row: Upload) -> dict[str, Any]:
    return {
        "id": str(row.pk), "name": row.name, "size": row.size, "received": row.received, "part": PART,
        "finished": row.finished is not None,
    }  # fmt: skip


def _refused(text: str, status: int) -> HttpResponse:
    return JsonResponse({"error": text}, status=status, headers={"Cache-Control": "no-store"})
