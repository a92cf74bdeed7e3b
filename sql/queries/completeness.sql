-- Completeness against predicted magnitude: which share of the objects expected on a detector got a source.
--
-- Objects in the padding around a detector count only where they got a source, as in nTotalSsObjects. The range of the
-- share is Wilson's, of one standard deviation. Objects without a predicted magnitude are a group of their own (NULL).
--
-- Parameters:
--   bin    positive mag  0.5  Width of the groups in predicted magnitude
--   band   text    -    all  Only visits with this filter
--   since  time    -    all  Only visits from this time on
--   until  time    -    all  Only visits before this time
-- Columns:
--   ephVmag          double  mag  Beginning of the group in predicted magnitude
--   ephVmagEnd       double  mag  End of the group in predicted magnitude
--   nExpected        long    -    Objects expected
--   nFound           long    -    Those that got a source
--   completeness     double  -    nFound over nExpected
--   completenessLow  double  -    Lower end of its range
--   completenessHigh double  -    Upper end of its range
-- Example: --param bin=1
WITH expected AS (
    SELECT v."band", CASE WHEN e."diaSourceId" IS NULL THEN 0 ELSE 1 END AS found,
           floor(p."ephVmag" / CAST(:bin AS double precision)) AS step
    FROM "Visit" v
    JOIN "SsExpected" e ON e."visit" = v."visit"
    JOIN "SsPrediction" p ON p."visit" = e."visit" AND p."ssObjectId" = e."ssObjectId"
    WHERE v."status" = 'done' AND (CAST(:band AS text) IS NULL OR v."band" = CAST(:band AS text))
      AND v."midpointMjdTai" >= coalesce(CAST(:since AS double precision), -1e9)
      AND v."midpointMjdTai" < coalesce(CAST(:until AS double precision), 1e9)
      AND (e."edgeDistance" IS NULL OR e."edgeDistance" >= 0 OR e."diaSourceId" IS NOT NULL)
), counted AS (
    SELECT "band", step, CAST(count(*) AS double precision) AS n, CAST(sum(found) AS double precision) AS found
    FROM expected GROUP BY "band", step
), shares AS (
    SELECT c.*, found / n AS p, sqrt(found / n * (1 - found / n) / n + 0.25 / n / n) AS half FROM counted c
)
SELECT "band", step * CAST(:bin AS double precision) AS "ephVmag",
       (step + 1) * CAST(:bin AS double precision) AS "ephVmagEnd",
       CAST(n AS bigint) AS "nExpected", CAST(found AS bigint) AS "nFound", p AS "completeness",
       CASE WHEN found = 0 THEN 0 ELSE (p + 0.5 / n - half) / (1 + 1 / n) END AS "completenessLow",
       CASE WHEN found = n THEN 1 ELSE (p + 0.5 / n + half) / (1 + 1 / n) END AS "completenessHigh"
FROM shares
ORDER BY "band" NULLS LAST, step NULLS LAST
