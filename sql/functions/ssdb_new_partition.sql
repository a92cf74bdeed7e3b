-- Makes a table that is to become a partition, and to be filled before it does: its indexes are then made at once, which
-- takes a fraction of what their upkeep takes row by row. It is the owner's; who called may add rows until it is attached.
-- Nobody else makes one until the end of the transaction, when ssdb_check_partition() sees whether it is one.
--
-- parent: the partitioned table; first: the smallest visit of the partition, which is its name, too.
CREATE OR REPLACE FUNCTION ssdb_new_partition(parent text, first bigint) RETURNS text
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, :schema, pg_temp AS $$
DECLARE
    child text := parent || '_' || first;
    most CONSTANT integer := 10000;
BEGIN
    IF parent NOT IN ('DiaMatch', 'DiaSource', 'SSSource', 'SsCandidate', 'SsExpected', 'SsForcedSource', 'SsPrediction') THEN
        RAISE EXCEPTION '% is not partitioned by visits', parent;
    END IF;
    PERFORM FROM "SsLock" WHERE name = 'partitions' FOR UPDATE;
    IF NOT FOUND THEN
        RAISE EXCEPTION 'the table SsLock has lost its row partitions: run `ssdb init`';
    END IF;
    IF (SELECT count(*) FROM pg_inherits WHERE inhparent = format(':schema.%I', parent)::regclass) >= most THEN
        RAISE EXCEPTION '% has % partitions already, as many as there may be: detach old ones, or have new ones hold more visits with `ssdb partition width`',
            parent, most;
    END IF;
    EXECUTE format(
        'CREATE TABLE :schema.%I (LIKE :schema.%I INCLUDING DEFAULTS INCLUDING GENERATED INCLUDING CONSTRAINTS '
        'INCLUDING STORAGE INCLUDING COMMENTS)', child, parent);
    IF parent = 'DiaSource' THEN
        -- Room in each page for the versions of rows that association gives an ssObjectId, so that no index is touched.
        EXECUTE format('ALTER TABLE :schema.%I SET (fillfactor = 80)', child);
    END IF;
    EXECUTE format('GRANT INSERT ON :schema.%I TO %I', child, session_user);
    -- Has it checked. Last: whoever has constraints checked at once has it checked here, and it is no partition yet.
    UPDATE "SsLock" SET made = child WHERE name = 'partitions';
    RETURN child;
END $$
