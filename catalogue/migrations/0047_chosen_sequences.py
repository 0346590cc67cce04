"""Lets a steward choose the sequence of a contig, and finds the contigs that have none."""

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("catalogue", "0046_former_ids")]

    operations = [
        migrations.AddField(
            model_name="contig",
            name="chosen",
            field=models.BooleanField(
                db_default=False,
                default=False,
                help_text="a steward chose the sequence: ingests and the dataset's collection do not change it",
            ),
        ),
        migrations.AddIndex(
            model_name="contig",
            index=models.Index(
                condition=models.Q(("sequence__isnull", True)),
                fields=["file"],
                name="contig_without_sequence",
            ),
        ),
    ]
