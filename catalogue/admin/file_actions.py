"""What stewards do with the files and datasets that they tick: the changes, and what each has to be told."""

from collections.abc import Mapping
from typing import Any

from django import forms
from django.contrib import admin
from django.db.models import QuerySet
from django.http import HttpRequest

from catalogue import access
from catalogue.admin.changes import ChangeAction
from catalogue.admin.pages import PlainForm
from catalogue.admin.roles import managed_by
from catalogue.formats.spec import FileKind
from catalogue.ingest.files.changes import Change
from catalogue.ingest.files.move import MoveFiles
from catalogue.ingest.files.reindex import ReindexFiles
from catalogue.ingest.files.remove import RemoveFiles
from catalogue.ingest.files.rename import RenameFile
from catalogue.ingest.files.verify import VerifyFiles
from catalogue.ingest.files.visibility import SetVisibility
from catalogue.jobs.changes import INDEX_FILES, VERIFY_FILES
from catalogue.models import DataFile, Dataset


class MoveForm(PlainForm):
    """Where to move files."""

    to = forms.ModelChoiceField(
        Dataset.objects.none(), to_field_name="slug", label="To the dataset", empty_label="Choose a dataset",
        error_messages={"required": "Choose the dataset to move the files to."},
    )  # fmt: skip
    publish = forms.BooleanField(
        required=False, label="They may become more open than they are",
        help_text="Needed to move files into a dataset that more people may fetch.",
    )  # fmt: skip


class RemoveForm(PlainForm):
    """What becomes of the ids of removed files."""

    retire = forms.BooleanField(
        required=False,
        label="Retire their ids",
        help_text="No other file can have them until they are released.",
    )


class VisibilityForm(PlainForm):
    """The visibility to give to datasets."""

    visibility = forms.ChoiceField(choices=Dataset.Visibility.choices, widget=forms.RadioSelect)


def _move_form(request: HttpRequest, rows: QuerySet[DataFile], data: Any) -> PlainForm:
    form = MoveForm(data)
    datasets = Dataset.objects.filter(pk__in=[one.pk for one in access.datasets_for(request.user)])
    form.fields["to"].queryset = datasets  # type: ignore[attr-defined]
    return form


def _move(request: HttpRequest, rows: QuerySet[DataFile], given: Mapping[str, Any]) -> Change:
    return MoveFiles(files=rows, to=given["to"], publish=given["publish"] and _may_publish(request, rows))


def _may_publish(request: HttpRequest, rows: QuerySet[DataFile]) -> bool:
    """Return whether the account may open the files to more people: as owner of their datasets, or administrator."""
    if request.user.has_perm("catalogue.change_dataset"):
        return True
    owned = managed_by(request, owned=True)[0]
    return not rows.exclude(dataset__in=owned).exists()


def _remove(request: HttpRequest, rows: QuerySet[DataFile], given: Mapping[str, Any]) -> Change:
    return RemoveFiles(files=rows, retire=given["retire"])


def _set_visibility(request: HttpRequest, rows: QuerySet[Dataset], given: Mapping[str, Any]) -> Change:
    return SetVisibility(datasets=rows, visibility=Dataset.Visibility(given["visibility"]))


def _publish(request: HttpRequest, rows: QuerySet[Dataset], given: Mapping[str, Any]) -> Change:
    return SetVisibility(datasets=rows, visibility=Dataset.Visibility.PUBLIC)


def _withdraw(request: HttpRequest, rows: QuerySet[Dataset], given: Mapping[str, Any]) -> Change:
    return SetVisibility(datasets=rows, visibility=Dataset.Visibility.CONTROLLED)


class RenameForm(PlainForm):
    """A new id, and what becomes of the old one."""

    new = forms.CharField(max_length=255, label="New id")
    old_id = forms.ChoiceField(
        choices=[("redirect", "it redirects to the new one"), ("retire", "it is retired: nobody finds it")],
        initial="redirect", widget=forms.RadioSelect, label="The old id",
    )  # fmt: skip

    def __init__(self, rows: QuerySet[DataFile], data: Any) -> None:
        super().__init__(data, initial={"old_id": "redirect"})
        self._rows = rows

    def clean(self) -> dict[str, Any]:
        """Reject rows of several ids."""
        cleaned: dict[str, Any] = super().clean() or {}
        if len(set(self._rows.values_list("kind", "htsget_id"))) != 1:
            raise forms.ValidationError("Tick files of one id: only one can be renamed at a time.")
        return cleaned


def _rename(request: HttpRequest, rows: QuerySet[DataFile], given: Mapping[str, Any]) -> Change:
    kind, old = rows.values_list("kind", "htsget_id")[:1][0]
    seen: Any = admin.site.get_model_admin(DataFile)
    files = seen.changeable(request, DataFile.objects.filter(kind=kind, htsget_id=old))
    redirect = given["old_id"] == "redirect"
    return RenameFile(files=files, kind=FileKind(kind), old=old, new=given["new"], redirect=redirect)


class VerifyForm(PlainForm):
    """How thoroughly to verify files."""

    deep = forms.BooleanField(
        required=False, label="Read all of every file", help_text="Takes long where files are large."
    )


class ReindexForm(PlainForm):
    """Whether to build indexes that exist."""

    build = forms.BooleanField(
        required=False,
        label="Build every index anew",
        help_text="Otherwise one is built only where there is none.",
    )


#: Of files.
FILE_ACTIONS = (
    ChangeAction("move", "Move", "files moved", _move, _move_form, fields=("dataset__slug",)),
    ChangeAction(
        "rename", "Rename", "files renamed", _rename, lambda request, rows, data: RenameForm(rows, data),
        fields=("htsget_id",),
    ),
    ChangeAction(
        "verify", "Verify", "files verified", lambda request, rows, given: VerifyFiles(files=rows, deep=given["deep"]),
        lambda request, rows, data: VerifyForm({} if data is None else data), job=VERIFY_FILES,
    ),
    ChangeAction(
        "reindex", "Index again", "files indexed",
        lambda request, rows, given: ReindexFiles(files=rows, build=given["build"]),
        lambda request, rows, data: ReindexForm({} if data is None else data), job=INDEX_FILES,
    ),
    ChangeAction(
        "remove", "Remove", "files removed", _remove,
        lambda request, rows, data: RemoveForm({} if data is None else data), danger=True,
    ),
)  # fmt: skip
#: Of datasets.
DATASET_ACTIONS = (
    ChangeAction("publish", "Publish", "datasets published", _publish, owned=True, fields=("visibility",)),
    ChangeAction("withdraw", "Withdraw", "datasets withdrawn", _withdraw, owned=True, fields=("visibility",)),
    ChangeAction(
        "set_visibility", "Set who may fetch", "datasets changed", _set_visibility,
        lambda request, rows, data: VisibilityForm(data), owned=True, fields=("visibility",),
    ),
)  # fmt: skip
