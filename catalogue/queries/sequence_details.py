"""Where a sequence occurs: the files that were made with it, as far as a viewer may know of them."""

from catalogue import access
from catalogue.access import Viewer
from catalogue.models import Contig
from catalogue.queries.datasets import ListedFile, listed_files
from catalogue.queries.sequences import StoredSequence


def files_with_sequence(record: StoredSequence, *, viewer: Viewer, count: int) -> list[ListedFile]:
    """Return up to `count` files with a contig that is linked to a sequence, in no particular order."""
    contigs = Contig.objects.filter(sequence=record.pk)
    files = access.readable_files(viewer).filter(pk__in=contigs.values("file"))
    return listed_files(files.order_by(), count=count)
