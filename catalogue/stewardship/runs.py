"""Starts, cancels and retries jobs for an account, by the rules of this moment."""

from collections.abc import Callable, Mapping
from typing import Any, Final

from django.contrib.auth.models import User

from catalogue import access, jobs
from catalogue.errors import NotFound
from catalogue.ingest.aliases import COMMAND as ALIASES
from catalogue.ingest.annotation.ingest import COMMAND as ANNOTATION
from catalogue.ingest.fasta.ingest import COMMAND as FASTA
from catalogue.ingest.files.options import COMMANDS
from catalogue.ingest.manifests.ingest import COMMAND as MANIFEST
from catalogue.jobs.changes import EXPORT_MANIFEST, INDEX_FILES, VERIFY_FILES
from catalogue.jobs.maintenance import (
    DIGEST_COLLECTIONS,
    REFRESH_STATES,
    REMOVE_ORPHANS,
    VERIFY_SEQUENCES,
)
from catalogue.models import DataFile, IngestRun
from catalogue.queries.runs import is_preview
from catalogue.stewardship.refusals import NotAllowed, Unusable, WriteConflict
from catalogue.stewardship.registration import check_files, check_manifests
from catalogue.stewardship.sequences import check_sequences, check_tables, readable_collections

#: The jobs that keep the whole site in order.
UPKEEP: Final = (VERIFY_SEQUENCES, DIGEST_COLLECTIONS, REFRESH_STATES, REMOVE_ORPHANS)
#: The jobs that register sequences, their names, and annotation.
SEQUENCE_COMMANDS: Final = (FASTA, ALIASES, ANNOTATION)


def check_run(user: Any, row: IngestRun) -> None:
    """Raise NotAllowed unless the account may start the run's job anew."""
    arguments = {**row.arguments, **(row.attachment or {})}
    if row.command in COMMANDS.values():
        check_files(user, arguments)
    elif row.command == FASTA:
        check_sequences(user, arguments)
    elif row.command in (ALIASES, ANNOTATION):
        check_tables(user, arguments)
    elif row.command == MANIFEST:
        check_manifests(user, arguments)
    elif row.command in (VERIFY_FILES, INDEX_FILES, EXPORT_MANIFEST):
        files = DataFile.objects.filter(pk__in=arguments.get("files", ()))
        if files.exclude(pk__in=access.changeable_files(user).values("pk")).exists():
            raise NotAllowed("You may not do this with every one of these files.")
    elif not may_keep_up(user):
        raise NotAllowed("Only an administrator of the catalogue can start this again.")


def start_manifest(
    name: str, text: str, arguments: Mapping[str, Any], *, account: User, dry_run: bool
) -> IngestRun:
    """Queue the registration of what a manifest names; with `dry_run` the preview of it, by the same job.

    `arguments` are `dataset`, `id_prefix` and `copy`. Raises NotAllowed, Unusable.
    """
    given = {name: value for name, value in arguments.items() if value}
    if odd := sorted(given.keys() - {"dataset", "id_prefix", "copy"}):
        raise Unusable(f"a manifest has no option {odd[0]}")
    attachment = {"manifests": [{"name": name, "text": text, "folder": ""}]}
    check_manifests(account, {**given, **attachment})
    return _start(MANIFEST, given, attachment=attachment, account=account, dry_run=dry_run)


def start_command(command: str, arguments: Mapping[str, Any], *, account: User, dry_run: bool) -> IngestRun:
    """Queue a job that does something with the files of a `dataset`, or with all that the account manages.

    A job of `SEQUENCE_COMMANDS` registers what is in `sources` instead, objects and prefixes of storages. The other
    `arguments` are options of the kind; a job of `UPKEEP` has none. Raises NotAllowed, Unusable.
    """
    if command in SEQUENCE_COMMANDS:
        return _start_registration(command, arguments, account=account, dry_run=dry_run)
    if "sources" in arguments:
        raise Unusable(f"{command} has no sources")
    if command in UPKEEP:
        if arguments or dry_run:
            raise Unusable(f"{command} has no options")
        return start_upkeep(command, account=account)
    given = dict(arguments)
    dataset = given.pop("dataset", None)
    datasets = access.changeable_datasets(account)
    if not (datasets if dataset is None else datasets.filter(slug=dataset)).exists():
        raise NotAllowed("you manage no dataset" if dataset is None else f"you do not manage {dataset!r}")
    if dataset is not None:
        given["filter"] = {"datasets": [dataset]}
    return _start(command, given, account=account, dry_run=dry_run)


def _start_registration(
    command: str, arguments: Mapping[str, Any], *, account: User, dry_run: bool
) -> IngestRun:
    given = {name: value for name, value in arguments.items() if name != "sources"}
    given["files"] = list(arguments.get("sources", ()))
    (check_sequences if command == FASTA else check_tables)(account, given)
    if command == ANNOTATION:
        assembly = given.get("collection", "")
        if not readable_collections(account).filter(name=assembly).exists():
            raise Unusable(f"there is no assembly {assembly!r}: name it as `collection`")
    return _start(command, given, account=account, dry_run=dry_run)


def may_keep_up(user: Any) -> bool:
    """Return whether the account may start jobs that concern the whole site."""
    return bool(user.is_active and user.has_perm("catalogue.change_ingestrun"))


def start_upkeep(command: str, *, account: Any) -> IngestRun:
    """Queue a job that keeps the whole site in order. Raises NotAllowed, Unusable."""
    if not may_keep_up(account):
        raise NotAllowed("Only an administrator of the catalogue can start this.")
    if command not in UPKEEP:
        raise Unusable(f"{command!r} is no job of this kind")
    return _start(command, {}, account=account, dry_run=False)


def start_previewed(number: int, *, account: User) -> IngestRun:
    """Start for good what a run previewed. Raises NotFound, NotAllowed, WriteConflict."""
    row = _controllable(number, account)
    if not is_preview(row) or not row.is_over:
        raise WriteConflict("only a preview that is over can be started")
    check_run(account, row)
    return _start(row.command, row.arguments, attachment=row.attachment, account=account, dry_run=False)


def cancel_run(number: int, *, account: User) -> IngestRun:
    """End a job. Raises NotFound, WriteConflict."""
    row = _controllable(number, account)
    return _told(lambda: jobs.cancel(row))


def retry_run(number: int, *, account: User) -> IngestRun:
    """Queue a job for what a job did not do. Raises NotFound, NotAllowed, WriteConflict."""
    row = _controllable(number, account)
    check_run(account, row)
    return _told(lambda: jobs.retry(row, account=account.pk, actor=account.get_username()))


def _controllable(number: int, account: User) -> IngestRun:
    row = access.controllable_runs(account).filter(pk=number).first()
    if row is None:
        raise NotFound(f"no job of yours has the number {number}")
    return row


def _start(
    command: str,
    arguments: Mapping[str, Any],
    *,
    account: Any,
    dry_run: bool,
    attachment: Mapping[str, Any] | None = None,
) -> IngestRun:
    return _told(
        lambda: jobs.start(
            command, arguments, attachment=attachment, account=account.pk, actor=account.get_username(),
            dry_run=dry_run,
        )
    )  # fmt: skip


def _told(work: Callable[[], IngestRun]) -> IngestRun:
    try:
        return work()
    except jobs.NotPossible as error:
        raise WriteConflict(str(error)) from None
    except (jobs.JobRefused, jobs.UnknownKind) as error:
        raise Unusable(str(error)) from None
