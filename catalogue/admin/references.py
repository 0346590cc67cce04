"""Pages about what files lack of their references: contigs without a sequence, and sequences that are not held."""

import json
from typing import Any

from django import forms
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.views.decorators.http import require_http_methods

from catalogue.access import Viewer
from catalogue.admin.changes import apply_confirmed, tell_result
from catalogue.admin.pages import PlainForm, answer, page, whole_number
from catalogue.admin.roles import admin_of, sees
from catalogue.admin.sequences import offer_collections
from catalogue.errors import CatalogueError
from catalogue.ingest.files.references import LinkContigs
from catalogue.models import DataFile, Sequence, SequenceCollection
from catalogue.queries.missing_references import (
    ContigGroup,
    contigs_without_sequence,
    residues_that_files_lack,
)
from catalogue.queries.sequences import sequence

#: Groups that one page lists.
PER_PAGE = 100


class LinkForm(PlainForm):
    """What to link contigs to."""

    collection = forms.ModelChoiceField(
        SequenceCollection.objects.none(), to_field_name="name", required=False, label="To the members of",
        empty_label="Choose an assembly", help_text="Each contig is linked to the member of its name and length.",
    )  # fmt: skip
    sequence = forms.CharField(
        max_length=300,
        required=False,
        label="Or: to one sequence",
        help_text="Its checksum, or authority:name.",
    )

    def __init__(self, data: Any, *, request: HttpRequest) -> None:
        super().__init__(data)
        self._request = request
        offer_collections(self, request)

    def clean_sequence(self) -> Sequence | None:
        """Look the sequence up, as the account sees it."""
        text: str = self.cleaned_data["sequence"].strip()
        if not text:
            return None
        user = self._request.user
        try:
            found = sequence(text, viewer=Viewer(name=user.get_username(), user=user.pk))
        except CatalogueError as error:
            raise forms.ValidationError(f"{str(error)[:1].upper()}{str(error)[1:]}.") from None
        return Sequence.objects.get(pk=found.pk)

    @property
    def target(self) -> Sequence | SequenceCollection | None:
        """What was chosen."""
        return self.cleaned_data.get("sequence") or self.cleaned_data.get("collection")


def may_repair(request: HttpRequest) -> bool:
    """Return whether the account may change any files."""
    return sees(request, DataFile) and bool(admin_of(DataFile).may_change(request))


@page("references/", name="references")
@require_http_methods(["GET", "HEAD", "POST"])
def references(request: HttpRequest) -> HttpResponse:
    """List contigs without a sequence by name and length; a POST shows what a link will do, and does it."""
    if not may_repair(request):
        raise PermissionDenied
    files = admin_of(DataFile).changeable(request, DataFile.objects.all())
    form = LinkForm(request.POST if request.method == "POST" else None, request=request)
    if request.method == "POST":
        groups = _groups(request.POST.getlist("groups"))
        if not groups:
            form.add_error(None, "Tick the contigs to link.")
        if form.is_valid() and (target := form.target) is not None:
            return _link(request, LinkContigs(files=files, groups=groups, to=target))
        if form.is_valid():
            form.add_error(None, "Choose an assembly or a sequence to link them to.")
    number, name = whole_number(request.GET.get("p")), request.GET.get("q", "").strip()
    found = contigs_without_sequence(files, name=name, limit=PER_PAGE + 1, offset=(number - 1) * PER_PAGE)
    return answer(
        request, "references", title="References", form=form, name=name, number=number, more=len(found) > PER_PAGE,
        groups=[(group, _written(group)) for group in found[:PER_PAGE]], chosen=request.POST.getlist("groups"),
        lacking=residues_that_files_lack(files, limit=20), status=400 if form.errors else 200,
    )  # fmt: skip


def _link(request: HttpRequest, change: LinkContigs) -> HttpResponse:
    if request.POST.get("step") == "confirm":
        result = apply_confirmed(request, change)
        if result is not None:
            tell_result(request, "kinds of contigs linked", result)
            return redirect("admin:references")
    kept = [
        (name, value) for name in ("groups", "collection", "sequence") for value in request.POST.getlist(name)
    ]
    plan = change.plan()
    return answer(
        request, "confirm", title=plan.title, plan=plan, form=None, hidden=kept, button="Link",
        back=request.get_full_path(),
    )  # fmt: skip


def _written(group: ContigGroup) -> str:
    return json.dumps([group.name, group.length, group.md5])


def _groups(values: list[str]) -> list[ContigGroup]:
    groups = []
    for value in values[:PER_PAGE]:
        try:
            name, length, md5 = json.loads(value)
            bytes.fromhex(md5 or "")
            groups.append(ContigGroup(str(name), None if length is None else int(length), md5, 0))
        except (ValueError, TypeError):
            continue
    return groups
