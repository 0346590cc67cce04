"""Which private sequences, collections and aliases a viewer may see, and how a sequence is published."""

from django.db import connection, transaction
from django.db.models import Q, QuerySet

from catalogue.access.grants import granted_collections
from catalogue.access.viewer import Viewer
from catalogue.models import Alias, Scope, Sequence, SequenceCollection


def readable_collections(viewer: Viewer) -> QuerySet[SequenceCollection]:
    """Return the collections whose sequences the viewer may fetch."""
    readable = Q(visibility=SequenceCollection.Visibility.PUBLIC)
    if viewer.name is not None and viewer.in_scope(Scope.SEQUENCES):
        readable |= Q(pk__in=granted_collections(viewer))
    return SequenceCollection.objects.filter(readable)


def readable_aliases(viewer: Viewer) -> QuerySet[Alias]:
    """Return the aliases that the viewer may see wherever they may see the sequence.

    An alias that came with a private collection is for those who may read that collection.
    """
    return Alias.objects.filter(Q(collection=None) | Q(collection__in=readable_collections(viewer)))


def publish_sequences(sequences: QuerySet[Sequence]) -> int:
    """Publish those of these sequences that are private and lie in no collection; return how many they were.

    The sequences of a private collection are published with it.
    """
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute("SELECT set_config('htsgetsite.publish_sequences', 'on', true)")
        published = sequences.filter(private=True, memberships=None).update(private=False)
        # The setting would outlast this block where a transaction is open around it.
        cursor.execute("SELECT set_config('htsgetsite.publish_sequences', '', true)")
    return published
