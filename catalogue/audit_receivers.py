"""Records every change of access in the audit, whether made in the admin, on a page, or by a command.

Receivers of Django's signals, which know the actor. Triggers record changes that bypass the models
(`QuerySet.update()`, SQL) as made by the database user.
"""

from typing import Any

from django.contrib.auth.models import Group, User
from django.contrib.auth.signals import user_logged_in, user_logged_out, user_login_failed
from django.db.models import Model
from django.db.models.signals import m2m_changed, post_save, pre_delete
from django.dispatch import receiver

from catalogue.audit import Event, Kind, Outcome, record
from catalogue.models import (
    ApiToken,
    Dataset,
    Grant,
    GrantFile,
    GrantRegion,
    Identity,
    SequenceCollection,
    StoragePrefix,
)
from catalogue.request_context import Actor, current_context

_KINDS: dict[type[Model], Kind] = {
    Grant: Kind.GRANT,
    GrantFile: Kind.GRANT,
    GrantRegion: Kind.GRANT,
    ApiToken: Kind.TOKEN,
    Identity: Kind.TOKEN,
    Dataset: Kind.ADMIN,
    StoragePrefix: Kind.ADMIN,
    SequenceCollection: Kind.ADMIN,
    User: Kind.ADMIN,
    Group: Kind.ADMIN,
}
_FIELDS: dict[type[Model], tuple[str, ...]] = {
    Grant: (
        "role", "grantee", "expires", "kinds", "header_only", "limited_to_files", "limited_to_regions",
        "visa_source", "visa_issuer", "note", "revision",
    ),
    GrantFile: ("grant_id", "file"),
    GrantRegion: ("grant_id", "contig", "start", "end"),
    ApiToken: ("prefix", "name", "user", "scopes", "expires", "revoked"),
    Identity: ("issuer", "subject", "user"),
    Dataset: ("slug", "visibility"),
    StoragePrefix: ("dataset", "storage", "prefix"),
    SequenceCollection: ("name", "visibility"),
    User: ("username", "is_active", "is_staff", "is_superuser"),
    Group: ("name",),
}  # fmt: skip


@receiver(post_save)
def saved(sender: type[Model], instance: Any, created: bool, raw: bool = False, **more: Any) -> None:
    """Record that a row was added or changed."""
    if sender not in _KINDS or raw:
        return
    # Signing in updates `last_login`; it is recorded as an event of its own.
    if sender is User and set(more.get("update_fields") or ()) == {"last_login"}:
        return
    _record(sender, instance, "added" if created else "changed")


@receiver(pre_delete)
def deleted(sender: type[Model], instance: Any, **_: Any) -> None:
    """Record a deletion before it happens, because the dataset or grantee may be deleted with the row."""
    if sender in _KINDS:
        _record(sender, instance, "removed")


@receiver(m2m_changed, sender=User.groups.through)
@receiver(m2m_changed, sender=User.user_permissions.through)
@receiver(m2m_changed, sender=Group.permissions.through)
def membership_changed(
    sender: type[Model], instance: Any, action: str, model: type[Model], pk_set: set[int] | None, **_: Any
) -> None:
    """Record changes of a user's groups, and of the permissions of a user or group."""
    if not action.startswith("post_"):
        return
    change = {
        "change": action.removeprefix("post_"),
        "of": model.__name__.lower(),
        "numbers": sorted(pk_set or ()),
    }
    record(Event(Kind.ADMIN, target=_name(instance), detail=change))


@receiver(user_logged_in)
def signed_in(sender: Any, user: User, **_: Any) -> None:
    """Record a sign-in."""
    actor = Actor(user.get_username(), user.pk)
    current_context().session = lambda: actor
    record(Event(Kind.AUTHENTICATION, target="session opened"))


@receiver(user_logged_out)
def signed_out(sender: Any, user: User | None, **_: Any) -> None:
    """Record a sign-out; the session is already empty, so the account comes from the signal."""
    if user is not None:
        actor = Actor(user.get_username(), user.pk)
        current_context().session = lambda: actor
        record(Event(Kind.AUTHENTICATION, target="session closed"))


@receiver(user_login_failed)
def sign_in_failed(sender: Any, credentials: dict[str, Any], **_: Any) -> None:
    """Record a failed sign-in without the name, because people type passwords into the wrong field."""
    record(Event(Kind.AUTHENTICATION, Outcome.UNAUTHENTICATED, target="session refused"))


def _record(sender: type[Model], instance: Any, change: str) -> None:
    state = {name: _plain(getattr(instance, name)) for name in _FIELDS[sender]}
    if isinstance(instance, Grant) and instance.collection_id is not None:
        # A dataset and a collection may have the same name.
        state["collection"] = instance.collection_id
    record(
        Event(
            _KINDS[sender],
            dataset=_dataset(instance),
            target=_name(instance),
            detail={"change": change, **state},
        )
    )


def _dataset(instance: Any) -> str:
    if isinstance(instance, GrantFile | GrantRegion):
        return _dataset(Grant.objects.filter(pk=instance.grant_id).select_related("dataset").first())
    if isinstance(instance, Grant):
        return str(instance.dataset or instance.collection)
    if isinstance(instance, StoragePrefix):
        return str(instance.dataset)
    return str(instance) if isinstance(instance, Dataset | SequenceCollection) else ""


def _name(instance: Any) -> str:
    return f"{instance._meta.model_name} {instance.pk}: {instance}"


def _plain(value: Any) -> Any:
    return value if value is None or isinstance(value, bool | int | list) else str(value)
