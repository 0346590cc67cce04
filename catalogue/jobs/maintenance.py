"""The jobs that keep a site in order: they verify, refresh, digest, and remove what nobody needs."""

from collections.abc import Mapping, Sequence
from datetime import timedelta
from typing import Any, Final

from django.db.models import Max, Min
from django.utils import timezone

from catalogue import audit, rate_limits
from catalogue.ingest.collection_digests import collections_without_digests, digest_collection
from catalogue.ingest.files.states import refresh_states
from catalogue.ingest.orphans import OWN_STORAGES, remove_orphans
from catalogue.ingest.outcomes import InputResult, Outcome
from catalogue.ingest.verify import verify_sequences
from catalogue.jobs.kinds import Input, Job, JobRefused, Kind, Plan
from catalogue.models import DataFile, IngestedFile, ResidueBlob

VERIFY_SEQUENCES: Final = "verify_sequences"
REFRESH_STATES: Final = "refresh_states"
DIGEST_COLLECTIONS: Final = "digest_collections"
REMOVE_ORPHANS: Final = "remove_orphans"
PRUNE_AUDIT: Final = "prune_audit"
#: Hours since an orphan was written, unless `older_than` of the arguments says otherwise.
ORPHAN_HOURS: Final = 24.0

# Blobs and files of one input: a range of primary keys, so that the inputs of many are few.
_BLOBS: Final = 200
_FILES: Final = 500
# Upper bound of the differences that a message names.
_MAX_NAMED: Final = 10


def maintenance_kinds() -> list[Kind]:
    """Return the kinds of jobs that keep a site in order."""
    return [
        Kind(
            name=VERIFY_SEQUENCES,
            title="Verify stored sequences",
            unit="groups",
            check=_no_arguments,
            plan=lambda job: _plan_ranges(ResidueBlob, _BLOBS, "blobs"),
            work=_verify_sequences,
        ),
        Kind(
            name=REFRESH_STATES,
            title="Refresh the states of files",
            unit="groups",
            check=_no_arguments,
            plan=lambda job: _plan_ranges(DataFile, _FILES, "files"),
            work=_refresh_states,
        ),
        Kind(
            name=DIGEST_COLLECTIONS,
            title="Digest collections",
            unit="collections",
            check=_no_arguments,
            plan=_plan_collections,
            work=_digest_collections,
        ),
        Kind(
            name=REMOVE_ORPHANS,
            title="Remove orphaned objects",
            unit="storages",
            check=_check_orphans,
            plan=_plan_orphans,
            work=_remove_orphans,
        ),
        Kind(
            name=PRUNE_AUDIT,
            title="Prune the audit",
            unit="tables",
            check=_check_audit,
            plan=lambda job: Plan([Input("audit")]),
            work=_prune_audit,
        ),
    ]


def _no_arguments(arguments: Mapping[str, Any], dry_run: bool) -> None:
    if dry_run:
        raise JobRefused("this job has no dry run")


def _plan_ranges(model: type[ResidueBlob] | type[DataFile], size: int, name: str) -> Plan:
    """Return ranges of primary keys as inputs. Rows that come later are not of the job."""
    ends = model._default_manager.aggregate(first=Min("pk"), last=Max("pk"))
    if ends["first"] is None:
        return Plan()
    begins = range(ends["first"], ends["last"] + 1, size)
    return Plan(
        [
            Input(f"{name} {begin} to {begin + size - 1}", {"first": begin, "last": begin + size - 1})
            for begin in begins
        ]
    )


def _verify_sequences(job: Job, inputs: Sequence[IngestedFile]) -> None:
    for one, work in _with_work(inputs):
        blobs = ResidueBlob.objects.filter(pk__range=(work["first"], work["last"]))
        found = verify_sequences(blobs=blobs.values_list("pk", flat=True))
        named = [f"{each.name}: {each.problem}" for each in found.differences[:_MAX_NAMED]]
        counts = {
            "sequences": found.sequences,
            "residues": found.residues,
            "differences": len(found.differences),
        }
        outcome = Outcome.FAILED if named else Outcome.UNCHANGED
        _done(job, InputResult(one.source, outcome, "; ".join(named), counts))


