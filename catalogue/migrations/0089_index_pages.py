"""Keeps contig indexes uncompressed from now on, so that some pages of one are read without the others."""

from django.db import migrations


class Migration(migrations.Migration):
    # As in the migrations before.
    replaces = [("catalogue", "0083_index_pages")]
    dependencies = [("catalogue", "0088_parts_of_names")]

    operations = [
        migrations.RunSQL(
            'ALTER TABLE catalogue_contig ALTER COLUMN "index" SET STORAGE EXTERNAL',
            'ALTER TABLE catalogue_contig ALTER COLUMN "index" SET STORAGE EXTENDED',
        )
    ]
