"""The page that registers many files by a manifest, and the manifests of what is registered."""

from typing import Any
from uuid import UUID

from django import forms
from django.core.exceptions import PermissionDenied
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse, StreamingHttpResponse
from django.shortcuts import redirect
from django.views.decorators.http import require_http_methods

from catalogue import access, jobs
from catalogue.admin.browse import may_register
from catalogue.admin.pages import PlainForm, answer, page
from catalogue.errors import CatalogueError
from catalogue.formats.manifests import ManifestForm, write_manifest
from catalogue.ingest.manifests.ingest import COMMAND
from catalogue.models import DataFile, Dataset, Upload
from catalogue.queries.manifests import manifest_rows
from catalogue.stewardship import NotAllowed, check_manifests
from catalogue.stewardship.registration import MAX_MANIFEST_BYTES as MAX_BYTES
from catalogue.storage import storage


class ManifestUploadForm(PlainForm):
    """A manifest, as an upload or as text, and what holds for rows that do not say it."""

    upload = forms.UUIDField(required=False, widget=forms.HiddenInput)
    text = forms.CharField(
        required=False, strip=False, label="Or: its text", widget=forms.Textarea(attrs={"rows": 6}),
        help_text="CSV or TSV with a header line, or JSON lines. Columns: path, index, id, dataset, format, collection,"
        " title, sample, visibility, md5, sha256. A path is storage:key.",
    )  # fmt: skip
    dataset = forms.ModelChoiceField(
        Dataset.objects.none(), to_field_name="slug", required=False, label="Dataset of rows that name none",
        empty_label="Every row names one",
    )  # fmt: skip
    id_prefix = forms.CharField(
        max_length=100, required=False, label="Put before ids that are made of file names"
    )
    copy = forms.BooleanField(required=False, label="Copy the files into the site's own storage")

    def __init__(self, data: Any, *, request: HttpRequest) -> None:
        super().__init__(data)
        datasets = access.datasets_for(request.user)
        self.fields["dataset"].queryset = Dataset.objects.filter(pk__in=[one.pk for one in datasets])  # type: ignore[attr-defined]
        if len(datasets) == 1:
            self.initial["dataset"] = datasets[0].slug

    def clean(self) -> dict[str, Any]:
        """Require one of an upload and a text."""
        cleaned: dict[str, Any] = super().clean() or {}
        if not self.errors and not cleaned.get("upload") and not cleaned.get("text", "").strip():
            raise forms.ValidationError("Choose a manifest to upload, or paste its text.")
        return cleaned

    def arguments(self) -> dict[str, Any]:
        """Return the arguments of the job, without the manifest."""
        given = self.cleaned_data
        dataset = given["dataset"].slug if given["dataset"] else ""
        named = {"dataset": dataset, "id_prefix": given["id_prefix"], "copy": given["copy"]}
        return {name: value for name, value in named.items() if value}


@page("register/manifest/", name="register-manifest")
@require_http_methods(["GET", "HEAD", "POST"])
def register_manifest(request: HttpRequest) -> HttpResponse:
    """Show the form; a POST previews the manifest row by row."""
    if not may_register(request):
        raise PermissionDenied
    form = ManifestUploadForm(request.POST if request.method == "POST" else None, request=request)
    if form.is_bound and form.is_valid():
        try:
            upload = form.cleaned_data["upload"]
            name, text = _uploaded(request, upload) if upload else ("manifest", form.cleaned_data["text"])
            arguments = form.arguments()
            attachment = {"manifests": [{"name": name, "text": text, "folder": ""}]}
            check_manifests(request.user, {**arguments, **attachment})
            run = jobs.start(
                COMMAND, arguments, attachment=attachment, account=request.user.pk,
                actor=request.user.get_username(), dry_run=True,
            )  # fmt: skip
            return redirect("admin:run", run.pk)
        except CatalogueError as error:
            form.add_error(None, str(error))
    return answer(
        request, "manifest", title="Register by manifest", form=form, max_bytes=MAX_BYTES,
        status=400 if form.errors else 200,
    )  # fmt: skip


def _uploaded(request: HttpRequest, pk: UUID) -> tuple[str, str]:
    """Return the name and the text of an upload of the account. Raises NotAllowed, StorageError."""
    row = Upload.objects.filter(pk=pk, account=request.user.pk).exclude(finished=None).first()
    if row is None:
        raise NotAllowed("The upload is not complete; choose the file again.")
    if row.size > MAX_BYTES:
        raise NotAllowed(
            f"A manifest has at most {MAX_BYTES:,} bytes here; `manage.py ingest_manifest` takes larger ones."
        )
    data = storage(row.storage).read_range(row.key, 0, row.size)
    try:
        return row.name, data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise NotAllowed(f"The manifest is not text in UTF-8, at byte {error.start:,}.") from None


def manifest_file(files: QuerySet[DataFile]) -> StreamingHttpResponse:
    """Return the files as a manifest in CSV, which can be edited and registered again."""
    headers = {"Content-Disposition": 'attachment; filename="manifest.csv"', "Cache-Control": "no-store"}
    text = write_manifest(manifest_rows(files), ManifestForm.CSV)
    return StreamingHttpResponse(text, content_type="text/csv; charset=utf-8", headers=headers)
