"""The navigation of the desk: by task, and only what the account may do."""

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Any, Final

from django.contrib.auth.models import Group, User
from django.db.models import Model
from django.http import HttpRequest
from django.urls import reverse

from catalogue.admin.browse import may_register
from catalogue.admin.references import may_repair
from catalogue.admin.roles import sees
from catalogue.admin.sequence_registration import may_register_sequences
from catalogue.admin.table_registration import may_register_tables
from catalogue.admin.upkeep import may_keep_up
from catalogue.models import (
    ApiToken,
    AuditEvent,
    DataFile,
    Dataset,
    Genome,
    Grant,
    Identity,
    IngestRun,
    NamingAuthority,
    Sequence,
    SequenceCollection,
)


@dataclass(frozen=True, slots=True)
class Entry:
    """One task: its title and icon, the name of its URL, and who may do it."""

    title: str
    icon: str
    url: str
    allowed: Callable[[HttpRequest], bool]


def _table(title: str, icon: str, model: type[Model]) -> Entry:
    meta = model._meta
    return Entry(
        title, icon, f"admin:{meta.app_label}_{meta.model_name}_changelist", partial(sees, model=model)
    )


def _anybody(_: HttpRequest) -> bool:
    return True


_GROUPS: Final = (
    (
        "Work",
        (
            Entry("What needs attention", "dashboard", "admin:index", _anybody),
            Entry("Register files", "create_new_folder", "admin:register", may_register),
            Entry("Register by manifest", "table_rows", "admin:register-manifest", may_register),
            Entry("Register sequences", "upload_file", "admin:register-sequences", may_register_sequences),
            Entry("Register names, annotation", "label", "admin:register-tables", may_register_tables),
            _table("Jobs and runs", "sync", IngestRun),
        ),
    ),
    ("Data", (_table("Find files", "search", DataFile), _table("Datasets", "folder", Dataset))),
    (
        "References",
        (
            Entry("Repair references", "link", "admin:references", may_repair),
            _table("Sequences", "genetics", Sequence),
            _table("Collections", "stacks", SequenceCollection),
            _table("Genomes", "account_tree", Genome),
            _table("Naming authorities", "label", NamingAuthority),
        ),
    ),
    (
        "People",
        (
            _table("Who may see what", "key", Grant),
            Entry("What a person may see", "person_search", "admin:person", partial(sees, model=Grant)),
            _table("Accounts", "person", User),
            _table("Groups", "group", Group),
            _table("API tokens", "password", ApiToken),
            _table("Identities", "badge", Identity),
        ),
    ),
    (
        "Oversight",
        (
            _table("Audit", "policy", AuditEvent),
            Entry("Upkeep", "sync", "admin:upkeep", may_keep_up),
        ),
    ),
)


def navigation(request: HttpRequest) -> list[dict[str, Any]]:
    """Return the groups of tasks that the account may do, with the current one marked."""
    groups = [
        (title, [(entry, reverse(entry.url)) for entry in entries if entry.allowed(request)])
        for title, entries in _GROUPS
    ]
    current = _current(request.path, [link for _, entries in groups for _, link in entries])
    return [
        {
            "title": title,
            "items": [
                {"title": entry.title, "icon": entry.icon, "link": link, "active": link == current}
                for entry, link in entries
            ],
        }
        for title, entries in groups
    ]


def _current(path: str, links: list[str]) -> str:
    """Return the link that the path lies below; of several the one that says more."""
    index = reverse("admin:index")
    above = [link for link in links if path.startswith(link) and (link != index or path == index)]
    return max(above, key=len, default="")
