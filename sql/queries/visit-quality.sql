-- Quality of visits: what was predicted, matched, ambiguous and not matched, the median offset, empty detectors.
--
-- A match is ambiguous where its object had another candidate, or its source was a candidate for another object.
--
-- Parameters:
--   visit  integer  -  all  Only this visit
--   since  time     -  all  Only visits from this time on
--   until  time     -  all  Only visits before this time
-- Columns:
--   nPredicted      long    -       Predictions; NULL: none were ever loaded
--   nUnmatched      integer -       Known objects that were expected and got no source
--   nAmbiguous      long    -       Matches that had an alternative
--   medianOffset    double  arcsec  Median of ephOffset
--   nDetectors      long    -       Detectors
--   nEmptyDetectors long    -       Detectors that were processed and have no source
-- Example: --param since=60000
WITH chosen AS (
    SELECT v."visit", v."midpointMjdTai", v."band", v."status", v."predictionsAt", v."nSources", v."nTotalSsObjects",
           v."nAssociatedSsObjects"
    FROM "Visit" v
    WHERE v."visit" = coalesce(CAST(:visit AS bigint), v."visit")
      AND v."midpointMjdTai" >= coalesce(CAST(:since AS double precision), -1e9)
      AND v."midpointMjdTai" < coalesce(CAST(:until AS double precision), 1e9)
), candidates AS (
    SELECT c."visit", c."ssObjectId", c."diaSourceId",
           count(*) OVER (PARTITION BY c."visit", c."ssObjectId") AS of_object,
           count(*) OVER (PARTITION BY c."visit", c."diaSourceId") AS of_source
    FROM chosen v JOIN "SsCandidate" c ON c."visit" = v."visit"
), matches AS (
    SELECT m."visit", CAST(m."ephOffset" AS double precision) AS apart,
           CASE WHEN c.of_object > 1 OR c.of_source > 1 THEN 1 ELSE 0 END AS ambiguous,
           row_number() OVER (PARTITION BY m."visit" ORDER BY m."ephOffset") AS nth,
           count(*) OVER (PARTITION BY m."visit") AS n
    FROM chosen v
    JOIN "SSSource" m ON m."visit" = v."visit"
    LEFT JOIN candidates c ON c."visit" = m."visit" AND c."ssObjectId" = m."ssObjectId"
                          AND c."diaSourceId" = m."diaSourceId"
), matched AS (
    SELECT "visit", sum(ambiguous) AS ambiguous,
           avg(CASE WHEN nth IN ((n + 1) / 2, (n + 2) / 2) THEN apart END) AS median
    FROM matches GROUP BY "visit"
), predicted AS (
    SELECT p."visit", count(*) AS n FROM chosen v JOIN "SsPrediction" p ON p."visit" = v."visit" GROUP BY p."visit"
), detectors AS (
    SELECT d."visit", count(*) AS n, sum(CASE WHEN d."status" = 'done' AND d."nSources" = 0 THEN 1 ELSE 0 END) AS empty
    FROM chosen v JOIN "VisitDetector" d ON d."visit" = v."visit" GROUP BY d."visit"
)
SELECT v."visit", v."midpointMjdTai", v."band", v."status", v."nSources",
       CASE WHEN v."predictionsAt" IS NOT NULL THEN coalesce(p.n, 0) END AS "nPredicted",
       v."nTotalSsObjects", v."nAssociatedSsObjects", v."nTotalSsObjects" - v."nAssociatedSsObjects" AS "nUnmatched",
       CASE WHEN v."nAssociatedSsObjects" IS NOT NULL THEN coalesce(m.ambiguous, 0) END AS "nAmbiguous",
       m.median AS "medianOffset", coalesce(d.n, 0) AS "nDetectors", coalesce(d.empty, 0) AS "nEmptyDetectors"
FROM chosen v
LEFT JOIN matched m ON m."visit" = v."visit"
LEFT JOIN predicted p ON p."visit" = v."visit"
LEFT JOIN detectors d ON d."visit" = v."visit"
ORDER BY v."midpointMjdTai", v."visit"
