"""Remembers the ids of renamed files, and keeps an id from naming a file and being a former id at once."""

import django.contrib.postgres.fields
import django.contrib.postgres.indexes
from django.db import migrations, models

# After the row is written, so that a transaction which waited for another one's row sees what that one did.
APART = """
CREATE FUNCTION catalogue_file_id_is_not_former() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF EXISTS (SELECT 1 FROM catalogue_formerid WHERE htsget_id = NEW.htsget_id AND kind = NEW.kind) THEN
        RAISE EXCEPTION 'the id % is a former id of %', NEW.htsget_id, NEW.kind
            USING ERRCODE = 'unique_violation', CONSTRAINT = 'file_id_is_not_former';
    END IF;
    RETURN NULL;
END $$;
CREATE TRIGGER file_id_is_not_former AFTER INSERT OR UPDATE OF htsget_id, kind ON catalogue_datafile
    FOR EACH ROW EXECUTE FUNCTION catalogue_file_id_is_not_former();

CREATE FUNCTION catalogue_former_id_is_free() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF EXISTS (SELECT 1 FROM catalogue_datafile WHERE htsget_id = NEW.htsget_id AND kind = NEW.kind) THEN
        RAISE EXCEPTION 'the id % is that of %', NEW.htsget_id, NEW.kind
            USING ERRCODE = 'unique_violation', CONSTRAINT = 'former_id_is_free';
    END IF;
    RETURN NULL;
END $$;
CREATE TRIGGER former_id_is_free AFTER INSERT OR UPDATE OF htsget_id, kind ON catalogue_formerid
    FOR EACH ROW EXECUTE FUNCTION catalogue_former_id_is_free();

CREATE FUNCTION catalogue_former_ids_retire() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    UPDATE catalogue_formerid SET target = ''
     WHERE target = OLD.htsget_id AND kind = OLD.kind
       AND NOT EXISTS (SELECT 1 FROM catalogue_datafile WHERE htsget_id = OLD.htsget_id AND kind = OLD.kind);
    RETURN NULL;
END $$;
CREATE TRIGGER former_ids_retire AFTER DELETE ON catalogue_datafile
    FOR EACH ROW EXECUTE FUNCTION catalogue_former_ids_retire();
"""
NOT_APART = """
DROP TRIGGER former_ids_retire ON catalogue_datafile;
DROP FUNCTION catalogue_former_ids_retire();
DROP TRIGGER former_id_is_free ON catalogue_formerid;
DROP FUNCTION catalogue_former_id_is_free();
DROP TRIGGER file_id_is_not_former ON catalogue_datafile;
DROP FUNCTION catalogue_file_id_is_not_former();
"""


class Migration(migrations.Migration):
    dependencies = [("catalogue", "0045_file_search")]

    operations = [
        migrations.CreateModel(
            name="FormerId",
            fields=[
                (
                    "id",
                    models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID"),
                ),
                ("kind", models.CharField(choices=[("reads", "reads"), ("variants", "variants")], max_length=8)),
                ("htsget_id", models.CharField(help_text="the former id", max_length=255)),
                (
                    "target",
                    models.CharField(
                        blank=True,
                        help_text="the id that it redirects to; empty: it is retired",
                        max_length=255,
                    ),
                ),
                ("since", models.DateTimeField(auto_now_add=True)),
            ],
            options={"verbose_name": "former id", "ordering": ("kind", "htsget_id")},
        ),
        migrations.AddIndex(
            model_name="formerid",
            index=models.Index(fields=["target", "kind"], name="former_id_by_target"),
        ),
        migrations.AddIndex(
            model_name="formerid",
            index=django.contrib.postgres.indexes.GinIndex(
                models.Func(
                    models.F("htsget_id"),
                    function="catalogue_trigrams",
                    output_field=django.contrib.postgres.fields.ArrayField(
                        base_field=models.BinaryField(), size=None
                    ),
                ),
                name="former_id_by_part",
            ),
        ),
        migrations.AddConstraint(
            model_name="formerid",
            constraint=models.UniqueConstraint(
                fields=("htsget_id", "kind"),
                name="former_id_unique",
                violation_error_message="This id is a former id already.",
            ),
        ),
        migrations.AddConstraint(
            model_name="formerid",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    models.Q(("htsget_id", ""), _negated=True),
                    models.Q(("htsget_id", models.F("target")), _negated=True),
                ),
                name="former_id_is_another",
                violation_error_message="A former id redirects to another id.",
            ),
        ),
        migrations.AddConstraint(
            model_name="formerid",
            constraint=models.CheckConstraint(
                condition=models.Q(("kind__in", ["reads", "variants"])),
                name="former_id_kind_is_known",
                violation_error_message="A former id is of reads or of variants.",
            ),
        ),
        migrations.RunSQL(APART, NOT_APART),
    ]
