"""The page that registers sequences from a FASTA file: an upload, or what lies in a storage."""

from collections.abc import Callable, Mapping
from typing import Any
from uuid import UUID

from django import forms
from django.conf import settings
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.views.decorators.http import require_http_methods

from catalogue import jobs, stewardship
from catalogue.admin.pages import PlainForm, answer, page
from catalogue.errors import CatalogueError
from catalogue.formats.fasta_names import is_authority_name
from catalogue.ingest.fasta.ingest import COMMAND
from catalogue.models import Upload


class SequencesForm(PlainForm):
    """Which FASTA file, who gives the names in it, and the collection that it forms."""

    upload = forms.UUIDField(required=False, widget=forms.HiddenInput)
    stored = forms.CharField(
        max_length=1100, required=False, label="Or: a file in a storage",
        help_text="storage:key, or storage:prefix/ for every FASTA file below it; Register files shows what there is.",
    )  # fmt: skip
    authority = forms.CharField(
        max_length=64, required=False, label="Who gives these names",
        help_text="A naming authority, made when it is new. Empty: as header lines of NCBI, ENA, Ensembl or UCSC say.",
    )  # fmt: skip
    collection = forms.CharField(
        max_length=255, required=False, label="Keep them as the collection",
        help_text="The name of an assembly. Empty: the sequences alone.",
    )  # fmt: skip
    circular = forms.CharField(
        max_length=1000,
        required=False,
        label="Circular records",
        help_text="Their names, with spaces between.",
    )
    strip = forms.BooleanField(
        required=False,
        label="Remove gaps and stop codons",
        help_text="*, -, . and digits among the residues.",
    )

    def clean_authority(self) -> str:
        """Reject what cannot be the name of an authority."""
        name: str = self.cleaned_data["authority"]
        if name and not is_authority_name(name):
            raise forms.ValidationError("A naming authority is a word of letters, digits, dots, _ and -.")
        return name

    def clean(self) -> dict[str, Any]:
        """Require one of an upload and a stored file."""
        cleaned: dict[str, Any] = super().clean() or {}
        if not self.errors and not cleaned.get("upload") and not cleaned.get("stored"):
            raise forms.ValidationError("Choose a FASTA file to upload, or name one in a storage.")
        return cleaned

    def arguments(self, file: str) -> dict[str, Any]:
        """Return the arguments of the job."""
        given = self.cleaned_data
        named = {
            "authority": given["authority"], "collection": given["collection"],
            "circular": given["circular"].split(), "strip": given["strip"],
        }  # fmt: skip
        return {"files": [file], **{name: value for name, value in named.items() if value}}


def may_register_sequences(request: HttpRequest) -> bool:
    """Return whether the account may add sequences."""
    return stewardship.may_register_sequences(request.user)


@page("register/sequences/", name="register-sequences")
@require_http_methods(["GET", "HEAD", "POST"])
def register_sequences(request: HttpRequest) -> HttpResponse:
    """Show the form; a POST previews the file."""
    if not may_register_sequences(request):
        raise PermissionDenied
    form = SequencesForm(
        request.POST if request.method == "POST" else None, initial={"stored": request.GET.get("stored", "")}
    )
    if form.is_bound and form.is_valid():
        started = start_preview(request, form, COMMAND, check=stewardship.check_sequences)
        if started is not None:
            return started
    return answer(
        request, "sequences", title="Register sequences", form=form, max_bytes=settings.UPLOAD_MAX_BYTES,
        status=400 if form.errors else 200,
    )  # fmt: skip


def start_preview(
    request: HttpRequest, form: Any, command: str, *, check: Callable[[Any, Mapping[str, Any]], None]
) -> HttpResponse | None:
    """Preview the file of a valid form by a job; return where its page is, or None with an error of the form."""
    try:
        upload = form.cleaned_data["upload"]
        arguments = form.arguments(_uploaded_file(request, upload) if upload else form.cleaned_data["stored"])
        check(request.user, arguments)
        run = jobs.start(
            command, arguments, account=request.user.pk, actor=request.user.get_username(), dry_run=True
        )
    except CatalogueError as error:
        form.add_error(None, str(error))
        return None
    return redirect("admin:run", run.pk)


def _uploaded_file(request: HttpRequest, pk: UUID) -> str:
    """Return an upload of the account as `storage:key`. Raises NotAllowed."""
    row = Upload.objects.filter(pk=pk, account=request.user.pk).exclude(finished=None).first()
    if row is None:
        raise stewardship.NotAllowed("The upload is not complete; choose the file again.")
    return f"{row.storage}:{row.key}"
