"""Links contigs whose header states no md5 to the sequences of their dataset's collection."""

from django.db import connection

from catalogue.models import Dataset

_LINK = """
    UPDATE catalogue_contig AS contig SET sequence_id = found.sequence_id
    FROM (
        SELECT contig.id, sequence.id AS sequence_id
        FROM catalogue_contig AS contig
        JOIN catalogue_datafile AS file ON file.id = contig.file_id AND file.dataset_id = %s
        LEFT JOIN catalogue_collectionmember AS member
            ON member.collection_id = %s AND member.name = contig.name
        LEFT JOIN catalogue_sequence AS sequence
            ON sequence.id = member.sequence_id AND sequence.length = contig.length
        WHERE contig.md5 IS NULL
    ) AS found
    WHERE contig.id = found.id AND contig.sequence_id IS DISTINCT FROM found.sequence_id
"""


def link_contigs(dataset: Dataset) -> int:
    """Link the dataset's contigs without md5 by name and length to its collection; return how many links changed.

    Links that a former collection gave are removed. To be called when the collection of a saved dataset was set, or a
    file was moved into the dataset.
    """
    with connection.cursor() as cursor:
        cursor.execute(_LINK, [dataset.pk, dataset.collection_id])
        return int(cursor.rowcount)
