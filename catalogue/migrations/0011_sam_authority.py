"""Seeds the authority of the other names that the headers of reads give to their sequences."""

from django.apps.registry import Apps
from django.db import migrations
from django.db.backends.base.schema import BaseDatabaseSchemaEditor


def seed(apps: Apps, schema_editor: BaseDatabaseSchemaEditor) -> None:
    """Adds it if it is not there yet."""
    authority = apps.get_model("catalogue", "NamingAuthority")
    if not authority.objects.filter(name__iexact="sam").exists():
        authority.objects.create(name="sam", description="Alternative names (AN) in headers of BAM and CRAM files")


class Migration(migrations.Migration):
    dependencies = (("catalogue", "0010_file_sources"),)

    operations = (migrations.RunPython(seed, migrations.RunPython.noop),)
