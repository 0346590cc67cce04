"""The page that registers names of sequences from a table, or an annotation from GFF3, uploaded or in a storage."""

from typing import Any

from django import forms
from django.conf import settings
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse
from django.views.decorators.http import require_http_methods

from catalogue import stewardship
from catalogue.admin.pages import PlainForm, answer, page
from catalogue.admin.sequence_registration import start_preview
from catalogue.formats.fasta_names import is_authority_name
from catalogue.ingest.aliases import COMMAND as NAMES
from catalogue.ingest.annotation.ingest import COMMAND as ANNOTATION
from catalogue.stewardship import readable_collections

_KINDS = [
    (NAMES, "names: a table, an assembly report of NCBI, or chromAlias of UCSC"),
    (ANNOTATION, "annotation: GFF3 of Ensembl, NCBI, GENCODE or others"),
]


class TablesForm(PlainForm):
    """Which file, what it holds, and which assembly it is of."""

    upload = forms.UUIDField(required=False, widget=forms.HiddenInput)
    stored = forms.CharField(
        max_length=1100, required=False, label="Or: a file in a storage", help_text="storage:key"
    )
    kind = forms.ChoiceField(choices=_KINDS, widget=forms.RadioSelect, label="What it holds")
    assembly = forms.CharField(
        max_length=255, required=False, label="Assembly",
        help_text="The name of the collection that an annotation is of; of a table only where it names none.",
    )  # fmt: skip
    genome_id = forms.CharField(
        max_length=255, required=False, label="Id of the genome", help_text="Of an annotation whose header has none."
    )  # fmt: skip
    authority = forms.CharField(
        max_length=64, required=False, label="Who gives the ids of the annotation",
        help_text="A naming authority. Empty: as the file says.",
    )  # fmt: skip
    create_authorities = forms.BooleanField(
        required=False, label="Make naming authorities of the table that are new"
    )
    allow_unmatched = forms.BooleanField(
        required=False, label="Leave out names of the table whose sequence is not known"
    )

    def __init__(self, data: Any, *, request: HttpRequest) -> None:
        super().__init__(data)
        self._request = request

    def clean_authority(self) -> str:
        """Reject what cannot be the name of an authority."""
        name: str = self.cleaned_data["authority"]
        if name and not is_authority_name(name):
            raise forms.ValidationError("A naming authority is a word of letters, digits, dots, _ and -.")
        return name

    def clean(self) -> dict[str, Any]:
        """Require one of an upload and a stored file, and of an annotation an assembly that the account may read."""
        cleaned: dict[str, Any] = super().clean() or {}
        if self.errors:
            return cleaned
        if not cleaned.get("upload") and not cleaned.get("stored"):
            raise forms.ValidationError("Choose a file to upload, or name one in a storage.")
        readable = readable_collections(self._request.user)
        if cleaned["kind"] == ANNOTATION and not readable.filter(name=cleaned["assembly"]).exists():
            self.add_error("assembly", "There is no assembly of this name.")
        return cleaned

    def arguments(self, file: str) -> dict[str, Any]:
        """Return the arguments of the job."""
        given = self.cleaned_data
        of_kind = (
            {
                "collection": given["assembly"],
                "genome_id": given["genome_id"],
                "authority": given["authority"],
            }
            if given["kind"] == ANNOTATION
            else {
                "assembly": given["assembly"],
                "create_authorities": given["create_authorities"],
                "allow_unmatched": given["allow_unmatched"],
            }
        )
        return {"files": [file], **{name: value for name, value in of_kind.items() if value}}


def may_register_tables(request: HttpRequest) -> bool:
    """Return whether the account may add names and annotation."""
    return stewardship.may_register_tables(request.user)


@page("register/tables/", name="register-tables")
@require_http_methods(["GET", "HEAD", "POST"])
def register_tables(request: HttpRequest) -> HttpResponse:
    """Show the form; a POST previews the file."""
    if not may_register_tables(request):
        raise PermissionDenied
    form = TablesForm(request.POST if request.method == "POST" else None, request=request)
    if form.is_bound and form.is_valid():
        started = start_preview(request, form, form.cleaned_data["kind"], check=stewardship.check_tables)
        if started is not None:
            return started
    return answer(
        request, "tables", title="Register names or annotation", form=form, max_bytes=settings.UPLOAD_MAX_BYTES,
        status=400 if form.errors else 200,
    )  # fmt: skip
