"""Adds the scope by which tokens may change what their account may change on the desk; tokens have it by choice only."""

import catalogue.models.access
import django.contrib.postgres.fields
from django.conf import settings
from django.db import migrations, models


class Migration(migrations.Migration):

    dependencies = [
        ('catalogue', '0071_genome_roles'),
        migrations.swappable_dependency(settings.AUTH_USER_MODEL),
    ]

    operations = [
        migrations.RemoveConstraint(
            model_name='apitoken',
            name='token_has_known_scopes',
        ),
        migrations.AlterField(
            model_name='apitoken',
            name='scopes',
            field=django.contrib.postgres.fields.ArrayField(base_field=models.CharField(choices=[('reads', 'reads'), ('variants', 'variants'), ('sequences', 'sequences'), ('manage', 'manage: change by the API what the account may change on the desk')], max_length=9), default=catalogue.models.access.reading_scopes, size=None),
        ),
        migrations.AddConstraint(
            model_name='apitoken',
            constraint=models.CheckConstraint(condition=models.Q(('scopes__contained_by', ['reads', 'variants', 'sequences', 'manage']), ('scopes__len__gt', 0)), name='token_has_known_scopes', violation_error_message='A token needs at least one scope: reads, variants, sequences or manage.'),
        ),
    ]
