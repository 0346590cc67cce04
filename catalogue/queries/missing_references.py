"""Finds what files lack of their references: contigs without a known sequence, and sequences without residues."""

from collections.abc import Iterable
from typing import Final, NamedTuple

from django.db.models import Count, F, Q, QuerySet, Value
from django.db.models.functions import MD5

from catalogue.models import Alias, CollectionMember, Contig, DataFile, Sequence

#: Upper bound of the groups that one call returns.
MAX_GROUPS: Final = 1000


class ContigGroup(NamedTuple):
    """Contigs without a sequence that are the same to a steward: name, length (None: not declared) and md5 (hex)."""

    name: str
    length: int | None
    md5: str | None
    files: int


class MissingResidues(NamedTuple):
    """A sequence that headers name and whose residues are not held: md5 (hex), a name, and how many files need it."""

    md5: str
    name: str
    length: int
    files: int


def contigs_without_sequence(
    files: QuerySet[DataFile], *, name: str = "", limit: int = 100, offset: int = 0
) -> list[ContigGroup]:
    """Return groups of contigs of the files that have no sequence, those in the most files first.

    `name` selects those whose name contains it. One query, of unlinked contigs alone.
    """
    rows = _contigs(files).filter(sequence=None)
    if name:
        rows = rows.filter(name__icontains=name)
    # A file has a name once, so that contigs are files here; to count distinct ones would sort them.
    groups = rows.values("name", "length", "md5").annotate(files=Count("*"))
    page = groups.order_by("-files", "name", "length", "md5")[offset : offset + min(limit, MAX_GROUPS)]
    return [ContigGroup(row["name"], row["length"], _hex(row["md5"]), row["files"]) for row in page]


def contigs_of_groups(files: QuerySet[DataFile], groups: Iterable[ContigGroup]) -> QuerySet[Contig]:
    """Return the contigs of groups, in the files and still without a sequence."""
    wanted = Q(pk__in=())
    for group in groups:
        length = Q(length=None) if group.length is None else Q(length=group.length)
        md5 = Q(md5=None) if group.md5 is None else Q(md5=bytes.fromhex(group.md5))
        wanted |= Q(name__md5=MD5(Value(group.name))) & length & md5
    return Contig.objects.filter(wanted, sequence=None, file__in=files)


def residues_that_files_lack(
    files: QuerySet[DataFile], *, limit: int = 100, offset: int = 0
) -> list[MissingResidues]:
    """Return the sequences of the files' contigs that are known by a digest alone, those of the most files first.

    To hold one, ingest the FASTA file that has it.
    """
    rows = _contigs(files).filter(sequence__blob=None, sequence__isnull=False)
    groups = rows.values("sequence").annotate(files=Count("file", distinct=True), md5=F("sequence__md5"))
    page = list(groups.order_by("-files", "sequence")[offset : offset + min(limit, MAX_GROUPS)])
    names = _names([row["sequence"] for row in page], files)
    lengths = dict(Sequence.objects.filter(pk__in=names).values_list("pk", "length"))
    return [
        MissingResidues(
            bytes(row["md5"]).hex(), names[row["sequence"]], lengths[row["sequence"]], row["files"]
        )
        for row in page
    ]


def candidates(group: ContigGroup, collections: QuerySet[CollectionMember]) -> list[int]:
    """Return the sequences among the members of collections that a group can be: by name or alias, length and md5.

    `collections` are the members that the steward may use.
    """
    if group.length is None:
        return []
    members = collections.filter(sequence__length=group.length)
    if group.md5 is not None:
        members = members.filter(sequence__md5=bytes.fromhex(group.md5))
    named = members.filter(name=group.name)
    if not named.exists():
        named = members.filter(
            sequence__in=Alias.objects.filter(name=group.name, collection=None).values("sequence")
        )
    return list(named.order_by("sequence").values_list("sequence", flat=True).distinct()[:2])


def _contigs(files: QuerySet[DataFile]) -> QuerySet[Contig]:
    """Return the contigs of the files; of all files without a look at these."""
    return Contig.objects.filter(file__in=files) if files.query.where else Contig.objects.all()


def _names(sequences: list[int], files: QuerySet[DataFile]) -> dict[int, str]:
    """Return a name that a header gives to each sequence."""
    rows = _contigs(files).filter(sequence__in=sequences).order_by("sequence", "pk")
    return dict(rows.distinct("sequence").values_list("sequence", "name"))


def _hex(md5: bytes | memoryview | None) -> str | None:
    return None if md5 is None else bytes(md5).hex()
