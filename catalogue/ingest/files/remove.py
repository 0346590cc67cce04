"""Removes files from the catalogue, and the bytes that the site copied with the last row that names them."""

from dataclasses import dataclass

from django.db.models import Exists, OuterRef, QuerySet, Sum

from catalogue.ingest.files.changes import Change, Plan, change_each, record_change, record_former_id
from catalogue.ingest.files.rows import remove_contigs
from catalogue.ingest.outcomes import IngestResult, InputResult, Observer, Outcome
from catalogue.ingest.sentences import counted
from catalogue.models import DataFile, FormerId, GrantFile


@dataclass(frozen=True, slots=True)
class RemoveFiles(Change):
    """Remove files. With `retire`, no other file can have their ids until they are released.

    Files that are served where they lie stay there: only what the site itself copied or built is deleted, and only if
    no other file needs it. Nothing becomes public by it.
    """

    files: QuerySet[DataFile]
    retire: bool = False

    def plan(self) -> Plan:
        count = self.files.count()
        copies, in_place = self.files.exclude(source=""), self.files.filter(source="")
        effects, warnings = [], []
        if places := in_place.count():
            effects.append(
                f"{counted(places, 'file')} will no longer be served, but the stored bytes stay where they are:"
                " the site did not write them."
            )
        if copied := copies.count():
            warnings.append(self._of_copies(copied, copies))
        if built := self.files.filter(index_built=True).count():
            effects.append(f"{counted(built, 'index', 'indexes')} that the site built will be deleted.")
        warnings += self._dependents()
        if count:
            effects.append(
                "Datasets, other grants, sequences and the audit stay. Nothing becomes public: no grant covers more"
                " than before."
            )
            effects.append(
                "The ids are retired: no other file can have them until they are released."
                if self.retire
                else "Other files can be registered under the same ids afterwards."
            )
        return Plan(
            f"Remove {counted(count, 'file')} from the catalogue", count, tuple(effects), tuple(warnings)
        )

    def _of_copies(self, count: int, copies: QuerySet[DataFile]) -> str:
        same = DataFile.objects.filter(storage=OuterRef("storage"), key=OuterRef("key"))
        shared = copies.filter(Exists(same.exclude(pk__in=self.files.values("pk")))).count()
        size = copies.aggregate(size=Sum("size"))["size"] or 0
        said = f"{counted(count, 'copy', 'copies')} of {size:,} bytes in the site's storages will be deleted for good"
        return said + (
            f", but {shared:,} of them stay because other files have the same bytes." if shared else "."
        )

    def _dependents(self) -> list[str]:
        said = (
            ["Tickets and data URLs that clients hold for them stop working."] if self.files.exists() else []
        )
        grants = GrantFile.objects.filter(file__in=self.files).values("grant").distinct().count()
        if grants:
            said.append(
                f"{counted(grants, 'grant')} limited to some of these files will no longer name them; a grant that"
                " named no other file then covers none."
            )
        ids = self.files.values_list("kind", "htsget_id").distinct()
        former = FormerId.objects.filter(
            target__in=ids.values("htsget_id"), kind__in=ids.values("kind")
        ).count()
        if former:
            said.append(
                f"{counted(former, 'former id')} that redirected here will be retired with the last format."
            )
        return said

    def _apply(self, observer: Observer) -> IngestResult:
        return change_each(self.files, self._remove, label="removed", observer=observer)

    def _remove(self, file: DataFile) -> InputResult:
        record_change(
            file,
            "removed",
            datasets=[file.dataset],
            storage=file.storage,
            size=file.size,
            copied=bool(file.source),
            format=file.format,
        )
        remove_contigs(file)
        name = str(file)
        kind, htsget_id = file.kind, file.htsget_id
        file.delete()
        if self.retire and not DataFile.objects.filter(kind=kind, htsget_id=htsget_id).exists():
            record_former_id(FormerId.objects.create(kind=kind, htsget_id=htsget_id), "retired")
        return InputResult(name, Outcome.CHANGED, counts={"removed": 1})
