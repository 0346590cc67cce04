"""Which private sequences, collections and aliases a viewer may see, and how a sequence is published."""

from django.db import connection, transaction
from django.db.models import Q, QuerySet

from catalogue.access.grants import granted_collections
from catalogue.access.viewer import Viewer
from catalogue.models import Alias, CollectionMember, DerivedSequence, Scope, Sequence, SequenceCollection


def readable_collections(viewer: Viewer) -> QuerySet[SequenceCollection]:
    """Return the collections whose sequences the viewer may fetch."""
    readable = Q(visibility=SequenceCollection.Visibility.PUBLIC)
    if viewer.name is not None and viewer.in_scope(Scope.SEQUENCES):
        readable |= Q(pk__in=granted_collections(viewer))
    return SequenceCollection.objects.filter(readable)


def readable_sequences(viewer: Viewer) -> QuerySet[Sequence]:
    """Return the sequences that the viewer may fetch."""
    readable = Q(private=False)
    if viewer.name is not None:
        # Public collections have no private sequences, and millions of others.
        granted = readable_collections(viewer).exclude(visibility=SequenceCollection.Visibility.PUBLIC)
        members = CollectionMember.objects.filter(collection__in=granted)
        derived = DerivedSequence.objects.filter(genome__collection__in=granted)
        readable |= Q(private=True, pk__in=members.values("sequence"))
        readable |= Q(private=True, pk__in=derived.values("sequence"))
    return Sequence.objects.filter(readable)


def readable_aliases(viewer: Viewer) -> QuerySet[Alias]:
    """Return the aliases that the viewer may see wherever they may see the sequence.

    An alias that came with a private collection is visible to those who may read that collection.
    """
    return Alias.objects.filter(Q(collection=None) | Q(collection__in=readable_collections(viewer)))


def publish_sequences(sequences: QuerySet[Sequence]) -> int:
    """Publish the private sequences among these that are in no collection; return their number.

    Sequences in a private collection, and those derived from it, are published together with it.
    """
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute("SELECT set_config('htsgetsite.publish_sequences', 'on', true)")
        loose = sequences.filter(private=True, memberships=None, derivations=None)
        published = loose.update(private=False)
        # Inside an outer transaction the setting would otherwise stay on after this block.
        cursor.execute("SELECT set_config('htsgetsite.publish_sequences', '', true)")
    return published
