"""Lets files be found by parts of their text, listed in pages, and filtered by sample and state."""

import django.contrib.postgres.fields
import django.contrib.postgres.indexes
import django.db.models.functions.comparison
import django.db.models.functions.text
from django.db import migrations, models

# Of bytes, not of characters: the n-th character of a text in UTF-8 is found only by counting.
TRIGRAMS = """
CREATE FUNCTION catalogue_trigrams(content text) RETURNS bytea[] LANGUAGE plpgsql IMMUTABLE STRICT PARALLEL SAFE AS $$
DECLARE
    bytes bytea := convert_to(lower(content), 'UTF8');
BEGIN
    RETURN ARRAY(SELECT substr(bytes, place, 3) FROM generate_series(1, length(bytes) - 2) AS place);
END $$
"""
# The key of a copy holds its SHA-256, divided by a slash.
FILE_TEXT = """
CREATE FUNCTION catalogue_file_text(
    htsget_id text, storage text, key text, source text, samples text[], etag text
) RETURNS text LANGUAGE plpgsql IMMUTABLE STRICT PARALLEL SAFE AS $$
BEGIN
    RETURN lower(concat_ws(E'\\n', htsget_id, storage || ':' || key, nullif(source, ''), etag,
        CASE WHEN key ~ '^data/[0-9a-f]{2}/[0-9a-f]{62}' THEN substr(key, 6, 2) || substr(key, 9, 62) END,
        array_to_string(samples, E'\\n')));
END $$
"""


def text_of_file() -> models.Func:
    columns = ("htsget_id", "storage", "key", "source", "samples", "etag")
    return models.Func(
        *map(models.F, columns), function="catalogue_file_text", output_field=models.TextField()
    )


def trigrams(text: models.F | models.Func) -> models.Func:
    array = django.contrib.postgres.fields.ArrayField(base_field=models.BinaryField(), size=None)
    return models.Func(text, function="catalogue_trigrams", output_field=array)


class Migration(migrations.Migration):
    dependencies = [("catalogue", "0031_contig_aliases")]

    operations = [
        migrations.RunSQL(TRIGRAMS, "DROP FUNCTION catalogue_trigrams(text)"),
        migrations.RunSQL(
            FILE_TEXT, "DROP FUNCTION catalogue_file_text(text, text, text, text, text[], text)"
        ),
        migrations.AddIndex(
            model_name="datafile",
            index=models.Index(fields=["dataset", "htsget_id", "kind", "format"], name="file_by_dataset"),
        ),
        migrations.AddIndex(
            model_name="datafile", index=models.Index(fields=["ingested", "id"], name="file_by_time")
        ),
        migrations.AddIndex(
            model_name="datafile",
            index=models.Index(
                condition=models.Q(("state", "ready"), _negated=True),
                fields=["htsget_id", "kind", "format"],
                name="file_not_ready",
            ),
        ),
        migrations.AddIndex(
            model_name="datafile",
            index=models.Index(
                django.db.models.functions.comparison.Collate(
                    django.db.models.functions.text.Lower("htsget_id"), "C"
                ),
                name="file_by_begin_of_id",
            ),
        ),
        migrations.AddIndex(
            model_name="datafile",
            index=django.contrib.postgres.indexes.GinIndex(fields=["samples"], name="file_by_sample"),
        ),
        migrations.AddIndex(
            model_name="datafile",
            index=django.contrib.postgres.indexes.GinIndex(
                trigrams(text_of_file()), name="file_by_part_of_text"
            ),
        ),
    ]
