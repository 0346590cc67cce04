"""Declares what programs of stewards may change, and the functions that do it for the account of their token."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from http import HTTPStatus
from typing import Any, Final

from catalogue import stewardship
from catalogue.access import Viewer, desk_account
from catalogue.queries.listings import number_of
from portal.api import bodies

Given = Mapping[str, Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class Write:
    """One way to change a resource; `work` gets the key, the values, the viewer and the check of If-Match.

    It returns the key of the item that the answer has; None for an answer without one.
    """

    about: str
    work: Callable[[str, Given, Viewer, Callable[[], None]], str | None]
    body: type[bodies.Body] | None = None
    status: HTTPStatus = HTTPStatus.OK


def _change_dataset(slug: str, given: Given, viewer: Viewer, unchanged: Callable[[], None]) -> str:
    account = desk_account(viewer)
    stewardship.change_dataset(slug, given, account=account, viewer=viewer, unchanged=unchanged)
    return slug


def _change_file(number: str, given: Given, viewer: Viewer, unchanged: Callable[[], None]) -> str:
    stewardship.change_file(number_of(number), given, account=desk_account(viewer), unchanged=unchanged)
    return number


def _create_grant(_: str, given: Given, viewer: Viewer, unchanged: Callable[[], None]) -> str:
    return str(stewardship.create_grant(given, account=desk_account(viewer)).pk)


def _remove_grant(number: str, given: Given, viewer: Viewer, unchanged: Callable[[], None]) -> None:
    stewardship.remove_grant(number_of(number), account=desk_account(viewer), unchanged=unchanged)


def _create_run(_: str, given: Given, viewer: Viewer, unchanged: Callable[[], None]) -> str:
    account, dry_run = desk_account(viewer), given["dry_run"]
    named = {"manifest", "command", "name", "dry_run"}
    options = {name: value for name, value in given.items() if name not in named}
    if "command" in given:
        run = stewardship.start_command(given["command"], options, account=account, dry_run=dry_run)
    else:
        run = stewardship.start_manifest(
            given["name"], given["manifest"], options, account=account, dry_run=dry_run
        )
    return str(run.pk)


def _do(work: Callable[..., Any]) -> Callable[[str, Given, Viewer, Callable[[], None]], str]:
    def done(number: str, given: Given, viewer: Viewer, unchanged: Callable[[], None]) -> str:
        return str(work(number_of(number), account=desk_account(viewer)).pk)

    return done


CHANGE_DATASET: Final = Write(
    about="Change a dataset that the account manages", work=_change_dataset, body=bodies.DatasetBody
)
CHANGE_FILE: Final = Write(
    about="Move a file to another dataset, or give it another id", work=_change_file, body=bodies.FileBody
)
CREATE_GRANT: Final = Write(
    about="Grant access to what the account manages",
    work=_create_grant,
    body=bodies.GrantBody,
    status=HTTPStatus.CREATED,
)
REMOVE_GRANT: Final = Write(about="Take a grant back", work=_remove_grant, status=HTTPStatus.NO_CONTENT)
CREATE_RUN: Final = Write(
    about="Register files by a manifest, or sequences, or verify or index files again, as a background job",
    work=_create_run,
    body=bodies.RunBody,
    status=HTTPStatus.ACCEPTED,
)
#: What can be done with a run, by the last part of the path.
RUN_ACTIONS: Final = {
    "cancel": Write(
        about="End a job after the files that workers are at",
        work=_do(stewardship.cancel_run),
        status=HTTPStatus.ACCEPTED,
    ),
    "retry": Write(
        about="Queue what a job did not do", work=_do(stewardship.retry_run), status=HTTPStatus.ACCEPTED
    ),
    "start": Write(
        about="Start for good what a run previewed",
        work=_do(stewardship.start_previewed),
        status=HTTPStatus.ACCEPTED,
    ),
}
