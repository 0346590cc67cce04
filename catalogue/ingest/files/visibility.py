"""Publishes datasets, and withdraws them."""

from dataclasses import dataclass

from django.conf import settings
from django.db import DatabaseError, transaction
from django.db.models import QuerySet, Sum

from catalogue.audit import Event, Kind, record
from catalogue.ingest.files.changes import Change, Plan
from catalogue.ingest.files.contig_links import publish_aliases
from catalogue.ingest.files.move import less_open_than, more_open_than, who_may_fetch
from catalogue.ingest.outcomes import IngestResult, InputResult, Observer, Outcome
from catalogue.ingest.sentences import counted, named
from catalogue.ingest.transactions import retry_on_deadlock
from catalogue.models import Contig, DataFile, Dataset
from catalogue.models.violations import explain


@dataclass(frozen=True, slots=True)
class SetVisibility(Change):
    """Give datasets a visibility: publish them, open them to registered users, or withdraw them.

    `datasets` are those whose visibility the caller may change: that of an owner, not of every steward.
    """

    datasets: QuerySet[Dataset]
    visibility: Dataset.Visibility

    def plan(self) -> Plan:
        changed = self._changed()
        slugs = list(changed.order_by("slug").values_list("slug", flat=True))
        files = DataFile.objects.filter(dataset__in=changed)
        effects, warnings = [], []
        if slugs:
            size = files.aggregate(size=Sum("size"))["size"] or 0
            effects.append(
                f"{named(slugs)} will be {self.visibility.value}: {counted(files.count(), 'file')} of {size:,} bytes,"
                f" and {who_may_fetch(self.visibility)}."
            )
        if same := self.datasets.filter(visibility=self.visibility).count():
            effects.append(f"{counted(same, 'dataset')} of the selection is {self.visibility.value} already.")
        if changed.filter(visibility__in=less_open_than(self.visibility)).exists():
            warnings += self._opened(files)
        if changed.filter(visibility__in=more_open_than(self.visibility)).exists():
            warnings.append(
                "Whoever fetched the files already keeps them. Data URLs in tickets end at once, but URLs of an object"
                f" store are valid for up to {settings.TICKET_URL_TTL} seconds more."
            )
        return Plan(
            f"Make {counted(len(slugs), 'dataset')} {self.visibility.value}",
            len(slugs),
            tuple(effects),
            tuple(warnings),
        )

    def _opened(self, files: QuerySet[DataFile]) -> list[str]:
        said = [
            "What is published can be fetched and kept by others; withdrawing it later does not bring it back."
        ]
        if self.visibility is Dataset.Visibility.PUBLIC:
            named_contigs = Contig.objects.filter(file__in=files, aliases__isnull=False, md5__isnull=False)
            if named_contigs.exists():
                said.append(
                    "Names (AN) in the headers of the files become aliases of their sequences, for everybody."
                )
        return said

    def _changed(self) -> QuerySet[Dataset]:
        return self.datasets.exclude(visibility=self.visibility)

    def _apply(self, observer: Observer) -> IngestResult:
        pks = list(self._changed().order_by("slug").values_list("pk", flat=True))
        result = IngestResult(total=len(pks))
        for done, pk in enumerate(pks, start=1):
            one = self._set(pk)
            if one is not None:
                result.inputs.append(one)
                observer.finished(one)
            observer.progressed(self.visibility.value, done, result.total)
        return result

    def _set(self, pk: int) -> InputResult | None:
        slug = ""

        def transact() -> InputResult | None:
            nonlocal slug
            with transaction.atomic():
                dataset = self._changed().filter(pk=pk).select_for_update(of=("self",)).first()
                if dataset is None:
                    return None
                slug, before = dataset.slug, dataset.visibility
                dataset.visibility = self.visibility
                dataset.save()
                publish_aliases(dataset)
                change = {"change": "visibility", "from": before, "to": self.visibility.value}
                record(
                    Event(Kind.ADMIN, dataset=slug, target=f"dataset {dataset.pk}: {dataset}", detail=change)
                )
                return InputResult(slug, Outcome.CHANGED, counts={"datasets": 1}, paths=(f"datasets/{slug}",))

        try:
            return retry_on_deadlock(transact)
        except DatabaseError as error:
            return InputResult(slug, Outcome.FAILED, explain(error))
