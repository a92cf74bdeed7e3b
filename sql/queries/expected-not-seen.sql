-- Objects that should have been seen and were not: bright, expected on a detector, and missed several times.
--
-- Parameters:
--   brighter_than   number   mag     22   Only predictions brighter than this in V
--   times           integer  -       2    Missed at least this many times
--   edge            number   arcsec  0    Only expected at least so far from the edge of the detector
--   since           time     -       all  Only visits from this time on
--   until           time     -       all  Only visits before this time
-- Columns:
--   nExpected        long    -       How often it was expected
--   nFound           long    -       How often it got a source
--   nMissed          long    -       How often it got none
--   largestErr       double  arcsec  Largest error (ephErrMajor) of the predictions where it was missed
--   firstMissedMjdTai  double  d     First visit where it was missed, MJD TAI
--   lastMissedMjdTai   double  d     Last visit where it was missed, MJD TAI
-- Example: --param brighter_than=20 --param times=3
WITH expected AS (
    SELECT p."ssObjectId", p."designation", p."ephVmag", CAST(p."ephErrMajor" AS double precision) AS err,
           v."midpointMjdTai" AS mjd, CASE WHEN e."diaSourceId" IS NULL THEN 1 ELSE 0 END AS missed
    FROM "Visit" v
    JOIN "SsExpected" e ON e."visit" = v."visit"
    JOIN "SsPrediction" p ON p."visit" = e."visit" AND p."ssObjectId" = e."ssObjectId"
    WHERE v."status" = 'done' AND p."ephVmag" < CAST(:brighter_than AS double precision)
      AND v."midpointMjdTai" >= coalesce(CAST(:since AS double precision), -1e9)
      AND v."midpointMjdTai" < coalesce(CAST(:until AS double precision), 1e9)
      AND (e."edgeDistance" IS NULL OR e."edgeDistance" >= CAST(:edge AS double precision))
)
SELECT max("designation") AS "designation", "ssObjectId", min(CASE WHEN missed = 1 THEN "ephVmag" END) AS "ephVmag",
       count(*) AS "nExpected", count(*) - sum(missed) AS "nFound", sum(missed) AS "nMissed",
       max(CASE WHEN missed = 1 THEN err END) AS "largestErr",
       min(CASE WHEN missed = 1 THEN mjd END) AS "firstMissedMjdTai",
       max(CASE WHEN missed = 1 THEN mjd END) AS "lastMissedMjdTai"
FROM expected
GROUP BY "ssObjectId"
HAVING sum(missed) >= CAST(:times AS integer)
ORDER BY "nMissed" DESC, min("ephVmag"), "ssObjectId"
