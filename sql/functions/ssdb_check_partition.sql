-- At the end of every transaction that made a partition: it must be one by then, of the range that is due to it, and a
-- visit of that range must be stored. So nobody who may have partitions made leaves tables behind, chooses their bounds,
-- or makes any that nothing needs. What the range is, partitions_for() of ssdb/store/ddl/partitions.py says as well.
CREATE OR REPLACE FUNCTION ssdb_check_partition() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, :schema, pg_temp AS $$
DECLARE
    child oid := to_regclass(format(':schema.%I', NEW.made));
    bounds CONSTANT text := 'FROM \(''?(-?\d+)''?\) TO \(''?(-?\d+|MAXVALUE)''?\)';
    endless CONSTANT numeric := 9223372036854775808;
    width numeric := coalesce((SELECT value FROM metadata WHERE name = 'ssdb:visitsPerPartition'), '100000');
    first numeric;
    past numeric;
    before numeric;
    behind numeric;
    cell numeric;
    is_known boolean;
BEGIN
    IF child IS NULL THEN
        RETURN NULL;
    END IF;
    SELECT m[1], CASE m[2] WHEN 'MAXVALUE' THEN endless ELSE m[2]::numeric END INTO first, past
    FROM pg_inherits i JOIN pg_class c ON c.oid = i.inhrelid,
         regexp_match(pg_get_expr(c.relpartbound, c.oid), bounds) m
    WHERE c.oid = child;
    IF first IS NULL THEN
        RAISE EXCEPTION 'table % was made to become a partition, and is none', NEW.made;
    END IF;
    -- All partitions are called after their first visit; only of those beside the new one the bounds are looked at.
    WITH others AS (
        SELECT c.oid, c.relpartbound, substring(c.relname FROM '_(-?\d+)$')::numeric AS start
        FROM pg_class p JOIN pg_inherits i ON i.inhparent = p.oid JOIN pg_class c ON c.oid = i.inhrelid
        WHERE p.relnamespace = ':schema'::regnamespace AND c.oid <> child
          AND p.relname IN ('DiaMatch', 'DiaSource', 'SSSource', 'SsCandidate', 'SsExpected', 'SsForcedSource', 'SsPrediction')
    ), beside AS (
        SELECT o.start, CASE m[2] WHEN 'MAXVALUE' THEN endless ELSE m[2]::numeric END AS stop
        FROM others o, regexp_match(pg_get_expr(o.relpartbound, o.oid), bounds) m
        WHERE o.start = first OR o.start = (SELECT max(start) FROM others WHERE start < first)
    )
    SELECT (SELECT max(stop) FROM beside WHERE start < first), (SELECT min(start) FROM others WHERE start > first),
           (SELECT bool_and(stop = past) FROM beside WHERE start = first)
    INTO before, behind, is_known;
    cell := floor(first / width) * width;
    IF NOT coalesce(is_known, first = greatest(cell, before, -endless) AND past = least(cell + width, behind, endless))
    THEN
        RAISE EXCEPTION 'partition % cannot be of the visits from % to below %', NEW.made, first, past;
    END IF;
    IF NOT pg_has_role(session_user, current_user, 'USAGE')
       AND NOT EXISTS (SELECT FROM "Visit" WHERE visit BETWEEN first::bigint AND (past - 1)::bigint) THEN
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
