"""Which sequences are private, kept by the database: what was private stays so until somebody publishes it."""

from django.db import migrations

RULES = """
-- The one rule: a sequence of collections is private while all of them are; one of no collection stays as it was.
CREATE FUNCTION catalogue_settle_sequences(ids bigint[]) RETURNS void LANGUAGE sql AS $$
    UPDATE catalogue_sequence AS sequence SET private = settled.private
      FROM (SELECT member.sequence_id, bool_and(collection.visibility = 'private') AS private
              FROM unnest(ids) AS changed (id)
              JOIN catalogue_collectionmember AS member ON member.sequence_id = changed.id
              JOIN catalogue_sequencecollection AS collection ON collection.id = member.collection_id
             GROUP BY member.sequence_id) AS settled
     WHERE sequence.id = settled.sequence_id AND sequence.private <> settled.private
$$;

-- Locks first, so that the rule sees what others committed meanwhile: the statement after a lock has a new snapshot.
CREATE FUNCTION catalogue_members_change() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    PERFORM 1 FROM catalogue_sequencecollection
      WHERE id IN (SELECT collection_id FROM changed) ORDER BY id FOR SHARE;
    IF TG_OP = 'INSERT' AND NOT EXISTS (
        SELECT 1 FROM catalogue_sequencecollection
         WHERE id IN (SELECT collection_id FROM changed) AND visibility <> 'public'
    ) THEN
        -- The usual ingest, of up to millions of members: it can only publish, and few sequences are private.
        UPDATE catalogue_sequence SET private = false
         WHERE private AND id IN (SELECT sequence_id FROM changed);
    ELSE
        PERFORM 1 FROM catalogue_sequence
          WHERE id IN (SELECT sequence_id FROM changed) ORDER BY id FOR NO KEY UPDATE;
        PERFORM catalogue_settle_sequences(ARRAY(SELECT DISTINCT sequence_id FROM changed));
    END IF;
    RETURN NULL;
END $$;
CREATE TRIGGER members_added AFTER INSERT ON catalogue_collectionmember
    REFERENCING NEW TABLE AS changed FOR EACH STATEMENT EXECUTE FUNCTION catalogue_members_change();
CREATE TRIGGER members_removed AFTER DELETE ON catalogue_collectionmember
    REFERENCING OLD TABLE AS changed FOR EACH STATEMENT EXECUTE FUNCTION catalogue_members_change();
CREATE TRIGGER members_moved_away AFTER UPDATE ON catalogue_collectionmember
    REFERENCING OLD TABLE AS changed FOR EACH STATEMENT EXECUTE FUNCTION catalogue_members_change();
CREATE TRIGGER members_moved_here AFTER UPDATE ON catalogue_collectionmember
    REFERENCING NEW TABLE AS changed FOR EACH STATEMENT EXECUTE FUNCTION catalogue_members_change();

CREATE FUNCTION catalogue_collection_visibility_changes() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    PERFORM 1 FROM catalogue_sequence
      WHERE id IN (SELECT sequence_id FROM catalogue_collectionmember WHERE collection_id = NEW.id)
      ORDER BY id FOR NO KEY UPDATE;
    PERFORM catalogue_settle_sequences(
        ARRAY(SELECT DISTINCT sequence_id FROM catalogue_collectionmember WHERE collection_id = NEW.id));
    RETURN NULL;
END $$;
CREATE TRIGGER collection_visibility_changes AFTER UPDATE OF visibility ON catalogue_sequencecollection
    FOR EACH ROW WHEN (OLD.visibility IS DISTINCT FROM NEW.visibility)
    EXECUTE FUNCTION catalogue_collection_visibility_changes();

-- Publishing is an act of its own: `access.publish_sequences` says so in the transaction, a public collection by being one.
CREATE FUNCTION catalogue_sequence_is_published() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    open boolean := (SELECT bool_or(collection.visibility = 'public')
                       FROM catalogue_collectionmember AS member
                       JOIN catalogue_sequencecollection AS collection ON collection.id = member.collection_id
                      WHERE member.sequence_id = NEW.id);
BEGIN
    IF NOT coalesce(open, current_setting('htsgetsite.publish_sequences', true) = 'on', false) THEN
        RAISE EXCEPTION 'a private sequence becomes public with a collection, or by being published'
            USING ERRCODE = 'check_violation', CONSTRAINT = 'sequence_is_published_on_purpose';
    END IF;
    RETURN NEW;
END $$;
CREATE TRIGGER sequence_is_published BEFORE UPDATE OF private ON catalogue_sequence
    FOR EACH ROW WHEN (OLD.private AND NOT NEW.private) EXECUTE FUNCTION catalogue_sequence_is_published();
"""
NO_RULES = """
DROP TRIGGER sequence_is_published ON catalogue_sequence;
DROP FUNCTION catalogue_sequence_is_published();
DROP TRIGGER collection_visibility_changes ON catalogue_sequencecollection;
DROP FUNCTION catalogue_collection_visibility_changes();
DROP TRIGGER members_moved_here ON catalogue_collectionmember;
DROP TRIGGER members_moved_away ON catalogue_collectionmember;
DROP TRIGGER members_removed ON catalogue_collectionmember;
DROP TRIGGER members_added ON catalogue_collectionmember;
DROP FUNCTION catalogue_members_change();
DROP FUNCTION catalogue_settle_sequences(bigint[]);
"""

# Until now nothing told with which collection an alias came: those of private sequences go with a private collection.
PRESENT = """
SELECT catalogue_settle_sequences(ARRAY(
    SELECT DISTINCT member.sequence_id FROM catalogue_collectionmember AS member
      JOIN catalogue_sequencecollection AS collection ON collection.id = member.collection_id
     WHERE collection.visibility = 'private'));
UPDATE catalogue_alias AS alias SET collection_id = first.collection_id
  FROM (SELECT member.sequence_id, min(member.collection_id) AS collection_id
          FROM catalogue_collectionmember AS member
          JOIN catalogue_sequence AS sequence ON sequence.id = member.sequence_id AND sequence.private
         GROUP BY member.sequence_id) AS first
 WHERE first.sequence_id = alias.sequence_id;
UPDATE catalogue_namingauthority SET private = true
 WHERE description = ''
   AND id IN (SELECT authority_id FROM catalogue_alias WHERE collection_id IS NOT NULL)
   AND id NOT IN (SELECT authority_id FROM catalogue_alias WHERE collection_id IS NULL);
"""


class Migration(migrations.Migration):
    dependencies = [("catalogue", "0022_privacy")]

    operations = [
        migrations.RunSQL(RULES, NO_RULES),
        migrations.RunSQL(PRESENT, migrations.RunSQL.noop),
    ]
