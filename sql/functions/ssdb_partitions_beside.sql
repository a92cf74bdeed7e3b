-- Where the partitions begin that decide the range of a new one: all that begin in its cell, and the last one before.
-- They are called after their first visit: names of the same length are in order in the index of pg_class, so that most
-- are not looked at, however many there are. Ranges are the same in all partitioned tables, or apart.
--
-- cell, width: a new partition would be of the visits from cell to below cell + width, if no other were there.
CREATE OR REPLACE FUNCTION ssdb_partitions_beside(cell numeric, width numeric) RETURNS SETOF bigint
LANGUAGE plpgsql STABLE SET search_path = pg_catalog, :schema, pg_temp
SET enable_seqscan = off SET enable_bitmapscan = off SET enable_sort = off AS $$
DECLARE
    parents CONSTANT text[] := ARRAY['DiaMatch', 'DiaSource', 'SSSource', 'SsCandidate', 'SsExpected', 'SsForcedSource',
                                     'SsPrediction'];
    last CONSTANT numeric := cell + width - 1;
    before bigint;
BEGIN
    IF cell >= 0 AND length(cell::text) = length(last::text) THEN
        SELECT max(substr(b.relname, length(parent) + 2)::bigint) INTO before
        FROM unnest(parents) parent, LATERAL (
            SELECT c.relname FROM pg_class c
            WHERE c.relname > (parent || '_')::name AND c.relname < (parent || '_' || cell)::name
              AND c.relnamespace = ':schema'::regnamespace AND c.relispartition AND c.relkind = 'r'
              AND c.relname ~ format('^%s_\d{%s}$', parent, length(cell::text))
            ORDER BY c.relname DESC LIMIT 1
        ) b;
    END IF;
    IF before IS NULL THEN
        -- The first of its length: all are looked at.
        RETURN QUERY
        WITH begins AS MATERIALIZED (
            SELECT DISTINCT substring(c.relname FROM '_(-?\d+)$')::bigint AS visit
            FROM pg_class p JOIN pg_inherits i ON i.inhparent = p.oid JOIN pg_class c ON c.oid = i.inhrelid
            WHERE p.relnamespace = ':schema'::regnamespace AND p.relname = ANY (parents)
        )
        SELECT visit FROM begins
        WHERE visit BETWEEN cell AND last OR visit = (SELECT max(visit) FROM begins WHERE visit < cell);
        RETURN;
    END IF;
    RETURN NEXT before;
    RETURN QUERY SELECT DISTINCT substr(c.relname, length(parent) + 2)::bigint
    FROM unnest(parents) parent JOIN pg_class c
      ON c.relname BETWEEN (parent || '_' || cell)::name AND (parent || '_' || last)::name
     AND c.relnamespace = ':schema'::regnamespace AND c.relispartition AND c.relkind = 'r'
     AND c.relname ~ format('^%s_\d{%s}$', parent, length(cell::text));
END $$
