"""Keeps whether a job was started by an account, should the account be gone."""

from django.db import migrations, models


class Migration(migrations.Migration):

    dependencies = [
        ('catalogue', '0061_derived_sequences'),
    ]

    operations = [
        migrations.AddField(
            model_name='ingestrun',
            name='of_account',
            field=models.BooleanField(default=False, editable=False, help_text='limited to what the account may do, which may be gone'),
        ),
    ]
