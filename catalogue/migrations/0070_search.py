"""Adds the indexes of searches on the pages: beginnings of ids and aliases, and parts of names of collections.

Aliases are found by their beginning only: there are millions of them, and an index of their trigrams would double the
time of an ingest of many short sequences.
"""

import django.contrib.postgres.fields
import django.contrib.postgres.indexes
from django.db import migrations, models

BEGINNINGS = """
CREATE INDEX file_by_beginning ON catalogue_datafile (upper(htsget_id) text_pattern_ops);
CREATE INDEX alias_by_beginning ON catalogue_alias (upper(name) text_pattern_ops);
"""
REMOVE = """
DROP INDEX file_by_beginning;
DROP INDEX alias_by_beginning;
"""


class Migration(migrations.Migration):
    dependencies = [("catalogue", "0040_jobs")]

    operations = [
        # By SQL: Django knows operator classes only with django.contrib.postgres among the applications.
        migrations.RunSQL(BEGINNINGS, REMOVE),
        migrations.AddIndex(
            model_name="sequencecollection",
            index=django.contrib.postgres.indexes.GinIndex(
                models.Func(
                    models.F("name"),
                    function="catalogue_trigrams",
                    output_field=django.contrib.postgres.fields.ArrayField(
                        base_field=models.BinaryField(), size=None
                    ),
                ),
                name="collection_by_part",
            ),
        ),
    ]
