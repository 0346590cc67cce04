"""Links contigs to the sequences of their dataset's collection, and publishes the aliases in headers."""

from django.db import connection

from catalogue.models import DataFile, Dataset, NamingAuthority

#: The naming authority of AN tags.
AUTHORITY = "sam"

_LINK = """
    UPDATE catalogue_contig AS contig SET sequence_id = found.sequence_id
    FROM (
        SELECT contig.id, sequence.id AS sequence_id
        FROM catalogue_contig AS contig
        JOIN catalogue_datafile AS file ON file.id = contig.file_id
            AND file.dataset_id = %(dataset)s AND file.id = coalesce(%(file)s::bigint, file.id)
        LEFT JOIN catalogue_collectionmember AS member
            ON member.collection_id = %(collection)s AND member.name = contig.name
        LEFT JOIN catalogue_sequence AS sequence
            ON sequence.id = member.sequence_id AND sequence.length = contig.length
        WHERE contig.md5 IS NULL AND NOT contig.chosen
    ) AS found
    WHERE contig.id = found.id AND contig.sequence_id IS DISTINCT FROM found.sequence_id
"""

_PUBLISH = """
    INSERT INTO catalogue_alias (authority_id, name, sequence_id)
    SELECT DISTINCT %(authority)s, alias, contig.sequence_id
    FROM catalogue_dataset AS dataset
    JOIN catalogue_datafile AS file ON file.dataset_id = dataset.id
    JOIN catalogue_contig AS contig ON contig.file_id = file.id AND contig.aliases IS NOT NULL
    CROSS JOIN unnest(contig.aliases) AS alias
    WHERE dataset.id = %(dataset)s AND dataset.visibility = 'public' AND file.id = coalesce(%(file)s::bigint, file.id)
        AND contig.md5 IS NOT NULL AND contig.sequence_id IS NOT NULL AND length(alias) <= 255
    ORDER BY alias, contig.sequence_id
    ON CONFLICT DO NOTHING
"""


def link_contigs(dataset: Dataset) -> int:
    """Link the dataset's contigs without md5 by name and length to its collection; return how many links changed.

    Removes links from a former collection, but leaves the sequences that a steward chose. Call it after setting the
    collection of a saved dataset.
    """
    return _link(dataset, None)


def link_file(file: DataFile) -> int:
    """Do the same for one file. Call it after moving the file into its dataset."""
    return _link(file.dataset, file.pk)


def _link(dataset: Dataset, file: int | None) -> int:
    with connection.cursor() as cursor:
        cursor.execute(_LINK, {"dataset": dataset.pk, "collection": dataset.collection_id, "file": file})
        return int(cursor.rowcount)


def publish_aliases(dataset: Dataset, *, file: int | None = None) -> None:
    """Add the AN names of a public dataset's contigs, of all its files or of one, to the aliases of their sequences.

    Does nothing for datasets that are not public, whose headers are confidential. Call it after registering a file in
    the dataset, moving one into it, or publishing the dataset.
    """
    authority, _ = NamingAuthority.objects.get_or_create(name=AUTHORITY)
    with connection.cursor() as cursor:
        cursor.execute(_PUBLISH, {"authority": authority.pk, "dataset": dataset.pk, "file": file})
