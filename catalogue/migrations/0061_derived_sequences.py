"""Privacy of derived sequences: they count as sequences of the collection of their genome."""

from django.db import migrations

RULES = """
-- Every sequence of a collection: its members, and what the annotations of the collection derived from them.
CREATE VIEW catalogue_sequence_of_collection AS
    SELECT sequence_id, collection_id FROM catalogue_collectionmember
    UNION ALL
    SELECT derived.sequence_id, genome.collection_id
      FROM catalogue_derivedsequence AS derived JOIN catalogue_genome AS genome ON genome.id = derived.genome_id;

CREATE OR REPLACE FUNCTION catalogue_settle_sequences(ids bigint[]) RETURNS void LANGUAGE sql AS $$
    UPDATE catalogue_sequence AS sequence SET private = settled.private
      FROM (SELECT held.sequence_id, bool_and(collection.visibility = 'private') AS private
              FROM unnest(ids) AS changed (id)
              JOIN catalogue_sequence_of_collection AS held ON held.sequence_id = changed.id
              JOIN catalogue_sequencecollection AS collection ON collection.id = held.collection_id
             GROUP BY held.sequence_id) AS settled
     WHERE sequence.id = settled.sequence_id AND sequence.private <> settled.private
$$;

CREATE OR REPLACE FUNCTION catalogue_collection_visibility_changes() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    PERFORM 1 FROM catalogue_sequence
      WHERE id IN (SELECT sequence_id FROM catalogue_sequence_of_collection WHERE collection_id = NEW.id)
      ORDER BY id FOR NO KEY UPDATE;
    PERFORM catalogue_settle_sequences(
        ARRAY(SELECT DISTINCT sequence_id FROM catalogue_sequence_of_collection WHERE collection_id = NEW.id));
    RETURN NULL;
END $$;

CREATE OR REPLACE FUNCTION catalogue_sequence_is_published() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    open boolean := (SELECT bool_or(collection.visibility = 'public')
                       FROM catalogue_sequence_of_collection AS held
                       JOIN catalogue_sequencecollection AS collection ON collection.id = held.collection_id
                      WHERE held.sequence_id = NEW.id);
BEGIN
    IF NOT coalesce(open, current_setting('htsgetsite.publish_sequences', true) = 'on', false) THEN
        RAISE EXCEPTION 'a private sequence becomes public with a collection, or by being published'
            USING ERRCODE = 'check_violation', CONSTRAINT = 'sequence_is_published_on_purpose';
    END IF;
    RETURN NEW;
END $$;

-- As `catalogue_members_change` does for members: locks first, then the rule, in a new snapshot.
CREATE FUNCTION catalogue_derived_change() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    PERFORM 1 FROM catalogue_sequencecollection
      WHERE id IN (SELECT genome.collection_id FROM catalogue_genome AS genome
                    WHERE genome.id IN (SELECT genome_id FROM changed)) ORDER BY id FOR SHARE;
    IF TG_OP = 'INSERT' AND NOT EXISTS (
        SELECT 1 FROM catalogue_genome AS genome
          JOIN catalogue_sequencecollection AS collection ON collection.id = genome.collection_id
         WHERE genome.id IN (SELECT genome_id FROM changed) AND collection.visibility <> 'public'
    ) THEN
        UPDATE catalogue_sequence SET private = false
         WHERE private AND id IN (SELECT sequence_id FROM changed);
    ELSE
        PERFORM 1 FROM catalogue_sequence
          WHERE id IN (SELECT sequence_id FROM changed) ORDER BY id FOR NO KEY UPDATE;
        PERFORM catalogue_settle_sequences(ARRAY(SELECT DISTINCT sequence_id FROM changed));
    END IF;
    RETURN NULL;
END $$;
CREATE TRIGGER derived_added AFTER INSERT ON catalogue_derivedsequence
    REFERENCING NEW TABLE AS changed FOR EACH STATEMENT EXECUTE FUNCTION catalogue_derived_change();
CREATE TRIGGER derived_removed AFTER DELETE ON catalogue_derivedsequence
    REFERENCING OLD TABLE AS changed FOR EACH STATEMENT EXECUTE FUNCTION catalogue_derived_change();

-- Rows that never change need no rule for changes.
CREATE FUNCTION catalogue_derived_stays() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION 'a derived sequence stays with its genome, and a genome with its collection'
        USING ERRCODE = 'check_violation', CONSTRAINT = 'genome_stays_with_its_collection';
END $$;
CREATE TRIGGER derived_stays BEFORE UPDATE ON catalogue_derivedsequence
    FOR EACH ROW EXECUTE FUNCTION catalogue_derived_stays();
CREATE TRIGGER genome_stays BEFORE UPDATE OF collection_id ON catalogue_genome
    FOR EACH ROW WHEN (OLD.collection_id IS DISTINCT FROM NEW.collection_id)
    EXECUTE FUNCTION catalogue_derived_stays();
"""
NO_RULES = """
DROP TRIGGER genome_stays ON catalogue_genome;
DROP TRIGGER derived_stays ON catalogue_derivedsequence;
DROP FUNCTION catalogue_derived_stays();
DROP TRIGGER derived_removed ON catalogue_derivedsequence;
DROP TRIGGER derived_added ON catalogue_derivedsequence;
DROP FUNCTION catalogue_derived_change();

CREATE OR REPLACE FUNCTION catalogue_settle_sequences(ids bigint[]) RETURNS void LANGUAGE sql AS $$
    UPDATE catalogue_sequence AS sequence SET private = settled.private
      FROM (SELECT member.sequence_id, bool_and(collection.visibility = 'private') AS private
              FROM unnest(ids) AS changed (id)
              JOIN catalogue_collectionmember AS member ON member.sequence_id = changed.id
              JOIN catalogue_sequencecollection AS collection ON collection.id = member.collection_id
             GROUP BY member.sequence_id) AS settled
     WHERE sequence.id = settled.sequence_id AND sequence.private <> settled.private
$$;
CREATE OR REPLACE FUNCTION catalogue_collection_visibility_changes() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    PERFORM 1 FROM catalogue_sequence
      WHERE id IN (SELECT sequence_id FROM catalogue_collectionmember WHERE collection_id = NEW.id)
      ORDER BY id FOR NO KEY UPDATE;
    PERFORM catalogue_settle_sequences(
        ARRAY(SELECT DISTINCT sequence_id FROM catalogue_collectionmember WHERE collection_id = NEW.id));
    RETURN NULL;
END $$;
CREATE OR REPLACE FUNCTION catalogue_sequence_is_published() RETURNS trigger LANGUAGE plpgsql AS $$
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
DROP VIEW catalogue_sequence_of_collection;
"""


class Migration(migrations.Migration):
    dependencies = [("catalogue", "0060_annotation")]

    operations = [migrations.RunSQL(RULES, NO_RULES)]
