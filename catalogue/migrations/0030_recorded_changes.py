"""Records changes of access that no model recorded: by `QuerySet.update()`, by SQL, by a restored dump."""

from django.db import migrations

# At the end of the transaction: whatever the models record of a row is there by then. `target` is as they write it.
FUNCTION = """
CREATE FUNCTION catalogue_record_change() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    state jsonb := CASE WHEN TG_OP = 'DELETE' THEN to_jsonb(OLD) ELSE to_jsonb(NEW) END - 'digest';
    row_is text := format('%s %s:', TG_ARGV[0], state ->> 'id');
BEGIN
    IF NOT EXISTS (
        SELECT 1 FROM catalogue_auditevent
         WHERE happened >= transaction_timestamp() AND starts_with(target, row_is)
    ) THEN
        INSERT INTO catalogue_auditevent (kind, outcome, actor, credential, request_id, dataset, target, detail)
        VALUES (
            TG_ARGV[1], 'done', format('%s (database)', session_user), '', '',
            coalesce(
                (SELECT slug FROM catalogue_dataset
                  WHERE id = CASE TG_ARGV[0] WHEN 'dataset' THEN state ->> 'id' ELSE state ->> 'dataset_id' END::bigint),
                state ->> 'slug', ''),
            row_is || ' in the database',
            state || jsonb_build_object(
                'change', CASE TG_OP WHEN 'INSERT' THEN 'added' WHEN 'UPDATE' THEN 'changed' ELSE 'removed' END));
    END IF;
    RETURN NULL;
END $$
"""
#: Table, model, kind of event, and the columns whose change is one of access.
RECORDED = (
    (
        "catalogue_grant", "grant", "grant",
        "dataset_id, collection_id, user_id, group_id, visa_type, visa_value, visa_source, visa_issuer, role, expires,"
        " kinds, header_only",
    ),
    ("catalogue_grantfile", "grantfile", "grant", "grant_id, file_id"),
    ("catalogue_grantregion", "grantregion", "grant", 'grant_id, contig, start, "end"'),
    ("catalogue_apitoken", "apitoken", "token", "user_id, prefix, digest, scopes, expires, revoked"),
    ("catalogue_identity", "identity", "token", "user_id, issuer, subject"),
    ("catalogue_dataset", "dataset", "admin", "slug, visibility"),
    ("catalogue_sequencecollection", "sequencecollection", "admin", "name, visibility"),
)  # fmt: skip

TRIGGER = """
CREATE CONSTRAINT TRIGGER {table}_is_recorded AFTER INSERT OR DELETE OR UPDATE OF {columns} ON {table}
    DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION catalogue_record_change('{model}', '{kind}')
"""


class Migration(migrations.Migration):
    dependencies = [("catalogue", "0029_violation_messages")]

    operations = [
        migrations.RunSQL(FUNCTION, "DROP FUNCTION catalogue_record_change()"),
        *(
            migrations.RunSQL(
                TRIGGER.format(table=table, model=model, kind=kind, columns=columns),
                f"DROP TRIGGER {table}_is_recorded ON {table}",
            )
            for table, model, kind, columns in RECORDED
        ),
    ]
