-- Makes what ssdb_new_partition() made a partition, with its indexes. Who reads and writes the partitioned table goes on.
-- Its range must be the one that is due to it: that of the partitions of other tables which begin there, or else what
-- partitions_for() of ssdb/store/ddl/partitions.py says as well. Nobody who may have partitions made chooses bounds.
--
-- parent, first: as there; past: the smallest visit above those of the partition; NULL: it has no end.
CREATE OR REPLACE FUNCTION ssdb_attach_partition(parent text, first bigint, past bigint) RETURNS void
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, :schema, pg_temp AS $$
DECLARE
    parents CONSTANT text[] := ARRAY['DiaMatch', 'DiaSource', 'SSSource', 'SsCandidate', 'SsExpected', 'SsForcedSource',
                                     'SsPrediction'];
    child CONSTANT text := parent || '_' || first;
    endless CONSTANT numeric := 9223372036854775808;
    width CONSTANT numeric := coalesce((SELECT value FROM metadata WHERE name = 'ssdb:visitsPerPartition'), '100000');
    cell CONSTANT numeric := floor(first / width) * width;
    stop CONSTANT numeric := coalesce(past, endless);
    before numeric;
    behind numeric;
    is_known boolean;
BEGIN
    IF parent <> ALL (parents) THEN
        RAISE EXCEPTION '% is not partitioned by visits', parent;
    END IF;
    EXECUTE format('ALTER TABLE :schema.%I ATTACH PARTITION :schema.%I FOR VALUES FROM (%s) TO (%s)',
                   parent, child, quote_literal(first), coalesce(quote_literal(past), 'MAXVALUE'));
    IF session_user <> current_user THEN
        EXECUTE format('REVOKE ALL ON :schema.%I FROM %I', child, session_user);
    END IF;
    -- That the others have the right ones was seen here, when they were attached: now, and not at the end of the
    -- transaction, so that two with the same wrong bounds cannot vouch for each other.
    SELECT bool_and(m.ends = stop) FILTER (WHERE begins = first), max(m.ends) FILTER (WHERE begins < first),
           min(begins) FILTER (WHERE begins > first)
    INTO is_known, before, behind
    FROM (SELECT first UNION SELECT ssdb_partitions_beside(cell, width)) b (begins)
    CROSS JOIN unnest(array_remove(parents, CASE WHEN begins = first THEN parent END)) other
    JOIN pg_class c ON c.oid = to_regclass(format(':schema.%I', other || '_' || begins)) AND c.relispartition
    CROSS JOIN LATERAL (
        SELECT coalesce(substring(pg_get_expr(c.relpartbound, c.oid) FROM ' TO \(''?(-?\d+)''?\)')::numeric, endless)
    ) m (ends);
    IF NOT coalesce(is_known,
                    first = greatest(cell, before, -endless) AND stop = least(cell + width, behind, endless)) THEN
        RAISE EXCEPTION 'partition % cannot be of the visits from % to below %', child, first, stop;
    END IF;
END $$
