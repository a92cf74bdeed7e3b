-- Makes a table that is to become a partition, and to be filled before it does: its indexes are then made at once, which
-- takes a fraction of what their upkeep takes row by row. It is the owner's; who called may add rows until it is attached.
--
-- parent: the partitioned table; first: the smallest visit of the partition, which is its name, too.
CREATE OR REPLACE FUNCTION ssdb_new_partition(parent text, first bigint) RETURNS text
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, :schema, pg_temp AS $$
DECLARE
    child text := parent || '_' || first;
BEGIN
    IF parent NOT IN ('DiaSource', 'SSSource', 'SsCandidate', 'SsExpected', 'SsPrediction') THEN
        RAISE EXCEPTION '% is not partitioned by visits', parent;
    END IF;
    EXECUTE format(
        'CREATE TABLE :schema.%I (LIKE :schema.%I INCLUDING DEFAULTS INCLUDING GENERATED INCLUDING CONSTRAINTS '
        'INCLUDING STORAGE INCLUDING COMMENTS)', child, parent);
    IF parent = 'DiaSource' THEN
        -- Room in each page for the versions of rows that association gives an ssObjectId, so that no index is touched.
        EXECUTE format('ALTER TABLE :schema.%I SET (fillfactor = 80)', child);
    END IF;
    EXECUTE format('GRANT INSERT ON :schema.%I TO %I', child, session_user);
    RETURN child;
END $$
