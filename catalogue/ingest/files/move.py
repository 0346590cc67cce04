"""Moves files to another dataset."""

from dataclasses import dataclass

from django.db.models import Q, QuerySet, Sum

from catalogue.ingest.files.changes import Change, Plan, change_each, record_change
from catalogue.ingest.files.contig_links import link_file, publish_aliases
from catalogue.ingest.outcomes import IngestResult, InputResult, Observer, Outcome
from catalogue.ingest.sentences import counted, named
from catalogue.models import DataFile, Dataset, GrantFile

#: From the visibility that opens least to the one that opens most.
_OPENNESS = (Dataset.Visibility.CONTROLLED, Dataset.Visibility.REGISTERED, Dataset.Visibility.PUBLIC)
_FETCH = {
    Dataset.Visibility.CONTROLLED: "only whoever is granted access may fetch them",
    Dataset.Visibility.REGISTERED: "any authenticated user may fetch them",
    Dataset.Visibility.PUBLIC: "anybody may fetch them",
}


def more_open_than(visibility: str) -> list[str]:
    """Return the visibilities that open more than this one."""
    return [each.value for each in _OPENNESS[_OPENNESS.index(Dataset.Visibility(visibility)) + 1 :]]


def less_open_than(visibility: str) -> list[str]:
    """Return the visibilities that open less than this one."""
    return [each.value for each in _OPENNESS[: _OPENNESS.index(Dataset.Visibility(visibility))]]


def who_may_fetch(visibility: str) -> str:
    """Return who may fetch files of a visibility, as a clause about `them`."""
    return _FETCH[Dataset.Visibility(visibility)]


@dataclass(frozen=True, slots=True)
class MoveFiles(Change):
    """Move files to the dataset `to`, which the caller may change too.

    A move into a more open dataset publishes files, and is refused unless `publish`. A grant of the former dataset that
    names a file no longer does; it never covers more than before.
    """

    files: QuerySet[DataFile]
    to: Dataset
    publish: bool = False

    def plan(self) -> Plan:
        moved = self._moved()
        size = moved.aggregate(size=Sum("size"))["size"] or 0
        count = moved.count()
        origins = list(moved.order_by("dataset__slug").values_list("dataset__slug", flat=True).distinct())
        opened = moved.filter(dataset__visibility__in=less_open_than(self.to.visibility)).count()
        closed = moved.filter(dataset__visibility__in=more_open_than(self.to.visibility)).count()
        effects: list[str] = []
        warnings: list[str] = []
        refusals: list[str] = []
        if count:
            effects.append(
                f"{counted(count, 'file')} of {size:,} bytes will belong to the dataset {self.to}"
                f" instead of {named(origins)}. Ids, URLs and stored bytes stay as they are."
            )
            effects.append(
                f"Contigs without an md5 will be linked by the assembly of {self.to}"
                f" ({self.to.collection or 'it has none'})."
            )
        if stay := self.files.filter(dataset=self.to).count():
            effects.append(
                f"{counted(stay, 'file')} of the selection is in {self.to} already, and stays as it is."
            )
        if opened:
            said = f"{counted(opened, 'file')} will be more open than before: {who_may_fetch(self.to.visibility)}."
            (warnings if self.publish else refusals).append(said)
            if not self.publish:
                refusals.append("Confirm that they may be published, or choose another dataset.")
        if closed:
            warnings.append(
                f"{counted(closed, 'file')} will be less open than before: {who_may_fetch(self.to.visibility)}."
            )
        warnings += _of_grants(moved)
        return Plan(
            f"Move {counted(count, 'file')} to {self.to}", count, *map(tuple, (effects, warnings, refusals))
        )

    def _apply(self, observer: Observer) -> IngestResult:
        return change_each(self._moved(), self._move, label=self.to.slug, observer=observer)

    def _moved(self) -> QuerySet[DataFile]:
        return self.files.exclude(dataset=self.to)

    def _move(self, file: DataFile) -> InputResult:
        # Locked, so that the visibility is the one that the steward agreed to.
        to = Dataset.objects.select_for_update().get(pk=self.to.pk)
        origin = file.dataset
        if not self.publish and to.visibility in more_open_than(origin.visibility):
            return InputResult(
                str(file), Outcome.FAILED, f"{to} is {to.visibility}: this would publish the file"
            )
        for limit in GrantFile.objects.filter(file=file):
            limit.delete()
        file.dataset = to
        file.save(update_fields=["dataset"])
        link_file(file)
        publish_aliases(to, file=file.pk)
        record_change(file, "moved", datasets=(origin, to), **{"from": origin.slug, "to": to.slug})
        return InputResult(
            str(file), Outcome.CHANGED, counts={"moved": 1}, paths=(f"{file.kind}/{file.htsget_id}",)
        )


def _of_grants(files: QuerySet[DataFile]) -> list[str]:
    """Return what becomes of grants on the files."""
    limits = GrantFile.objects.filter(file__in=files)
    grants = limits.values("grant").distinct().count()
    said = []
    if grants:
        said.append(
            f"{counted(grants, 'grant')} that {'names' if grants == 1 else 'name'} some of these files will no"
            " longer do so: whoever holds one can no longer fetch those files by it."
        )
    controlled = files.filter(
        ~Q(dataset__visibility=Dataset.Visibility.PUBLIC), dataset__grants__isnull=False
    )
    if controlled.exists():
        said.append("Grants on a dataset stay with it: they no longer cover the files that leave it.")
    return said
