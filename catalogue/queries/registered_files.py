"""Shows all that the catalogue has about one file, for its stewards and for operators."""

from datetime import datetime
from typing import Final, NamedTuple

from django.db.models import Count, Q, QuerySet, Sum

from catalogue.formats.spec import FileKind
from catalogue.models import Contig, DataFile, FormerId, Grant, GrantFile
from catalogue.queries.file_search import current_id
from catalogue.queries.references import contigs_without_residues
from catalogue.queries.text import storable

# Upper bound of the samples and contigs that are named.
_MAX_NAMES: Final = 20


class RegisteredFile(NamedTuple):
    """One file. Lists name at most 20; the counts beside them are of all.

    `unlinked` are contigs without a known sequence, `lacking` those whose reference a conversion lacks. `grants` are
    those on its dataset, `limits` those that name the file.
    """

    kind: str
    htsget_id: str
    format: str
    version: str
    dataset: str
    visibility: str
    state: str
    state_reason: str
    state_since: datetime
    storage: str
    key: str
    size: int
    etag: str
    copied_from: str
    ingested: datetime
    has_eof: bool
    index_kind: str
    index_source: str
    index_built: bool
    sort_order: str
    assembly: str
    samples: list[str]
    sample_count: int
    contigs: int
    mapped: int | None
    unmapped: int | None
    unplaced: int | None
    unlinked: list[str]
    unlinked_count: int
    lacking: list[str]
    lacking_count: int
    former_ids: list[str]
    grants: int
    limits: int


def registered_files(
    *, kind: FileKind, htsget_id: str, within: QuerySet[DataFile] | None = None
) -> list[RegisteredFile]:
    """Return every format of an id, or of the id that a former id redirects to, among the files of `within`."""
    if not storable(htsget_id):
        return []
    rows = DataFile.objects.all() if within is None else within
    rows = rows.filter(kind=kind, htsget_id=current_id(kind, htsget_id) or htsget_id)
    return [_details(row) for row in rows.select_related("dataset").defer("header").order_by("format")]


def _details(row: DataFile) -> RegisteredFile:
    contigs = Contig.objects.filter(file=row)
    counts = contigs.aggregate(
        contigs=Count("pk"),
        mapped=Sum("mapped"),
        unmapped=Sum("unmapped"),
        unlinked=Count("pk", filter=Q(sequence=None)),
    )
    unlinked = contigs.filter(sequence=None).order_by("number").values_list("name", flat=True)
    lacking = contigs_without_residues(row.pk) if row.kind == FileKind.READS else Contig.objects.none()
    former = FormerId.objects.filter(kind=row.kind, target=row.htsget_id).order_by("htsget_id")
    return RegisteredFile(
        kind=row.kind,
        htsget_id=row.htsget_id,
        format=row.format,
        version=row.version,
        dataset=row.dataset.slug,
        visibility=row.dataset.visibility,
        state=row.state,
        state_reason=row.state_reason,
        state_since=row.state_since,
        storage=row.storage,
        key=row.key,
        size=row.size,
        etag=row.etag,
        copied_from=row.source,
        ingested=row.ingested,
        has_eof=row.has_eof,
        index_kind=row.index_kind,
        index_source=row.index_source,
        index_built=row.index_built,
        sort_order=row.sort_order,
        assembly=row.assembly,
        samples=row.samples[:_MAX_NAMES],
        sample_count=len(row.samples),
        contigs=counts["contigs"],
        mapped=counts["mapped"],
        unmapped=counts["unmapped"],
        unplaced=row.unplaced,
        unlinked=list(unlinked[:_MAX_NAMES]),
        unlinked_count=counts["unlinked"],
        lacking=list(lacking.values_list("name", flat=True)[:_MAX_NAMES]),
        lacking_count=lacking.count(),
        former_ids=list(former.values_list("htsget_id", flat=True)[:_MAX_NAMES]),
        grants=Grant.objects.filter(dataset=row.dataset).count(),
        limits=GrantFile.objects.filter(file=row).count(),
    )
