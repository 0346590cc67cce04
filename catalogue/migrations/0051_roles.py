"""Makes the groups of the desk's roles, with their permissions."""

from django.db import migrations

ALL = ("add", "change", "delete", "view")

#: The permissions of each role: application, model, and verbs or the names of permissions.
ROLES = {
    "catalogue administrator": (
        ("catalogue", "dataset", (*ALL, "enter_desk", "browse_storages")),
        ("catalogue", "storageprefix", ALL),
        ("catalogue", "datafile", ALL),
        ("catalogue", "grant", ALL),
        ("catalogue", "grantfile", ALL),
        ("catalogue", "grantregion", ALL),
        ("catalogue", "ingestrun", ("change", "view")),
        ("catalogue", "auditevent", ("view",)),
        ("catalogue", "apitoken", ("change", "view")),
        ("catalogue", "namingauthority", ALL),
        ("catalogue", "alias", ALL),
        ("catalogue", "sequence", ALL),
        ("catalogue", "sequencecollection", ALL),
        ("auth", "user", ("view",)),
        ("auth", "group", ("view",)),
    ),
    # What a steward sees follows from the roles of their grants.
    "steward": (("catalogue", "dataset", ("enter_desk",)),),
    "curator": (
        ("catalogue", "dataset", ("enter_desk",)),
        ("catalogue", "namingauthority", ALL),
        ("catalogue", "alias", ALL),
        ("catalogue", "sequence", ("add", "change", "view")),
        ("catalogue", "sequencecollection", ("add", "change", "view")),
    ),
    "auditor": (("catalogue", "dataset", ("enter_desk",)), ("catalogue", "auditevent", ("view",))),
}


def seed(apps, schema_editor):
    """Make the groups that do not exist; what a site has changed stays as it is."""
    Group = apps.get_model("auth", "Group")
    Permission = apps.get_model("auth", "Permission")
    ContentType = apps.get_model("contenttypes", "ContentType")
    for name, permissions in ROLES.items():
        group, is_new = Group.objects.get_or_create(name=name)
        if not is_new:
            continue
        for app, model, verbs in permissions:
            # Django makes content types and permissions only after the last migration, and keeps what it finds.
            kind, _ = ContentType.objects.get_or_create(app_label=app, model=model)
            for verb in verbs:
                codename = verb if "_" in verb else f"{verb}_{model}"
                text = f"Can {verb.replace('_', ' ')}" + ("" if "_" in verb else f" {model}")
                permission, _ = Permission.objects.get_or_create(
                    content_type=kind, codename=codename, defaults={"name": text}
                )
                group.permissions.add(permission)


def remove(apps, schema_editor):
    """Remove the groups."""
    apps.get_model("auth", "Group").objects.filter(name__in=ROLES).delete()


class Migration(migrations.Migration):
    dependencies = [
        ("catalogue", "0050_desk"),
        ("auth", "0012_alter_user_first_name_max_length"),
        ("contenttypes", "0002_remove_content_type_name"),
    ]

    operations = [migrations.RunPython(seed, remove)]
