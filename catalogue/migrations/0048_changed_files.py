"""Lets a run tell of files that were changed."""

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("catalogue", "0047_chosen_sequences")]

    operations = [
        migrations.AlterField(
            model_name="ingestedfile",
            name="outcome",
            field=models.CharField(
                choices=[
                    ("added", "added"),
                    ("changed", "changed"),
                    ("unchanged", "unchanged"),
                    ("failed", "failed"),
                ],
                max_length=9,
            ),
        ),
    ]
