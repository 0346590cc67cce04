"""Gives files a new id. The old one redirects to it, or is retired; either way it cannot be used again by accident."""

from dataclasses import dataclass

from django.db import DatabaseError, transaction
from django.db.models import QuerySet

from catalogue.errors import CatalogueError, NotFound
from catalogue.formats.spec import FileKind
from catalogue.ingest.files.changes import (
    Change,
    ChangeRefusedError,
    Plan,
    lock_ids,
    record_change,
    record_former_id,
)
from catalogue.ingest.files.discovery import unusable_id
from catalogue.ingest.outcomes import IngestResult, InputResult, Observer, Outcome
from catalogue.ingest.sentences import counted, named
from catalogue.ingest.transactions import retry_on_deadlock
from catalogue.models import DataFile, FormerId
from catalogue.models.violations import told


@dataclass(frozen=True, slots=True)
class RenameFile(Change):
    """Give the files of one id (it may have several formats) the id `new`, all or none.

    With `redirect` the old id answers as the new one from then on; otherwise it is retired: nobody finds anything
    under it. `files` has to hold every file of the id. Only `release_id` makes a former id free again, and a rename
    back to an id that redirects to the file.
    """

    files: QuerySet[DataFile]
    kind: FileKind
    old: str
    new: str
    redirect: bool

    def plan(self) -> Plan:
        before, after = f"{self.kind}/{self.old}", f"{self.kind}/{self.new}"
        title = f"Rename {before} to {after}"
        if (reason := unusable_id(self.new) or unusable_id(self.old)) is not None:
            return Plan(title, 0, refusals=(f"{reason[0].upper()}{reason[1:]}.",))
        rows = list(self._rows().defer("header").order_by("format"))
        effects, warnings = [], []
        if rows:
            formats = named([row.format for row in rows])
            effects.append(
                f"{before} ({formats}) will be called {after}. Bytes, dataset and grants stay as they are."
            )
        if self.redirect:
            effects.append(f"The old id redirects: requests for {before} are answered as those for {after}.")
        else:
            warnings.append(
                f"The old id is retired: requests for {before} find nothing, and no file can have it again until it is"
                " released."
            )
        if (
            former := FormerId.objects.filter(kind=self.kind, target=self.old)
            .exclude(htsget_id=self.new)
            .count()
        ):
            effects.append(f"{counted(former, 'earlier id')} of it will redirect to {after}.")
        if FormerId.objects.filter(kind=self.kind, htsget_id=self.new, target=self.old).exists():
            effects.append(f"{after} is an earlier id of these files, and is no longer a former id.")
        return Plan(title, len(rows), tuple(effects), tuple(warnings), tuple(self._refusals(len(rows))))

    def _rows(self) -> QuerySet[DataFile]:
        return self.files.filter(kind=self.kind, htsget_id=self.old)

    def _refusals(self, count: int) -> list[str]:
        said = []
        everything = DataFile.objects.filter(kind=self.kind)
        if not count:
            said.append(f"There are no {self.kind} with the id {self.old!r}.")
        elif everything.filter(htsget_id=self.old).count() > count:
            said.append(f"{self.old!r} also names files that you may not change.")
        if self.new == self.old:
            said.append("This is the id already.")
        elif everything.filter(htsget_id=self.new).exists():
            said.append(f"There are {self.kind} with the id {self.new!r}; choose another id.")
        elif (
            former := FormerId.objects.filter(kind=self.kind, htsget_id=self.new)
            .exclude(target=self.old)
            .first()
        ):
            was = f"redirects to {former.target!r}" if former.target else "is retired"
            said.append(f"{self.new!r} is a former id, which {was}; choose another id, or release it first.")
        return said

    def _apply(self, observer: Observer) -> IngestResult:
        result = IngestResult(total=1)
        name = f"{self.kind}/{self.old}"
        try:
            formats = retry_on_deadlock(self._rename)
        except (CatalogueError, DatabaseError) as error:
            message = told(error)
            one = InputResult(name, Outcome.FAILED, message)
        else:
            path = f"{self.kind}/{self.new}"
            one = InputResult(name, Outcome.CHANGED, counts={"renamed": formats}, paths=(path,))
        result.inputs.append(one)
        observer.finished(one)
        observer.progressed(name, 1, 1)
        return result

    def _rename(self) -> int:
        with transaction.atomic():
            lock_ids(self.kind, self.old, self.new)
            rows = self._rows().select_for_update(of=("self",)).select_related("dataset").defer("header")
            files = list(rows.order_by("format"))
            if refusals := self._refusals(len(files)):
                raise ChangeRefusedError(" ".join(refusals))
            former = FormerId.objects.filter(kind=self.kind)
            former.filter(htsget_id=self.new).delete()
            for file in files:
                file.htsget_id = self.new
                file.save(update_fields=["htsget_id"])
            former.filter(target=self.old).update(target=self.new)
            FormerId.objects.create(
                kind=self.kind, htsget_id=self.old, target=self.new if self.redirect else ""
            )
            for file in files:
                old_id = "redirects" if self.redirect else "retired"
                record_change(
                    file,
                    "renamed",
                    datasets=[file.dataset],
                    **{"from": self.old, "to": self.new, "old_id": old_id},
                )
        return len(files)


def release_id(kind: FileKind, htsget_id: str, *, files: QuerySet[DataFile] | None = None) -> str:
    """Make a former id free for other files; return a sentence about what it was.

    With `files`, those that the caller may change, only an id that redirects to one of them. Raises NotFound.
    """
    with transaction.atomic():
        lock_ids(kind, htsget_id)
        row = FormerId.objects.select_for_update().filter(kind=kind, htsget_id=htsget_id).first()
        if row is None or (
            files is not None and not (row.target and files.filter(kind=kind, htsget_id=row.target).exists())
        ):
            raise NotFound(f"{kind}/{htsget_id} is not a former id")
        record_former_id(row, "released")
        row.delete()
    return f"{kind}/{htsget_id} is free again; it {f'redirected to {row.target}' if row.target else 'was retired'}."
