"""Lets catalogue administrators and curators see genomes in the desk, and remove them."""

from django.db import migrations

ROLES = ("catalogue administrator", "curator")
VERBS = ("view", "delete")


def seed(apps, schema_editor):
    """Give the permissions to the groups that there are."""
    Permission = apps.get_model("auth", "Permission")
    kind, _ = apps.get_model("contenttypes", "ContentType").objects.get_or_create(app_label="catalogue", model="genome")
    for verb in VERBS:
        permission, _ = Permission.objects.get_or_create(
            content_type=kind, codename=f"{verb}_genome", defaults={"name": f"Can {verb} genome"}
        )
        for group in apps.get_model("auth", "Group").objects.filter(name__in=ROLES):
            group.permissions.add(permission)


class Migration(migrations.Migration):
    dependencies = [("catalogue", "0053_dashboard")]

    operations = [migrations.RunPython(seed, migrations.RunPython.noop)]
