-- Three roles for a database of ssdb on PostgreSQL, each with what it needs and nothing more:
--
--   ssdb_reader   SELECT on everything: ssdb status, query, export, check, resolve
--   ssdb_writer   besides, rows in and out of the tables, and temporary tables: ssdb ingest, fetch, predict, associate
--   ssdb_owner    owns the tables and views, and may make others: ssdb init, partition
--
-- To be run by a superuser, in the database, after `ssdb init`; again where a newer ssdb has upgraded the schema under
-- another user than ssdb_owner. It may be run any number of times. The roles cannot log in: people and services are
-- made members of them.
--
--   psql -d survey -f roles.sql
--   psql -d survey -c "CREATE ROLE anna LOGIN IN ROLE ssdb_reader"
--   psql -d survey -c "CREATE ROLE pipeline LOGIN IN ROLE ssdb_writer"
--   psql -d survey -c "CREATE ROLE keeper LOGIN IN ROLE ssdb_owner" -c "ALTER ROLE keeper SET role = ssdb_owner"
--
-- The database is taken to be ssdb's own, and its tables to be in the schema public. A table of the users' own there
-- keeps its owner and its grants.

BEGIN;

-- Where the tables are distributed by Citus: functions and tables are changed in one transaction. Elsewhere nothing.
SET LOCAL citus.multi_shard_modify_mode TO 'sequential';

DO $$
DECLARE
    wanted name;
BEGIN
    FOREACH wanted IN ARRAY ARRAY['ssdb_reader', 'ssdb_writer', 'ssdb_owner']::name[] LOOP
        IF NOT EXISTS (SELECT FROM pg_roles WHERE rolname = wanted) THEN
            EXECUTE format('CREATE ROLE %I NOLOGIN', wanted);
        END IF;
    END LOOP;
    -- Who is no member of a role has no way in, and makes nothing.
    EXECUTE format('REVOKE ALL ON DATABASE %I FROM PUBLIC', current_database());
    EXECUTE format('GRANT CONNECT ON DATABASE %I TO ssdb_reader', current_database());
    EXECUTE format('GRANT TEMPORARY ON DATABASE %I TO ssdb_writer, ssdb_owner', current_database());
END $$;

GRANT ssdb_reader TO ssdb_writer, ssdb_owner;

-- Large objects are nobody's tables: without that whoever comes in can make some, and fill the disk.
REVOKE EXECUTE ON FUNCTION lo_creat(integer), lo_create(oid), lo_from_bytea(oid, bytea) FROM PUBLIC;

REVOKE ALL ON SCHEMA public FROM PUBLIC;
GRANT USAGE ON SCHEMA public TO ssdb_reader;
GRANT CREATE ON SCHEMA public TO ssdb_owner;

DO $$
DECLARE
    relation record;
    owned regproc;
BEGIN
    FOR relation IN
        SELECT c.oid::regclass AS name, c.relname <> ALL (ARRAY['alembic_version', 'metadata']) AS is_written
        FROM pg_class c
        WHERE c.relnamespace = 'public'::regnamespace AND c.relkind IN ('r', 'p', 'v')
          AND lower(c.relname) IN (
              'alembic_version', 'associationrun', 'current_identifications', 'diaforcedsource', 'diamatch',
              'diaobject', 'diaobjectalias', 'diaobjectbase', 'diaobjectlast', 'diaobjectmoment', 'diasource', 'epn_core', 'metadata',
              'mpc_orbits', 'numbered_identifications', 'objectname', 'ssalias', 'sscandidate', 'ssephemeris', 'ssephemerisend',
              'ssephemerisnight', 'ssexpected', 'ssforcedsource', 'ssobject', 'ssobjectchange', 'ssobjectfit', 'ssobjectsummary', 'ssobservation',
              'ssorbit', 'ssprediction', 'ssreportedsource', 'sssource', 'unassociatedssobject', 'visit', 'visitdetector')
    LOOP
        EXECUTE format('ALTER TABLE %s OWNER TO ssdb_owner', relation.name);
        EXECUTE format('REVOKE ALL ON %s FROM PUBLIC, ssdb_reader, ssdb_writer', relation.name);
        EXECUTE format('GRANT SELECT ON %s TO ssdb_reader', relation.name);
        -- Of the others the owner alone changes rows: what version the tables are of, and how wide partitions are.
        IF relation.is_written THEN
            EXECUTE format('GRANT INSERT, UPDATE, DELETE ON %s TO ssdb_writer', relation.name);
        END IF;
    END LOOP;
    -- A row of it is a lock: to take one needs the right to update a column, of which any will do.
    ALTER TABLE "SsLock" OWNER TO ssdb_owner;
    REVOKE ALL ON "SsLock" FROM PUBLIC, ssdb_reader, ssdb_writer;
    GRANT SELECT ON "SsLock" TO ssdb_reader;
    GRANT UPDATE (made) ON "SsLock" TO ssdb_writer;
    -- Rows are written through the tables that the partitions are of, and those of a detached partition not at all.
    FOR relation IN
        SELECT c.oid::regclass AS name
        FROM pg_class c LEFT JOIN pg_inherits i ON i.inhrelid = c.oid LEFT JOIN pg_class p ON p.oid = i.inhparent
        WHERE c.relnamespace = 'public'::regnamespace AND c.relkind = 'r'
          AND (p.relname IN ('DiaMatch', 'DiaSource', 'SSSource', 'SsCandidate', 'SsExpected', 'SsForcedSource',
                             'SsPrediction')
               OR c.relname ~ ('^(Visit(Detector)?|DiaMatch|(Dia|SS|SsForced)Source|Ss(Candidate|Expected|Prediction))'
                               '_-?[0-9]+_detached$'))
    LOOP
        EXECUTE format('ALTER TABLE %s OWNER TO ssdb_owner', relation.name);
        EXECUTE format('REVOKE ALL ON %s FROM PUBLIC, ssdb_reader, ssdb_writer', relation.name);
        EXECUTE format('GRANT SELECT ON %s TO ssdb_reader', relation.name);
    END LOOP;
    -- With them a writer has the owner make the partitions of a new night.
    FOREACH owned IN ARRAY
        ARRAY['ssdb_new_partition', 'ssdb_attach_partition', 'ssdb_analyze_partition', 'ssdb_check_partition',
              'ssdb_partitions_beside']::regproc[]
    LOOP
        EXECUTE format('ALTER FUNCTION %s OWNER TO ssdb_owner', owned);
        EXECUTE format('REVOKE ALL ON FUNCTION %s FROM PUBLIC', owned);
        EXECUTE format('GRANT EXECUTE ON FUNCTION %s TO ssdb_writer', owned);
    END LOOP;
END $$;

-- What ssdb_owner makes later is read by the same roles; rows of what an upgrade makes `ssdb init` lets writers change.
ALTER DEFAULT PRIVILEGES FOR ROLE ssdb_owner IN SCHEMA public GRANT SELECT ON TABLES TO ssdb_reader;
ALTER DEFAULT PRIVILEGES FOR ROLE ssdb_owner IN SCHEMA public REVOKE INSERT, UPDATE, DELETE ON TABLES FROM ssdb_writer;
ALTER DEFAULT PRIVILEGES FOR ROLE ssdb_owner IN SCHEMA public GRANT EXECUTE ON FUNCTIONS TO ssdb_writer;

COMMIT;
