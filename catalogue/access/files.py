"""Which datasets and files a viewer may know of: the rule of `permissions`, as querysets for lists and searches."""

from django.db.models import Q, QuerySet

from catalogue.access.grants import DatasetGrant, granted_datasets
from catalogue.access.viewer import Viewer
from catalogue.formats.spec import FileKind
from catalogue.models import DataFile, Dataset, GrantFile

_VISIBILITY = Dataset.Visibility


def readable_datasets(viewer: Viewer) -> QuerySet[Dataset]:
    """Return the datasets that are open to the viewer, or of which at least something is granted to them."""
    readable = Q(visibility=_VISIBILITY.PUBLIC)
    if viewer.name is not None and _kinds(viewer):
        readable |= Q(visibility=_VISIBILITY.REGISTERED)
        readable |= Q(pk__in={grant.dataset for grant in granted_datasets(viewer)})
    return Dataset.objects.filter(readable)


def readable_files(viewer: Viewer) -> QuerySet[DataFile]:
    """Return the files on which `permissions` gives the viewer something, if only the header.

    Makes one database query for public datasets, and two for registered ones and grants unless the viewer is anonymous.
    A list of datasets is compared before anything that takes longer; with a query in its place, the planner often
    compares the text of every file first.
    """
    whole, others = _readable(viewer)
    return DataFile.objects.filter(Q(dataset__in=whole) | others)


def readable_parts(viewer: Viewer) -> tuple[list[int], QuerySet[DataFile] | None]:
    """Return the datasets of which every file is readable, and the readable files of others, if there may be any.

    Together they are `readable_files`. Makes the same queries.
    """
    whole, others = _readable(viewer)
    return sorted(whole), DataFile.objects.filter(others).exclude(dataset__in=whole) if others else None


def _readable(viewer: Viewer) -> tuple[set[int], Q]:
    """Return the datasets of which every file is readable, and the condition by which files of others are."""
    whole = _datasets(_VISIBILITY.PUBLIC)
    kinds = _kinds(viewer) if viewer.name is not None else []
    if not kinds:
        return whole, Q()
    grants = granted_datasets(viewer)
    open_to_them = _datasets(_VISIBILITY.REGISTERED) | {
        grant.dataset for grant in grants if _covers_all(grant)
    }
    others = Q()
    for grant in grants:
        if not _covers_all(grant):
            others |= _covered(grant)
    if len(kinds) == len(FileKind) and viewer.file is None:
        return whole | open_to_them, others
    others = (others | Q(dataset__in=open_to_them)) & Q(kind__in=kinds)
    return whole, others & Q(pk=viewer.file) if viewer.file is not None else others


def _datasets(visibility: str) -> set[int]:
    return set(Dataset.objects.filter(visibility=visibility).order_by().values_list("pk", flat=True))


def _kinds(viewer: Viewer) -> list[str]:
    return [kind.value for kind in FileKind if viewer.in_scope(kind)]


def _covers_all(grant: DatasetGrant) -> bool:
    return not grant.kinds and not grant.limited_to_files


def _covered(grant: DatasetGrant) -> Q:
    covered = Q(dataset=grant.dataset)
    if grant.kinds:
        covered &= Q(kind__in=grant.kinds)
    if grant.limited_to_files:
        covered &= Q(pk__in=GrantFile.objects.filter(grant=grant.pk).values("file"))
    return covered
