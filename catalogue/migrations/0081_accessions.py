"""Lets the database tell accessions from other names, for the indexes of parts, and the planner prefer these."""

from django.db import migrations

# A prefix and a number of five or more digits, with or without a version; or a form of UniProt: an accession, an entry
# name, an id of UniParc or UniRef. Names of contigs, of haplotypes and symbols of genes are others.
IS_ACCESSION = """
CREATE FUNCTION catalogue_is_accession(name text) RETURNS boolean LANGUAGE sql IMMUTABLE PARALLEL SAFE AS $$
    SELECT name ~ '^([A-Za-z]*_?[A-Za-z]*[0-9]{5,}([.-][0-9]+)?'
        '|([OPQ][0-9][A-Z0-9]{3}[0-9]|[A-NR-Z][0-9]([A-Z][A-Z0-9]{2}[0-9]){1,2})(-[0-9]+)?(_[A-Z0-9]{3,5})?'
        '|[A-Z0-9]{1,5}_([A-Z0-9]{5}|RAT|PIG|PEA)|UPI[0-9A-F]{10}|UniRef(100|90|50)_.*)$'
$$
"""
# NULL for a name of another form; otherwise its digits from the first that is not 0, with the version.
NUMBER = """
CREATE FUNCTION catalogue_accession_number(name text) RETURNS text LANGUAGE sql IMMUTABLE PARALLEL SAFE AS $$
    SELECT substring(name from '^[A-Za-z]*_?[A-Za-z]*0*([0-9]+([.-][0-9]+)?)$')
$$
"""

# Above what an index costs, however many rows have a part: with the usual cost the planner makes the trigrams of each row
# where it expects to find enough of them soon, which takes a hundred times as long as it expects.
COST = "ALTER FUNCTION catalogue_trigrams(text) COST 10000"
USUAL_COST = "ALTER FUNCTION catalogue_trigrams(text) COST 100"


class Migration(migrations.Migration):
    dependencies = [("catalogue", "0086_samples_of_files")]

    operations = [
        migrations.RunSQL(IS_ACCESSION, "DROP FUNCTION catalogue_is_accession(text)"),
        migrations.RunSQL(NUMBER, "DROP FUNCTION catalogue_accession_number(text)"),
        migrations.RunSQL(COST, USUAL_COST),
    ]
