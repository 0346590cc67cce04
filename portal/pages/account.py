"""The page of an account: its API tokens, what it may see, and commands with its token."""

from datetime import timedelta
from typing import Any

from django import forms
from django.contrib.auth.decorators import login_required
from django.http import Http404, HttpRequest, HttpResponse, JsonResponse
from django.shortcuts import redirect
from django.utils import timezone
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods, require_POST

from catalogue import api_tokens, page_tokens
from catalogue.errors import NotFound
from catalogue.queries import account_access
from catalogue.queries.file_details import files_of_id
from ga4gh.views import site_url
from portal.commands import TOKEN_FILE, Command, Target, file_commands
from portal.pages.page import POLICY, shown
from portal.viewers import session_viewer

#: Datasets and collections that the page names, and files that it has commands for.
MAX_LISTED, MAX_COMMANDS = 100, 2


class TokenForm(forms.Form):
    """The name, scopes and expiry of a new token."""

    name = forms.CharField(max_length=100, label="Name")
    scopes = forms.MultipleChoiceField(
        choices=api_tokens.SCOPES,
        initial=api_tokens.USUAL_SCOPES,
        widget=forms.CheckboxSelectMultiple,
        label="Scopes",
    )
    days = forms.IntegerField(
        min_value=1, max_value=36500, required=False, label="Days until it expires", help_text="empty: never"
    )

    def clean(self) -> dict[str, Any]:
        """Add `expires`; API_TOKEN_MAX_DAYS may limit it."""
        cleaned: dict[str, Any] = super().clean() or {}
        days = cleaned.get("days")
        ends = None if days is None else timezone.now() + timedelta(days=days)
        cleaned["expires"] = api_tokens.checked_expiry(ends)
        return cleaned


@login_required
@never_cache
@require_http_methods(["GET", "HEAD", "POST"])
def account(request: HttpRequest) -> HttpResponse:
    """List the tokens of the signed-in account and what it may see; a POST makes a token, shown this once."""
    form, made = TokenForm(), None
    if request.method == "POST":
        form = TokenForm(request.POST)
        if form.is_valid():
            given = form.cleaned_data
            _, made = api_tokens.issue(
                user=request.user, name=given["name"], scopes=given["scopes"], expires=given["expires"]
            )
            form = TokenForm()
    viewer = session_viewer(request)
    readable = account_access.more_than_public(viewer=viewer, count=MAX_LISTED)
    context = {
        "form": form,
        "made": made,
        "tokens": api_tokens.tokens_of(request.user.pk),
        "readable": readable,
        "commands": [_command(site_url(request), file) for file in readable.files[:MAX_COMMANDS]],
        "token_file": TOKEN_FILE,
    }
    response = shown(request, "account.html", context, status=400 if form.errors else 200)
    response.headers["Content-Security-Policy"] = POLICY
    return response


def _command(base: str, file: account_access.ListedFile) -> Command:
    target = Target(base=base, kind=file.kind, htsget_id=file.htsget_id, format=file.format, needs_token=True)
    return file_commands(target)[0]


@login_required
@require_POST
def revoke(request: HttpRequest, pk: int) -> HttpResponse:
    """Revoke a token of the signed-in account."""
    if not api_tokens.revoke(pk, user=request.user.pk):
        raise Http404
    return redirect("account")


@never_cache
@require_POST
def page_token(request: HttpRequest) -> HttpResponse:
    """Give the page of a file a token for that file, for a few minutes: the protocols know no sessions."""
    viewer = session_viewer(request)
    kind, htsget_id = request.POST.get("kind", ""), request.POST.get("id", "")
    if viewer.user is None:
        return JsonResponse({"message": "sign in first"}, status=401)
    try:
        found = files_of_id(viewer=viewer, kind=kind, htsget_id=htsget_id)
    except NotFound as error:
        return JsonResponse({"message": str(error)}, status=404)
    stored = next((each for each in found if each.format == request.POST.get("format")), found[0])
    text, expires = page_tokens.issue(user=viewer.user, file=stored.pk, kind=kind)
    return JsonResponse({"token": text, "expires": expires})
