-- Renews the statistics of a partition that ingest has changed a lot, of the columns that statements search by: the
-- server would do it by itself only some time later, and plans of what comes next would be guesses until then.
--
-- parent, first: as for ssdb_new_partition(), whatever else the partition is called.
CREATE OR REPLACE FUNCTION ssdb_analyze_partition(parent text, child regclass) RETURNS void
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, :schema, pg_temp AS $$
DECLARE
    searched text;
BEGIN
    IF NOT EXISTS (SELECT FROM pg_inherits WHERE inhrelid = child AND inhparent = format(':schema.%I', parent)::regclass)
    THEN
        RAISE EXCEPTION '% is not a partition of %', child, parent;
    END IF;
    SELECT string_agg(DISTINCT format('%I', a.attname), ', ') INTO searched
    FROM pg_index i JOIN pg_attribute a ON a.attrelid = i.indrelid AND a.attnum = ANY (i.indkey)
    WHERE i.indrelid = child;
    -- Citus hands the names of columns on without their quotes.
    searched := CASE WHEN to_regclass('pg_catalog.pg_dist_partition') IS NULL THEN format('(%s)', searched) ELSE '' END;
    EXECUTE format('ANALYZE %s %s', child, searched);
END $$
