-- At the end of every transaction that made a table to become a partition: it must be one by then, and a visit of its
-- range must be stored. So nobody who may have partitions made leaves tables behind, or makes any that nothing needs.
CREATE OR REPLACE FUNCTION ssdb_check_partition() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, :schema, pg_temp AS $$
DECLARE
    bound text;
    first bigint;
    past bigint;
BEGIN
    SELECT pg_get_expr(c.relpartbound, c.oid) INTO bound
    FROM pg_class c WHERE c.oid = to_regclass(format(':schema.%I', NEW.made));
    IF NOT FOUND THEN
        RETURN NULL;
    END IF;
    IF bound IS NULL THEN
        RAISE EXCEPTION 'table % was made to become a partition, and is none', NEW.made;
    END IF;
    first := substring(bound FROM 'FROM \(''?(-?\d+)''?\)');
    past := substring(bound FROM ' TO \(''?(-?\d+)''?\)');  -- NULL: it has no end
    IF NOT pg_has_role(session_user, current_user, 'USAGE')
       AND NOT EXISTS (SELECT FROM "Visit" WHERE visit >= first AND (visit < past OR past IS NULL)) THEN
        RAISE EXCEPTION 'partition % is of no visit that is stored', NEW.made;
    END IF;
    RETURN NULL;
END $$;

DO $$
BEGIN
    IF NOT EXISTS (SELECT FROM pg_trigger WHERE tgname = 'ssdb_check_partition' AND tgrelid = ':schema."SsLock"'::regclass)
    THEN
        CREATE CONSTRAINT TRIGGER ssdb_check_partition AFTER UPDATE OF made ON :schema."SsLock"
        DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION ssdb_check_partition();
    END IF;
END $$;
