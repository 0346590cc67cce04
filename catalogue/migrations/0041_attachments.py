"""Keeps long arguments of jobs apart from the others."""

from django.db import migrations, models


class Migration(migrations.Migration):

    dependencies = [
        ('catalogue', '0070_search'),
    ]

    operations = [
        migrations.AddField(
            model_name='ingestrun',
            name='attachment',
            field=models.JSONField(editable=False, help_text='longer arguments, as the text of a manifest', null=True),
        ),
    ]
