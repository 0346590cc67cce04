"""What manifests say of datasets: their titles, collections and, of new ones, their visibility."""

from dataclasses import asdict, dataclass, field
from typing import Any, Self

from catalogue.formats.manifests import ManifestRow
from catalogue.ingest.files.dataset import DatasetRefusedError, WantedDataset, save_dataset
from catalogue.ingest.outcomes import InputResult, Outcome
from catalogue.models import Dataset

_COLUMNS = ("title", "collection", "visibility")


@dataclass(slots=True)
class StatedDataset:
    """A dataset as the rows of a manifest state it; empty texts state nothing."""

    slug: str
    title: str = ""
    collection: str = ""
    visibility: str = ""
    lines: dict[str, int] = field(default_factory=dict)

    def add(self, row: ManifestRow) -> str | None:
        """Take what a row states; return why it cannot be, where it contradicts an earlier row."""
        for name in _COLUMNS:
            stated, value = getattr(self, name), getattr(row, name)
            if stated and value and stated != value:
                return (
                    f"the {name} of {self.slug} is {stated!r} in line {self.lines[name]}, and {value!r} here"
                )
        for name in _COLUMNS:
            if value := getattr(row, name):
                setattr(self, name, value)
                self.lines.setdefault(name, row.line)
        return None

    def wanted(self) -> WantedDataset:
        """Return it as ingests take it."""
        return WantedDataset(
            slug=self.slug,
            title=self.title or None,
            collection=self.collection or None,
            visibility=self.visibility or None,
        )

    def apply(self, *, dry_run: bool) -> tuple[InputResult | None, str | None]:
        """Change an existing dataset as stated; return what changed if anything did, or why that cannot be."""
        try:
            dataset = self.wanted().find()
        except DatasetRefusedError as error:
            return None, str(error)
        if dataset._state.adding:
            return None, None
        before = Dataset.objects.select_related("collection").get(pk=dataset.pk)
        changes = [
            f"{name} {str(getattr(before, name) or '')!r} becomes {str(getattr(dataset, name) or '')!r}"
            for name in ("title", "collection")
            if getattr(before, name) != getattr(dataset, name)
        ]
        if not changes:
            return None, None
        if not dry_run:
            save_dataset(dataset)
        return InputResult(f"dataset {self.slug}", Outcome.CHANGED, "; ".join(changes)), None

    def as_json(self) -> dict[str, Any]:
        """Return it as `of` reads it."""
        return asdict(self)

    @classmethod
    def of(cls, saved: dict[str, Any]) -> Self:
        """Return what `as_json` wrote."""
        return cls(**saved)
