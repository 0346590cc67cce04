"""What stewards change about registered files: a change first says in words what it will do, then does exactly that.

A change works on the files of the queryset that the caller may change, and never leaves it: every file is looked up in
that queryset again, under a lock, in the transaction of its change.
"""

import abc
import hashlib
import json
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from typing import Any, Final

from django.db import DatabaseError, transaction
from django.db.models import QuerySet

from catalogue.audit import Event, Kind, record
from catalogue.errors import CatalogueError
from catalogue.formats.headers import FileFormat
from catalogue.formats.registry import formats_of
from catalogue.ingest.outcomes import IngestResult, InputResult, Observer, Outcome
from catalogue.ingest.transactions import advisory_lock, retry_on_deadlock
from catalogue.models import DataFile, Dataset, FormerId
from catalogue.models.violations import explain
from catalogue.storage.object_ref import ObjectRef


class ChangeRefusedError(CatalogueError):
    """The change cannot be made; the message says why, and what to do."""


@dataclass(frozen=True, slots=True)
class Plan:
    """What a change will do, in sentences for people.

    `warnings` are effects that cannot be taken back, or that open or end access. With `refusals` nothing will be done.
    `count` is the number of files (or contigs, for a repair of references) that will change.
    """

    title: str
    count: int
    effects: tuple[str, ...] = ()
    warnings: tuple[str, ...] = ()
    refusals: tuple[str, ...] = ()

    @property
    def token(self) -> str:
        """Text that differs when the plan does, to find out whether it is still the one that a person agreed to."""
        return hashlib.sha256(json.dumps(asdict(self)).encode()).hexdigest()[:32]


class _Silent:
    """Observes nothing."""

    def progressed(self, label: str, done: int, total: int | None) -> None: ...

    def noted(self, source: str, message: str) -> None: ...

    def finished(self, result: InputResult) -> None: ...


SILENT: Final[Observer] = _Silent()


class Change(abc.ABC):
    """A change: `plan` reads what it would do, `apply` does it."""

    @abc.abstractmethod
    def plan(self) -> Plan:
        """Return what `apply` would do now. Writes nothing."""

    @abc.abstractmethod
    def _apply(self, observer: Observer) -> IngestResult:
        """Do it; `apply` has looked at the plan."""

    def apply(self, *, observer: Observer = SILENT, token: str | None = None) -> IngestResult:
        """Do what `plan` says, file by file; a file that fails does not stop the others.

        Raises ChangeRefusedError for a plan with refusals and, if `token` is given, for a plan that is no longer the
        one of that token. Call it outside transactions: each file is committed by itself.
        """
        plan = self.plan()
        if plan.refusals:
            raise ChangeRefusedError(" ".join(plan.refusals))
        if token is not None and token != plan.token:
            raise ChangeRefusedError("What this would do has changed since it was shown; look at it again.")
        return self._apply(observer)


def change_each(
    files: QuerySet[DataFile], work: Callable[[DataFile], InputResult], *, label: str, observer: Observer
) -> IngestResult:
    """Call `work` with each file, locked, in a transaction of its own; return the results.

    `work` may raise CatalogueError or DatabaseError, which leaves the file as it is.
    """
    pks = list(files.order_by("htsget_id", "kind", "format").values_list("pk", flat=True))
    result = IngestResult(total=len(pks))
    for done, pk in enumerate(pks, start=1):
        one = change_one(files, pk, work)
        if one is not None:
            result.inputs.append(one)
            observer.finished(one)
        observer.progressed(label, done, result.total)
    return result


def change_one(
    files: QuerySet[DataFile], pk: int, work: Callable[[DataFile], InputResult]
) -> InputResult | None:
    """Call `work` with one file as `change_each` does; return None when the file left the queryset in the meantime."""
    name = ""

    def transact() -> InputResult | None:
        nonlocal name
        with transaction.atomic():
            seen = files.filter(pk=pk).defer("header").first()
            if seen is None:
                return None
            name = str(seen)
            lock_ids(seen.kind, seen.htsget_id, objects=[ObjectRef(seen.storage, seen.key)])
            rows = files.filter(pk=pk).select_for_update(of=("self",)).select_related("dataset")
            file = rows.defer("header").first()
            return None if file is None else work(file)

    try:
        return retry_on_deadlock(transact)
    except CatalogueError as error:
        return InputResult(name, Outcome.FAILED, str(error))
    except DatabaseError as error:
        return InputResult(name, Outcome.FAILED, explain(error))


def lock_ids(kind: str, *ids: str, objects: Sequence[ObjectRef] = ()) -> None:
    """Take the locks under which ingests register files of these ids, in every format, and of these objects.

    Call it in a transaction.
    """
    formats: tuple[FileFormat, ...] = formats_of(kind)
    advisory_lock(*(f"{kind}/{one} {format}" for one in ids for format in formats), *map(str, objects))


def record_change(file: DataFile, change: str, *, datasets: Sequence[Dataset], **detail: Any) -> None:
    """Record the change of a file in the audit, for each of the datasets that it concerns."""
    for dataset in dict.fromkeys(datasets):
        target = f"datafile {file.pk}: {file}"
        record(Event(Kind.ADMIN, dataset=dataset.slug, target=target, detail={"change": change, **detail}))


def record_former_id(former: FormerId, change: str) -> None:
    """Record in the audit what becomes of an id that no file has."""
    record(
        Event(
            Kind.ADMIN,
            target=f"formerid {former.pk}: {former}",
            detail={"change": change, "to": former.target},
        )
    )
