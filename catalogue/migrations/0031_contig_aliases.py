"""Keeps the other names (AN) that headers give to contigs with the contigs of their file."""

import django.contrib.postgres.fields
from django.db import migrations, models


class Migration(migrations.Migration):

    dependencies = [
        ('catalogue', '0030_recorded_changes'),
    ]

    operations = [
        migrations.AddField(
            model_name='contig',
            name='aliases',
            field=django.contrib.postgres.fields.ArrayField(base_field=models.CharField(), help_text='AN of the header; empty where it has none', null=True, size=None),
        ),
        migrations.AddIndex(
            model_name='contig',
            index=models.Index(condition=models.Q(('aliases__isnull', False)), fields=['file'], name='contig_with_aliases'),
        ),
    ]
