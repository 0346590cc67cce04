"""A grant is there once, and names files of its own dataset only."""

from django.db import migrations

PRESENT = """
DELETE FROM catalogue_grant AS later USING catalogue_grant AS first
 WHERE later.id > first.id
   AND NOT later.limited_to_files AND NOT later.limited_to_regions
   AND NOT first.limited_to_files AND NOT first.limited_to_regions
   AND (later.dataset_id, later.collection_id, later.user_id, later.group_id, later.visa_type, later.visa_value,
        later.visa_source, later.visa_issuer, later.role, later.expires, later.kinds, later.header_only)
    IS NOT DISTINCT FROM
       (first.dataset_id, first.collection_id, first.user_id, first.group_id, first.visa_type, first.visa_value,
        first.visa_source, first.visa_issuer, first.role, first.expires, first.kinds, first.header_only);
DELETE FROM catalogue_grantfile AS named USING catalogue_grant AS granted, catalogue_datafile AS file
 WHERE granted.id = named.grant_id AND file.id = named.file_id AND granted.dataset_id IS DISTINCT FROM file.dataset_id;
"""

RULES = """
CREATE FUNCTION catalogue_grant_file_is_of_its_dataset() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    of_file bigint;
    of_grant bigint;
BEGIN
    -- Both stay where they are until this is committed.
    SELECT dataset_id INTO of_file FROM catalogue_datafile WHERE id = NEW.file_id FOR SHARE;
    SELECT dataset_id INTO of_grant FROM catalogue_grant WHERE id = NEW.grant_id FOR SHARE;
    IF of_file IS DISTINCT FROM of_grant THEN
        RAISE EXCEPTION 'the file is of another dataset than the grant'
            USING ERRCODE = 'check_violation', CONSTRAINT = 'grant_file_is_of_its_dataset';
    END IF;
    RETURN NEW;
END $$;
CREATE TRIGGER grant_file_is_of_its_dataset BEFORE INSERT OR UPDATE ON catalogue_grantfile
    FOR EACH ROW EXECUTE FUNCTION catalogue_grant_file_is_of_its_dataset();

-- A file that moves leaves the grants of its former dataset, which stay limited to the rest of their files.
CREATE FUNCTION catalogue_file_moves() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    DELETE FROM catalogue_grantfile AS named USING catalogue_grant AS granted
     WHERE named.file_id = NEW.id AND granted.id = named.grant_id AND granted.dataset_id IS DISTINCT FROM NEW.dataset_id;
    RETURN NULL;
END $$;
CREATE TRIGGER file_moves AFTER UPDATE OF dataset_id ON catalogue_datafile
    FOR EACH ROW WHEN (OLD.dataset_id IS DISTINCT FROM NEW.dataset_id) EXECUTE FUNCTION catalogue_file_moves();

CREATE FUNCTION catalogue_grant_moves() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF EXISTS (SELECT 1 FROM catalogue_grantfile WHERE grant_id = NEW.id) THEN
        RAISE EXCEPTION 'a grant with files stays with their dataset'
            USING ERRCODE = 'check_violation', CONSTRAINT = 'grant_file_is_of_its_dataset';
    END IF;
    RETURN NULL;
END $$;
CREATE TRIGGER grant_moves AFTER UPDATE OF dataset_id ON catalogue_grant
    FOR EACH ROW WHEN (OLD.dataset_id IS DISTINCT FROM NEW.dataset_id) EXECUTE FUNCTION catalogue_grant_moves();
"""
NO_RULES = """
DROP TRIGGER grant_moves ON catalogue_grant;
DROP FUNCTION catalogue_grant_moves();
DROP TRIGGER file_moves ON catalogue_datafile;
DROP FUNCTION catalogue_file_moves();
DROP TRIGGER grant_file_is_of_its_dataset ON catalogue_grantfile;
DROP FUNCTION catalogue_grant_file_is_of_its_dataset();
"""


class Migration(migrations.Migration):
    dependencies = [("catalogue", "0026_audit_requests")]

    operations = [
        migrations.RunSQL(PRESENT, migrations.RunSQL.noop),
        migrations.RunSQL(RULES, NO_RULES),
    ]
