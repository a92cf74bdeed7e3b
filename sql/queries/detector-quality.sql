-- Quality of the detectors of visits: what was expected, matched, ambiguous and not matched, the median offset.
--
-- A match is ambiguous where its object had another candidate, or its source was a candidate for another object.
-- Without an outline nobody knows which objects fall on a detector: the counts of expected and unmatched ones are NULL.
--
-- Parameters:
--   visit     integer  -  all  Only this visit
--   detector  integer  -  all  Only this detector
--   since     time     -  all  Only visits from this time on
--   until     time     -  all  Only visits before this time
-- Columns:
--   nMatched      long     -       Sources that are known objects
--   nUnmatched    integer  -       Known objects that were expected and got no source
--   nAmbiguous    long     -       Matches that had an alternative
--   medianOffset  double   arcsec  Median of ephOffset
--   isEmpty       boolean  -       It was processed and has no source; NULL: it was not processed
-- Example: --param visit=3
WITH chosen AS (
    SELECT v."midpointMjdTai", v."band", d."visit", d."detector", d."status", d."nSources", d."nTotalSsObjects",
           d."nAssociatedSsObjects"
    FROM "Visit" v
    JOIN "VisitDetector" d ON d."visit" = v."visit"
    WHERE v."visit" = coalesce(CAST(:visit AS bigint), v."visit")
      AND d."detector" = coalesce(CAST(:detector AS integer), d."detector")
      AND v."midpointMjdTai" >= coalesce(CAST(:since AS double precision), -1e9)
      AND v."midpointMjdTai" < coalesce(CAST(:until AS double precision), 1e9)
), candidates AS (
    SELECT c."visit", c."ssObjectId", c."diaSourceId",
           count(*) OVER (PARTITION BY c."visit", c."ssObjectId") AS of_object,
           count(*) OVER (PARTITION BY c."visit", c."diaSourceId") AS of_source
    FROM (SELECT DISTINCT "visit" FROM chosen) v JOIN "SsCandidate" c ON c."visit" = v."visit"
), matches AS (
    SELECT m."visit", m."detector", CAST(m."ephOffset" AS double precision) AS apart,
           CASE WHEN c.of_object > 1 OR c.of_source > 1 THEN 1 ELSE 0 END AS ambiguous,
           row_number() OVER (PARTITION BY m."visit", m."detector" ORDER BY m."ephOffset") AS nth,
           count(*) OVER (PARTITION BY m."visit", m."detector") AS n
    FROM chosen d
    JOIN "SSSource" m ON m."visit" = d."visit" AND m."detector" = d."detector"
    LEFT JOIN candidates c ON c."visit" = m."visit" AND c."ssObjectId" = m."ssObjectId"
                          AND c."diaSourceId" = m."diaSourceId"
), matched AS (
    SELECT "visit", "detector", count(*) AS n, sum(ambiguous) AS ambiguous,
           avg(CASE WHEN nth IN ((n + 1) / 2, (n + 2) / 2) THEN apart END) AS median
    FROM matches GROUP BY "visit", "detector"
)
SELECT d."visit", d."detector", d."midpointMjdTai", d."band", d."status", d."nSources", d."nTotalSsObjects",
       coalesce(m.n, 0) AS "nMatched", d."nTotalSsObjects" - d."nAssociatedSsObjects" AS "nUnmatched",
       coalesce(m.ambiguous, 0) AS "nAmbiguous", m.median AS "medianOffset",
       CASE WHEN d."status" = 'done' THEN d."nSources" = 0 END AS "isEmpty"
FROM chosen d
LEFT JOIN matched m ON m."visit" = d."visit" AND m."detector" = d."detector"
ORDER BY d."midpointMjdTai", d."visit", d."detector"
