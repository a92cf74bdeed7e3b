-- Makes what ssdb_new_partition() made a partition, with its indexes. Who reads and writes the partitioned table goes on.
-- Whether the bounds are right is seen at the end of the transaction, by ssdb_check_partition().
--
-- parent, first: as there; past: the smallest visit above those of the partition; NULL: it has no end.
CREATE OR REPLACE FUNCTION ssdb_attach_partition(parent text, first bigint, past bigint) RETURNS void
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, :schema, pg_temp AS $$
DECLARE
    child text := parent || '_' || first;
BEGIN
    IF parent NOT IN ('DiaMatch', 'DiaSource', 'SSSource', 'SsCandidate', 'SsExpected', 'SsForcedSource', 'SsPrediction') THEN
        RAISE EXCEPTION '% is not partitioned by visits', parent;
    END IF;
    EXECUTE format('ALTER TABLE :schema.%I ATTACH PARTITION :schema.%I FOR VALUES FROM (%s) TO (%s)',
                   parent, child, quote_literal(first), coalesce(quote_literal(past), 'MAXVALUE'));
    IF session_user <> current_user THEN
        EXECUTE format('REVOKE ALL ON :schema.%I FROM %I', child, session_user);
    END IF;
END $$
