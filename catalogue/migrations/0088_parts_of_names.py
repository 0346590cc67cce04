"""Lets sequences and genes be found by parts of their names, accessions by their number; locks no table."""

from django.contrib.postgres.fields import ArrayField
from django.contrib.postgres.indexes import GinIndex
from django.contrib.postgres.operations import AddIndexConcurrently
from django.db import migrations, models
from django.db.models.functions.comparison import Collate


def trigrams(name: str) -> models.Func:
    array = ArrayField(base_field=models.BinaryField(), size=None)
    return models.Func(models.F(name), function="catalogue_trigrams", output_field=array)


def said_of(name: str, function: str) -> models.Func:
    return models.Func(models.F(name), function=function, output_field=models.BooleanField())


def parts(name: str, *, index: str) -> GinIndex:
    return GinIndex(trigrams(name), condition=~models.Q(said_of(name, "catalogue_is_accession")), name=index)


class Migration(migrations.Migration):
    # Indexes that are made concurrently are made outside of transactions.
    atomic = False

    # As in the migration before.
    replaces = [("catalogue", "0082_parts_of_names")]
    dependencies = [("catalogue", "0087_accessions")]

    operations = [
        AddIndexConcurrently("alias", parts("name", index="alias_by_part")),
        AddIndexConcurrently(
            "alias",
            models.Index(
                Collate(
                    models.Func(
                        models.F("name"),
                        function="catalogue_accession_number",
                        output_field=models.TextField(),
                    ),
                    "C",
                ),
                condition=models.Q(said_of("name", "catalogue_is_numbered")),
                name="alias_by_number",
            ),
        ),
        AddIndexConcurrently("collectionmember", parts("name", index="member_by_part")),
        AddIndexConcurrently("gene", parts("symbol", index="gene_by_part")),
    ]
