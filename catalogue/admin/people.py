"""The page of a person: all that they may see, as far as the account that asks may know it."""

from django.contrib.auth.models import User
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse

from catalogue.admin.pages import answer, page
from catalogue.admin.roles import scope, sees
from catalogue.models import Dataset, Grant
from catalogue.queries.person import grants_of, open_datasets


@page("people/", name="person")
def person(request: HttpRequest) -> HttpResponse:
    """Look a person up by the name in full, which tells stewards nothing of who else has an account."""
    if not sees(request, Grant):
        raise PermissionDenied
    name = request.GET.get("name", "").strip().replace("\0", "")
    within = Grant.objects.filter(scope(request, Grant))
    user = User.objects.filter(username=name).first() if name else None
    grants = grants_of(user, within=within) if user is not None else []
    if not grants and not sees(request, User):
        # To a steward, somebody without a grant of theirs is as unknown as a name that nobody has.
        user = None
    datasets = Dataset.objects.filter(scope(request, Dataset))
    return answer(
        request, "person", title=f"What {user.get_username()} may see" if user else "What a person may see",
        name=name, person=user, grants=grants, open=open_datasets(within=datasets) if user else [],
    )  # fmt: skip