def _refresh_states(job: Job, inputs: Sequence[IngestedFile]) -> None:
    for one, work in _with_work(inputs):
        files = DataFile.objects.filter(pk__range=(work["first"], work["last"])).defer("header", "samples")
        results = refresh_states(list(files.order_by("pk")))
        told = [f"{each.source}: {each.message}" for each in results if each.message]
        counts: dict[str, int] = {"files": len(results)}
        for name, number in (count for each in results for count in each.counts.items()):
            counts[name] = counts.get(name, 0) + number
        outcome = Outcome.UNCHANGED
        if any(each.outcome is Outcome.CHANGED for each in results):
            outcome = Outcome.CHANGED
        if any(each.failed for each in results):
            outcome = Outcome.FAILED
        _done(job, InputResult(one.source, outcome, "; ".join(told), counts))


def _plan_collections(job: Job) -> Plan:
    return Plan([Input(f"{name} ({pk})", {"pk": pk}) for pk, name in collections_without_digests()])


def _digest_collections(job: Job, inputs: Sequence[IngestedFile]) -> None:
    for one, work in _with_work(inputs):
        if digest_collection(work["pk"]):
            _done(job, InputResult(one.source, Outcome.CHANGED))
        else:
            said = "no digest: some of its sequences are known by their md5 only; register them first"
            _done(job, InputResult(one.source, Outcome.UNCHANGED, said))


def _check_orphans(arguments: Mapping[str, Any], dry_run: bool) -> None:
    hours = arguments.get("older_than", ORPHAN_HOURS)
    if not isinstance(hours, int | float) or not 0 <= hours < 1e6:
        raise JobRefused("older_than: expected a number of hours, 0 or more")


def _plan_orphans(job: Job) -> Plan:
    names = dict.fromkeys((*OWN_STORAGES, *job.arguments.get("storages", ())))
    return Plan([Input(f"storage {name}", {"storage": name}) for name in names])


def _remove_orphans(job: Job, inputs: Sequence[IngestedFile]) -> None:
    seconds = job.arguments.get("older_than", ORPHAN_HOURS) * 3600
    for one, work in _with_work(inputs):
        found = remove_orphans(storages=[work["storage"]], older_than=seconds, dry_run=job.dry_run)
        counts = {
            "objects": len(found.objects),
            "bytes": found.bytes,
            "uploads": found.uploads,
            "folders": found.folders,
        }
        named = ", ".join(str(ref) for ref in found.objects[:_MAX_NAMED])
        _done(job, InputResult(one.source, _changed(any(counts.values())), named, counts))


def _check_audit(arguments: Mapping[str, Any], dry_run: bool) -> None:
    _no_arguments(arguments, dry_run)
    days = arguments.get("days")
    if not isinstance(days, int) or not 1 <= days <= 100_000:
        raise JobRefused("days: expected a number of days, at least 1")


def _prune_audit(job: Job, inputs: Sequence[IngestedFile]) -> None:
    for one in inputs:
        before = timezone.now() - timedelta(days=job.arguments["days"])
        removed = audit.prune(before=before)
        rate_limits.forget_past()
        said = f"events from before {before:%Y-%m-%d %H:%M} UTC"
        _done(job, InputResult(one.source, _changed(removed > 0), said, {"events": removed}))


def _changed(anything: bool) -> Outcome:
    return Outcome.CHANGED if anything else Outcome.UNCHANGED


def _with_work(inputs: Sequence[IngestedFile]) -> list[tuple[IngestedFile, Mapping[str, Any]]]:
    return [(one, one.work or {}) for one in inputs]


def _done(job: Job, result: InputResult) -> None:
    job.run.record(result)
    job.observer.finished(result)
