"""Adds the indexes that searches use: trigrams of ids and samples of files, and beginnings of aliases.

The trigrams are made by functions of the catalogue's own, because the embedded PostgreSQL has no pg_trgm. Aliases have
no trigrams: there are millions of them, and their index would double the time of an ingest of many short sequences.
"""

from django.db import migrations

FUNCTIONS = """
CREATE FUNCTION catalogue_trigrams(given text) RETURNS text[]
LANGUAGE plpgsql IMMUTABLE STRICT PARALLEL SAFE AS $$
DECLARE
    folded text := lower(given);
    found text[] := '{}';
BEGIN
    FOR at IN 1 .. length(folded) - 2 LOOP
        found := found || substr(folded, at, 3);
    END LOOP;
    RETURN found;
END $$;

CREATE FUNCTION catalogue_file_trigrams(htsget_id text, samples text[]) RETURNS text[]
LANGUAGE plpgsql IMMUTABLE STRICT PARALLEL SAFE AS $$
DECLARE
    folded text;
    found text[] := '{}';
BEGIN
    FOREACH folded IN ARRAY htsget_id || samples LOOP
        folded := lower(folded);
        FOR at IN 1 .. length(folded) - 2 LOOP
            found := found || substr(folded, at, 3);
        END LOOP;
    END LOOP;
    RETURN found;
END $$;
"""

INDEXES = """
CREATE INDEX file_by_trigrams ON catalogue_datafile USING gin (catalogue_file_trigrams(htsget_id, samples));
CREATE INDEX file_by_sample ON catalogue_datafile USING gin (samples);
CREATE INDEX file_by_start ON catalogue_datafile (upper(htsget_id) text_pattern_ops);
CREATE INDEX file_in_dataset ON catalogue_datafile (dataset_id, htsget_id, kind, format);
CREATE INDEX alias_by_start ON catalogue_alias (upper(name) text_pattern_ops);
CREATE INDEX collection_by_trigrams ON catalogue_sequencecollection USING gin (catalogue_trigrams(name));
"""

REMOVE = """
DROP INDEX file_by_trigrams;
DROP INDEX file_by_sample;
DROP INDEX file_by_start;
DROP INDEX file_in_dataset;
DROP INDEX alias_by_start;
DROP INDEX collection_by_trigrams;
DROP FUNCTION catalogue_file_trigrams(text, text[]);
DROP FUNCTION catalogue_trigrams(text);
"""


class Migration(migrations.Migration):

    dependencies = [
        ("catalogue", "0031_contig_aliases"),
    ]

    operations = [
        migrations.RunSQL(FUNCTIONS + INDEXES, REMOVE),
    ]
