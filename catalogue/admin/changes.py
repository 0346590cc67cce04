"""Pages that say exactly what a change of many rows will do, and do it once that is confirmed.

An action of a list opens the page: it shows the plan of the change, with a form where the change needs to be told
something. What is confirmed is the plan that was shown: where it has changed since, the page shows the new one.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Final

from django.contrib import messages
from django.contrib.admin.helpers import ACTION_CHECKBOX_NAME
from django.contrib.admin.models import CHANGE, LogEntry
from django.db.models import Model, QuerySet
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect

from catalogue import jobs
from catalogue.admin.pages import PlainForm, answer
from catalogue.errors import CatalogueError
from catalogue.ingest.files.changes import Change
from catalogue.ingest.outcomes import IngestResult
from catalogue.stewardship.history import in_words

#: Upper bound of the rows that one confirmation changes: each is a transaction of its own, while the browser waits.
MAX_ROWS: Final = 2000
# Failures that are told one by one.
_MAX_TOLD: Final = 5


@dataclass(frozen=True, slots=True)
class ChangeAction:
    """A change of the rows that are ticked in a list.

    `make` returns the change of the rows, from the cleaned data of the form; `form` None needs nothing more. `done`
    finishes the sentence of the message, such as "files moved". The history of a row shows what became of `fields`.
    With `owned`, only owners of a dataset may do it. With `job`, a job of this kind does it, of files, with the data of
    the form as arguments.
    """

    name: str
    label: str
    done: str
    make: Callable[[HttpRequest, QuerySet[Any], Mapping[str, Any]], Change]
    form: Callable[[HttpRequest, QuerySet[Any], Any], PlainForm] | None = None
    danger: bool = False
    owned: bool = False
    fields: tuple[str, ...] = ()
    job: str = ""

    def run(self, admin: Any, request: HttpRequest, rows: QuerySet[Any]) -> HttpResponse:
        """Open the page of the action; called by Django's admin."""
        changeable = admin.changeable(request, rows, owned=self.owned)
        return confirm(self, request, changeable, title=str(admin.opts.verbose_name_plural))


def with_changes(actions: dict[str, Any], changes: tuple[ChangeAction, ...], allowed: bool) -> dict[str, Any]:
    """Return the actions of a list with those that change rows, if the account may change any."""
    added = {one.name: (one.run, one.name, one.label) for one in changes} if allowed else {}
    return {**added, **actions}


def confirm(action: ChangeAction, request: HttpRequest, rows: QuerySet[Any], *, title: str) -> HttpResponse:
    """Show what an action will do with the rows; do it if the request confirms that."""
    if rows.count() > MAX_ROWS:
        messages.error(
            request, f"Choose at most {MAX_ROWS:,} {title} at a time; a filter of the list finds fewer."
        )
        return redirect(request.get_full_path())
    data = request.POST if "step" in request.POST else None
    form = action.form(request, rows, data) if action.form else None
    context: dict[str, Any] = {"form": form, "plan": None}
    if form is None or form.is_valid():
        change = action.make(request, rows, form.cleaned_data if form else {})
        if request.POST.get("step") == "confirm" and action.job:
            return _start(action, request, rows, form.cleaned_data if form else {})
        if request.POST.get("step") == "confirm":
            before = _states(action, rows)
            result = apply_confirmed(request, change)
            if result is not None:
                _log(action, request, rows.model, before)
                tell_result(request, action.done, result)
                return redirect(request.get_full_path())
        context["plan"] = change.plan()
    across = request.POST.get("select_across") == "1"
    chosen = request.POST.getlist(ACTION_CHECKBOX_NAME)[: 1 if across else None]
    hidden = [("action", action.name), ("index", "0"), ("select_across", "1" if across else "0")]
    return answer(
        request, "confirm", title=context["plan"].title if context["plan"] else action.label,
        hidden=[*hidden, *((ACTION_CHECKBOX_NAME, pk) for pk in chosen)], back=request.get_full_path(),
        button=action.label, danger=action.danger, **context,
    )  # fmt: skip


def _start(
    action: ChangeAction, request: HttpRequest, rows: QuerySet[Any], given: Mapping[str, Any]
) -> HttpResponse:
    """Start the job of an action, and open its page."""
    run = jobs.start(
        action.job,
        {name: value for name, value in given.items() if value},
        attachment={"files": sorted(rows.order_by().values_list("pk", flat=True))},
        account=request.user.pk,
        actor=request.user.get_username(),
    )
    return redirect("admin:run", run.pk)


def apply_confirmed(request: HttpRequest, change: Change) -> IngestResult | None:
    """Do a change as it was shown; None if that is refused, which the page says."""
    try:
        return change.apply(token=request.POST.get("token", ""))
    except CatalogueError as error:
        messages.error(request, str(error))
        return None


def _states(action: ChangeAction, rows: QuerySet[Any]) -> dict[int, dict[str, Any]]:
    return {row["pk"]: row for row in rows.values("pk", *action.fields)} if action.fields else {}


def _log(
    action: ChangeAction, request: HttpRequest, model: type[Model], before: dict[int, dict[str, Any]]
) -> None:
    """Write into the history of each row what it was and is."""
    rows = model._default_manager.filter(pk__in=before)
    after = _states(action, rows)
    for row in rows:
        if changed := in_words(before[row.pk], after[row.pk]):
            message = f"{action.label}: {changed}"
            LogEntry.objects.log_actions(
                request.user.pk or 0, [row], CHANGE, change_message=message, single_object=True
            )


def tell_result(request: HttpRequest, done_in_words: str, result: IngestResult) -> None:
    """Say what became of a change."""
    failed = [one for one in result.inputs if one.failed]
    done = len(result.inputs) - len(failed)
    if done or not failed:
        messages.success(request, f"{done:,} {done_in_words}.")
    for one in failed[:_MAX_TOLD]:
        messages.error(request, f"{one.source}: {one.message}")
    if len(failed) > _MAX_TOLD:
        messages.error(request, f"{len(failed) - _MAX_TOLD:,} more failed.")
