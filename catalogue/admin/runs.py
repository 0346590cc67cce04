"""Admin pages of jobs and ingest runs: the list, and the live page of one with cancel, retry and start."""

from typing import Any

from django.contrib import admin, messages
from django.db.models import Count, Q, QuerySet
from django.http import Http404, HttpRequest, HttpResponse, JsonResponse
from django.shortcuts import get_object_or_404, redirect
from django.utils.translation import gettext_lazy as _
from django.views.decorators.http import require_POST
from procrastinate.contrib.django.models import ProcrastinateJob

from catalogue import access, jobs
from catalogue.admin.base import Shown
from catalogue.admin.pages import answer, page, whole_number
from catalogue.admin.roles import ByRole
from catalogue.errors import CatalogueError
from catalogue.formats.manifests import ManifestForm
from catalogue.jobs.changes import EXPORT_MANIFEST, EXPORTED
from catalogue.models import IngestRun
from catalogue.queries import runs
from catalogue.stewardship import check_run

# The queue only wakes workers; the runs tell what there is to know.
if admin.site.is_registered(ProcrastinateJob):
    admin.site.unregister(ProcrastinateJob)

#: Inputs that one page of a run lists.
PER_PAGE = 100


@admin.register(IngestRun)
class IngestRunAdmin(Shown, ByRole[IngestRun]):
    """Who ran which job or command, when, and with which outcome. Stewards see the runs into what they manage."""

    list_display = ("title", "into", "actor", "started", "outcome", "took", "file_count")
    list_display_links = ("title",)
    list_filter = ("outcome", "command", "dry_run", "started")
    search_fields = ("actor", "command", "=id")
    search_help_text = _("who started it, its command, or its number")

    def managed(self, request: HttpRequest, *, owned: bool = False) -> Q:
        """Return the filter for the runs of the account, and those into what it manages."""
        return access.runs_of(request.user.pk or 0, owned=owned)

    def has_view_permission(self, request: HttpRequest, obj: IngestRun | None = None) -> bool:
        """Return whether the account sees a run, or any: also those that it started itself."""
        if super().has_view_permission(request, obj):
            return True
        rows = access.visible_runs(_account(request))
        return rows.exists() if obj is None else rows.filter(pk=obj.pk).exists()

    def has_delete_permission(self, request: HttpRequest, obj: IngestRun | None = None) -> bool:
        return False

    def get_queryset(self, request: HttpRequest) -> QuerySet[IngestRun]:
        return super().get_queryset(request).annotate(files_read=Count("files"))

    def change_view(self, request: HttpRequest, object_id: str, *args: Any, **options: Any) -> HttpResponse:
        """Open the live page."""
        return redirect("admin:run", whole_number(object_id))

    @admin.display(ordering="command", description=_("job"))
    def title(self, row: IngestRun) -> str:
        return runs.title_of(row)

    @admin.display(description=_("into"))
    def into(self, row: IngestRun) -> str:
        return runs.target_of(row)

    @admin.display(description=_("took"))
    def took(self, row: IngestRun) -> str:
        return "" if row.finished is None else str(row.finished - row.started).split(".")[0]

    @admin.display(ordering="files_read", description=_("inputs"))
    def file_count(self, row: Any) -> int:
        count: int = row.files_read
        return count


def _account(request: HttpRequest) -> Any:
    return request.user


def _run(request: HttpRequest, pk: int) -> IngestRun:
    """Return a run that the account may see. Raises Http404."""
    return get_object_or_404(access.visible_runs(_account(request)).select_related("progress"), pk=pk)


@page("runs/<int:pk>/", name="run")
def run_page(request: HttpRequest, pk: int) -> HttpResponse:
    """Show a run as it goes on: a script asks for `state` until it is over."""
    row = _run(request, pk)
    wanted = request.GET.get("outcome", "")
    shown, inputs = runs.inputs_of(
        row, outcome=wanted, page=whole_number(request.GET.get("p")), per_page=PER_PAGE
    )
    controllable = access.controllable_runs(_account(request)).filter(pk=pk).exists()
    return answer(
        request, "run", title=runs.title_of(row), row=row, state=runs.state_of(row), shown=shown, inputs=inputs,
        wanted=wanted, into=runs.target_of(row), faults=row.summary.get("faults", ()), asked=runs.questions_of(row),
        may_start=controllable and runs.is_preview(row),
        may_cancel=controllable and jobs.can_cancel(row),
        may_retry=controllable and jobs.can_retry(row), has_manifest=_may_download(request, row),
    )  # fmt: skip


def _may_download(request: HttpRequest, row: IngestRun) -> bool:
    """Return whether a run made a manifest of files that the account still manages, every one."""
    if row.command != EXPORT_MANIFEST or row.outcome != IngestRun.Outcome.SUCCEEDED:
        return False
    exported = row.arguments.get("datasets")
    managed = access.changeable_datasets(_account(request)).values_list("slug", flat=True)
    # Without a list of what was exported nobody can be known to manage it.
    return exported is not None and set(exported) <= set(managed)


@page("runs/<int:pk>/manifest", name="run-manifest")
def run_manifest(request: HttpRequest, pk: int) -> HttpResponse:
    """Return the manifest that a run made."""
    row = _run(request, pk)
    if not _may_download(request, row):
        raise Http404
    form = row.arguments.get("format", ManifestForm.CSV.value)
    headers = {"Content-Disposition": f'attachment; filename="manifest.{form}"', "Cache-Control": "no-store"}
    text = (row.attachment or {}).get(EXPORTED, "")
    return HttpResponse(text, content_type="text/plain; charset=utf-8", headers=headers)


@page("runs/<int:pk>/state", name="run-state")
def run_state(request: HttpRequest, pk: int) -> HttpResponse:
    """Return the progress of a run, and its inputs after the one with the number `after`, as JSON."""
    row = _run(request, pk)
    after = whole_number(request.GET.get("after"), default=0)
    return JsonResponse(
        {
            **runs.state_of(row).as_json(),
            "inputs": [one.as_json() for one in runs.news_of(row, after=after - 1, limit=PER_PAGE)],
            "cancellable": jobs.can_cancel(row),
        },
        headers={"Cache-Control": "no-store"},
    )


@page("runs/<int:pk>/<slug:what>", name="run-do")
@require_POST
def run_do(request: HttpRequest, pk: int, what: str) -> HttpResponse:
    """Cancel a run, retry it, or start what it previewed."""
    row = get_object_or_404(access.controllable_runs(_account(request)), pk=pk)
    account, actor = request.user.pk, request.user.get_username()
    try:
        match what:
            case "cancel":
                jobs.cancel(row)
                messages.info(request, "It stops after the files that workers are at.")
            case "retry":
                check_run(request.user, row)
                row = jobs.retry(row, account=account, actor=actor)
            case "start" if runs.is_preview(row):
                check_run(request.user, row)
                row = jobs.start(
                    row.command, row.arguments, attachment=row.attachment, account=account, actor=actor
                )
            case _:
                raise Http404
    except CatalogueError as error:
        messages.error(request, str(error))
    return redirect("admin:run", row.pk)
