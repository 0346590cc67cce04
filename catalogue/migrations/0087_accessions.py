"""Lets the database tell accessions from other names, for the indexes of parts, and make trigrams in less time."""

from django.db import migrations

# As before, in a tenth of the time: most names are short, and a query within a function takes longer than all of this. The
# cost is above that of an index, however many rows have a part: with the usual one the planner makes the trigrams of each
# row where it expects to find enough of them soon.
TRIGRAMS = """
CREATE OR REPLACE FUNCTION catalogue_trigrams(content text) RETURNS bytea[]
LANGUAGE plpgsql IMMUTABLE STRICT PARALLEL SAFE COST 10000 AS $$
DECLARE
    bytes bytea := convert_to(lower(content), 'UTF8');
    number int := length(bytes) - 2;
    found bytea[] := '{}';
    at int := 1;
BEGIN
    IF number <= 16 THEN
        RETURN (ARRAY[
            substr(bytes, 1, 3), substr(bytes, 2, 3), substr(bytes, 3, 3), substr(bytes, 4, 3),
            substr(bytes, 5, 3), substr(bytes, 6, 3), substr(bytes, 7, 3), substr(bytes, 8, 3),
            substr(bytes, 9, 3), substr(bytes, 10, 3), substr(bytes, 11, 3), substr(bytes, 12, 3),
            substr(bytes, 13, 3), substr(bytes, 14, 3), substr(bytes, 15, 3), substr(bytes, 16, 3)
        ])[1:number];
    END IF;
    WHILE at <= number LOOP
        found := found || (ARRAY[
            substr(bytes, at + 0, 3), substr(bytes, at + 1, 3), substr(bytes, at + 2, 3),
            substr(bytes, at + 3, 3), substr(bytes, at + 4, 3), substr(bytes, at + 5, 3),
            substr(bytes, at + 6, 3), substr(bytes, at + 7, 3), substr(bytes, at + 8, 3),
            substr(bytes, at + 9, 3), substr(bytes, at + 10, 3), substr(bytes, at + 11, 3),
            substr(bytes, at + 12, 3), substr(bytes, at + 13, 3), substr(bytes, at + 14, 3),
            substr(bytes, at + 15, 3)
        ])[1:number + 1 - at];
        at := at + 16;
    END LOOP;
    RETURN found;
END $$
"""
USUAL_COST = "ALTER FUNCTION catalogue_trigrams(text) COST 100"
# Letters and a number of five or more digits, with or without a version.
IS_NUMBERED = """
CREATE FUNCTION catalogue_is_numbered(name text) RETURNS boolean LANGUAGE sql IMMUTABLE PARALLEL SAFE AS $$
    SELECT name ~ '^[A-Za-z_]*[0-9]{5}[0-9]*[.-]?[0-9]*$'
$$
"""
# Or a form of UniProt: an accession and what begins with one, an entry name, an id of UniParc or UniRef. Names of contigs,
# of haplotypes and symbols of genes are others. Every insert of an alias asks this, so that it has to be simple.
IS_ACCESSION = """
CREATE FUNCTION catalogue_is_accession(name text) RETURNS boolean LANGUAGE sql IMMUTABLE PARALLEL SAFE AS $$
    SELECT name ~ '^[A-Za-z_]*[0-9]{5}[0-9]*[.-]?[0-9]*$' OR name ~ '^[A-Z][0-9][A-Z0-9]{3}[0-9]'
        OR substr(name, length(name) - 5, 1) = '_' AND name = upper(name)
        OR starts_with(name, 'UPI') OR starts_with(name, 'UniRef')
$$
"""
# Of such a name the digits from the first that is not 0, with the version.
NUMBER = """
CREATE FUNCTION catalogue_accession_number(name text) RETURNS text LANGUAGE sql IMMUTABLE PARALLEL SAFE AS $$
    SELECT ltrim(ltrim(name, 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz_'), '0')
$$
"""


class Migration(migrations.Migration):
    # Its name before it had the number of its place, on sites that have applied it under that name.
    replaces = [("catalogue", "0081_accessions")]
    dependencies = [("catalogue", "0086_samples_of_files")]

    operations = [
        migrations.RunSQL(IS_NUMBERED, "DROP FUNCTION catalogue_is_numbered(text)"),
        migrations.RunSQL(IS_ACCESSION, "DROP FUNCTION catalogue_is_accession(text)"),
        migrations.RunSQL(NUMBER, "DROP FUNCTION catalogue_accession_number(text)"),
        migrations.RunSQL(TRIGRAMS, USUAL_COST),
    ]
