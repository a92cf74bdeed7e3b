-- Sources that more than one object claims: every pair of such a source and an object, and which was chosen.
--
-- Parameters:
--   visit  integer  -  all  Only this visit
--   since  time     -  all  Only visits from this time on
--   until  time     -  all  Only visits before this time
-- Columns:
--   nObjects  long  -  Objects that the source could be
-- Example: --param visit=3
WITH candidates AS (
    SELECT v."midpointMjdTai", v."band", c.*, count(*) OVER (PARTITION BY c."visit", c."diaSourceId") AS n
    FROM "Visit" v
    JOIN "SsCandidate" c ON c."visit" = v."visit"
    WHERE v."visit" = coalesce(CAST(:visit AS bigint), v."visit")
      AND v."midpointMjdTai" >= coalesce(CAST(:since AS double precision), -1e9)
      AND v."midpointMjdTai" < coalesce(CAST(:until AS double precision), 1e9)
)
SELECT c."visit", c."midpointMjdTai", c."band", c."diaSourceId", c.n AS "nObjects", c."ssObjectId", p."designation",
       p."ephVmag", c."separation", c."chi2", c."logOdds", c."rank", c."chosen", c."probability"
FROM candidates c
JOIN "SsPrediction" p ON p."visit" = c."visit" AND p."ssObjectId" = c."ssObjectId"
WHERE c.n > 1
ORDER BY c."midpointMjdTai", c."visit", c."diaSourceId", c."separation", c."ssObjectId"
