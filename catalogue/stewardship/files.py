"""Changes a file for an account that manages its dataset: moves it, and gives it another id."""

from collections.abc import Callable, Mapping
from typing import Any

from django.contrib.auth.models import User
from django.db import transaction
from django.db.models import QuerySet

from catalogue import access
from catalogue.formats.spec import FileKind
from catalogue.ingest.files.changes import Change, ChangeRefusedError, lock_ids
from catalogue.ingest.files.move import MoveFiles
from catalogue.ingest.files.rename import RenameFile
from catalogue.models import DataFile, Dataset
from catalogue.stewardship.history import in_words, note
from catalogue.stewardship.refusals import NotAllowed, Unusable, WriteConflict, told_by_field
from catalogue.storage.object_ref import ObjectRef


def change_file(
    number: int, wanted: Mapping[str, Any], *, account: User, unchanged: Callable[[], None]
) -> None:
    """Move a file to `dataset`, and rename the files of its id to `id`, as the plans of the desk say.

    A move into a more open dataset is refused unless `publish`, which takes an owner. `old_id` is `redirect` or
    `retire`. `unchanged` and errors are as for `change_dataset`.
    """
    with transaction.atomic(), told_by_field():
        seen = DataFile.objects.filter(pk=number).defer("header").first()
        if seen is not None:
            ids = {seen.htsget_id, wanted.get("id", seen.htsget_id)}
            lock_ids(seen.kind, *sorted(ids), objects=[ObjectRef(seen.storage, seen.key)])
        files = access.changeable_files(account)
        row = files.filter(pk=number).select_for_update(of=("self",)).defer("header").first()
        unchanged()
        if row is None:
            raise NotAllowed("you do not manage the dataset of this file")
        before = _state(row)
        if "dataset" in wanted and wanted["dataset"] != row.dataset.slug:
            _apply(_move(files.filter(pk=number), wanted, account))
        if "id" in wanted and wanted["id"] != row.htsget_id:
            _apply(_rename(row, files, wanted))
        row.refresh_from_db()
        if message := in_words(before, _state(row)):
            note(account, row, "changed", message)


def _move(files: QuerySet[DataFile], wanted: Mapping[str, Any], account: User) -> Change:
    to = next((one for one in access.datasets_for(account) if one.slug == wanted["dataset"]), None)
    if to is None:
        raise Unusable("dataset: you manage no dataset of this name")
    if wanted.get("publish") and not _may_publish(files, account):
        raise NotAllowed("only an owner of its dataset may open a file to more people")
    return MoveFiles(files=files, to=to, publish=bool(wanted.get("publish")))


def _may_publish(files: QuerySet[DataFile], account: User) -> bool:
    owned: QuerySet[Dataset] = access.changeable_datasets(account, owned=True)
    return not files.exclude(dataset__in=owned).exists()


def _rename(row: DataFile, files: QuerySet[DataFile], wanted: Mapping[str, Any]) -> Change:
    redirect = wanted.get("old_id", "redirect") == "redirect"
    return RenameFile(
        files=files, kind=FileKind(row.kind), old=row.htsget_id, new=wanted["id"], redirect=redirect
    )


def _apply(change: Change) -> None:
    try:
        result = change.apply()
    except ChangeRefusedError as error:
        raise WriteConflict(str(error)) from None
    for one in result.inputs:
        if one.failed:
            raise WriteConflict(one.message)


def _state(row: DataFile) -> dict[str, Any]:
    return {"dataset": row.dataset.slug, "htsget_id": row.htsget_id}
