"""Contig names of any length: the unique index holds their md5."""

from django.db import migrations, models
from django.db.models.functions import MD5


class Migration(migrations.Migration):
    dependencies = (("catalogue", "0023_privacy_rules"),)

    operations = (
        migrations.RemoveConstraint(model_name="contig", name="contig_name_unique"),
        migrations.AlterField(model_name="contig", name="name", field=models.CharField()),
        migrations.AlterField(model_name="grantregion", name="contig", field=models.CharField()),
        migrations.AddConstraint(
            model_name="contig",
            constraint=models.UniqueConstraint(models.F("file"), MD5("name"), name="contig_name_unique"),
        ),
    )
