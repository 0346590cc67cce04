"""What constraints cannot say: an audit that only grows, grants that count their changes, and limits that stay limits."""

from django.db import migrations

AUDIT = """
CREATE FUNCTION catalogue_audit_only_grows() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF TG_OP = 'DELETE' AND current_setting('htsgetsite.audit_removal', true) = 'retention' THEN
        RETURN OLD;
    END IF;
    IF TG_OP = 'TRUNCATE' AND current_setting('htsgetsite.audit_removal', true) = 'flush' THEN
        RETURN NULL;
    END IF;
    RAISE EXCEPTION 'the audit only grows: % is refused', TG_OP USING ERRCODE = 'insufficient_privilege';
END $$;
CREATE TRIGGER audit_rows_stay BEFORE UPDATE OR DELETE ON catalogue_auditevent
    FOR EACH ROW EXECUTE FUNCTION catalogue_audit_only_grows();
CREATE TRIGGER audit_stays BEFORE TRUNCATE ON catalogue_auditevent
    FOR EACH STATEMENT EXECUTE FUNCTION catalogue_audit_only_grows();
"""
NO_AUDIT = """
DROP TRIGGER audit_stays ON catalogue_auditevent;
DROP TRIGGER audit_rows_stay ON catalogue_auditevent;
DROP FUNCTION catalogue_audit_only_grows();
"""

GRANTS = """
CREATE FUNCTION catalogue_grant_changes() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF NOT NEW.limited_to_regions AND EXISTS (SELECT 1 FROM catalogue_grantregion WHERE grant_id = NEW.id) THEN
        RAISE EXCEPTION 'a grant with regions is limited to them'
            USING ERRCODE = 'check_violation', CONSTRAINT = 'grant_with_regions_is_limited';
    END IF;
    IF NOT NEW.limited_to_files AND EXISTS (SELECT 1 FROM catalogue_grantfile WHERE grant_id = NEW.id) THEN
        RAISE EXCEPTION 'a grant with files is limited to them'
            USING ERRCODE = 'check_violation', CONSTRAINT = 'grant_with_files_is_limited';
    END IF;
    NEW.revision := OLD.revision + 1;
    RETURN NEW;
END $$;
CREATE TRIGGER grant_changes BEFORE UPDATE ON catalogue_grant
    FOR EACH ROW EXECUTE FUNCTION catalogue_grant_changes();

CREATE FUNCTION catalogue_grant_limit_changes() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF TG_OP IN ('UPDATE', 'DELETE') THEN
        UPDATE catalogue_grant SET note = note WHERE id = OLD.grant_id;
    END IF;
    IF TG_OP IN ('INSERT', 'UPDATE') THEN
        IF TG_ARGV[0] = 'regions' THEN
            UPDATE catalogue_grant SET limited_to_regions = true WHERE id = NEW.grant_id;
        ELSE
            UPDATE catalogue_grant SET limited_to_files = true WHERE id = NEW.grant_id;
        END IF;
        RETURN NEW;
    END IF;
    RETURN OLD;
END $$;
CREATE TRIGGER grant_region_changes BEFORE INSERT OR UPDATE OR DELETE ON catalogue_grantregion
    FOR EACH ROW EXECUTE FUNCTION catalogue_grant_limit_changes('regions');
CREATE TRIGGER grant_file_changes BEFORE INSERT OR UPDATE OR DELETE ON catalogue_grantfile
    FOR EACH ROW EXECUTE FUNCTION catalogue_grant_limit_changes('files');
"""
NO_GRANTS = """
DROP TRIGGER grant_file_changes ON catalogue_grantfile;
DROP TRIGGER grant_region_changes ON catalogue_grantregion;
DROP FUNCTION catalogue_grant_limit_changes();
DROP TRIGGER grant_changes ON catalogue_grant;
DROP FUNCTION catalogue_grant_changes();
"""


class Migration(migrations.Migration):
    dependencies = [("catalogue", "0020_access")]

    operations = [
        migrations.RunSQL(AUDIT, NO_AUDIT),
        migrations.RunSQL(GRANTS, NO_GRANTS),
        # Counts for limits need not outlive a crash, and so need not wait for a disk.
        migrations.RunSQL(
            "ALTER TABLE catalogue_usage SET UNLOGGED", "ALTER TABLE catalogue_usage SET LOGGED"
        ),
    ]
