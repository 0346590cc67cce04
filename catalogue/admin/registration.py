"""The form that registers files of a storage."""

from collections.abc import Iterable
from typing import Any

from django import forms
from django.http import HttpRequest

from catalogue import access
from catalogue.admin.pages import PlainForm
from catalogue.admin.sequences import offer_collections
from catalogue.formats.registry import SPECS, strip_suffix
from catalogue.formats.spec import FileKind
from catalogue.ingest.files.discovery import unusable_id
from catalogue.ingest.files.options import COMMANDS
from catalogue.models import Dataset, SequenceCollection

_KINDS = [
    (
        kind.value,
        f"{kind.value}: {', '.join(str(spec.format) for spec in SPECS.values() if spec.kind is kind)}",
    )
    for kind in FileKind
]


class FilesForm(PlainForm):
    """Which files of a storage to register, into which dataset, under which ids."""

    dataset = forms.ModelChoiceField(
        Dataset.objects.none(), to_field_name="slug", empty_label="Choose a dataset",
        error_messages={"required": "Choose the dataset that the files are to belong to."},
    )  # fmt: skip
    kind = forms.ChoiceField(choices=_KINDS, widget=forms.RadioSelect, label="What they are")
    id_prefix = forms.CharField(
        max_length=100, required=False, label="Put before every id",
        help_text="An id is the name of its file without the suffix; trio/ makes of it trio/name.",
    )  # fmt: skip
    htsget_id = forms.CharField(
        max_length=255, required=False, label="Or: the id of a single file",
        help_text="For one file, or one in several formats.",
    )  # fmt: skip
    collection = forms.ModelChoiceField(
        SequenceCollection.objects.none(), to_field_name="name", required=False, label="Assembly of the dataset",
        empty_label="As it is, or found by the contigs",
    )  # fmt: skip
    copy = forms.BooleanField(
        required=False, label="Copy the files into the site's own storage",
        help_text="Otherwise they are served from where they lie.",
    )  # fmt: skip

    def __init__(self, *args: Any, request: HttpRequest, **options: Any) -> None:
        super().__init__(*args, **options)
        datasets = access.datasets_for(request.user)
        chosen = Dataset.objects.filter(pk__in=[dataset.pk for dataset in datasets])
        self.fields["dataset"].queryset = chosen  # type: ignore[attr-defined]
        if len(datasets) == 1:
            self.initial.setdefault("dataset", datasets[0].slug)
        offer_collections(self, request)

    def clean_htsget_id(self) -> str:
        """Reject ids that no client could ask for."""
        htsget_id: str = self.cleaned_data["htsget_id"]
        if htsget_id and (reason := unusable_id(htsget_id)):
            raise forms.ValidationError(f"{reason}; choose another.")
        return htsget_id

    def arguments(self, files: Iterable[str]) -> dict[str, Any]:
        """Return the arguments of the job that registers the files."""
        given = self.cleaned_data
        collection = given["collection"]
        named: dict[str, Any] = {
            "htsget_id": given["htsget_id"],
            "id_prefix": "" if given["htsget_id"] else given["id_prefix"],
            "collection": collection.name if collection else "",
            "copy": given["copy"],
        }
        kept = {name: value for name, value in named.items() if value}
        return {"kind": given["kind"], "dataset": given["dataset"].slug, "files": list(files), **kept}

    @property
    def command(self) -> str:
        """The kind of job."""
        return COMMANDS[FileKind(self.cleaned_data["kind"])]


def suggested_kind(names: Iterable[str]) -> str:
    """Return the kind that most of the files promise by their suffixes."""
    promised = [spec.kind for name in names if (spec := strip_suffix(name)[1]) is not None]
    return max(FileKind, key=promised.count).value
