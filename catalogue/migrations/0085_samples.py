"""Adds a table of the samples of files in the order of their names, which triggers keep as the files have them."""

from django.db import migrations, models

#: As `FileSample` says; migration 0086 enters those of the files that are there already.
TRIGGERS = """
ALTER TABLE catalogue_filesample ADD CONSTRAINT sample_of_a_file
    FOREIGN KEY (file_id) REFERENCES catalogue_datafile (id) ON DELETE CASCADE DEFERRABLE INITIALLY DEFERRED;

CREATE FUNCTION catalogue_samples_of_new_files() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    INSERT INTO catalogue_filesample (dataset_id, name, file_id)
    SELECT file.dataset_id, sample, file.id
      FROM added AS file, unnest(file.samples) AS sample WHERE octet_length(sample) <= 2600
        ON CONFLICT DO NOTHING;
    RETURN NULL;
END $$;

CREATE FUNCTION catalogue_samples_of_changed_file() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    DELETE FROM catalogue_filesample WHERE file_id = OLD.id;
    INSERT INTO catalogue_filesample (dataset_id, name, file_id)
    SELECT NEW.dataset_id, sample, NEW.id FROM unnest(NEW.samples) AS sample WHERE octet_length(sample) <= 2600
        ON CONFLICT DO NOTHING;
    RETURN NULL;
END $$;

CREATE TRIGGER samples_of_new_files AFTER INSERT ON catalogue_datafile
    REFERENCING NEW TABLE AS added FOR EACH STATEMENT EXECUTE FUNCTION catalogue_samples_of_new_files();
CREATE TRIGGER samples_of_changed_file AFTER UPDATE OF id, dataset_id, samples ON catalogue_datafile FOR EACH ROW
    WHEN (OLD.id <> NEW.id OR OLD.dataset_id <> NEW.dataset_id OR OLD.samples <> NEW.samples)
    EXECUTE FUNCTION catalogue_samples_of_changed_file();
"""
NO_TRIGGERS = """
DROP TRIGGER samples_of_changed_file ON catalogue_datafile;
DROP TRIGGER samples_of_new_files ON catalogue_datafile;
DROP FUNCTION catalogue_samples_of_changed_file();
DROP FUNCTION catalogue_samples_of_new_files();
ALTER TABLE catalogue_filesample DROP CONSTRAINT sample_of_a_file;
"""


def of(model: str, **options: bool) -> models.ForeignKey:
    return models.ForeignKey(
        db_constraint=False,
        on_delete=models.deletion.DO_NOTHING,
        related_name="+",
        to=f"catalogue.{model}",
        **options,
    )


class Migration(migrations.Migration):
    dependencies = [("catalogue", "0080_manage_scope")]

    operations = [
        migrations.CreateModel(
            name="FileSample",
            fields=[
                (
                    "pk",
                    models.CompositePrimaryKey(
                        "dataset_id", "name", "file_id", blank=True, editable=False, primary_key=True, serialize=False
                    ),
                ),
                ("dataset", of("dataset", db_index=False)),
                ("name", models.TextField(db_collation="C")),
                ("file", of("datafile")),
            ],
        ),
        migrations.RunSQL(TRIGGERS, NO_TRIGGERS),
    ]
