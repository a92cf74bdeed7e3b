-- How far the observations of each observatory are from the orbits: mean and rms residuals, outliers, other identities.
--
-- Of sources that were found to be known objects, by the observatory code of their visit. For reports of observations
-- (`ssdb ingest observations`) nOther says how many were found to be another object than they were reported as.
--
-- Parameters:
--   outliers  positive  arcsec  2    Sources further from their predictions are outliers
--   since     time      -       all  Only observations from this time on
--   until     time      -       all  Only observations before this time
-- Columns:
--   stn          text    -       Observatory code; NULL where the visit has none
--   n            long    -       Sources
--   nObjects     long    -       Objects
--   nNights      long    -       Nights: integer parts of MJD TAI
--   meanRa       double  arcsec  Mean of source minus prediction, to the east
--   meanDec      double  arcsec  The same to the north
--   rmsRa        double  arcsec  Root of the mean square of the same, to the east
--   rmsDec       double  arcsec  The same to the north
--   meanAlong    double  arcsec  Mean of source minus prediction along the motion: of a clock that is wrong not 0
--   meanMotion   double  deg/d   Mean motion
--   nOutliers    long    -       Sources further from their predictions than outliers
--   nOther       long    -       Sources that were reported as another object
-- Example: --param outliers=3
WITH stations AS MATERIALIZED (    -- where the big tables are distributed, these are sent to them
    SELECT "visit", "observatoryCode" FROM "Visit"
), others AS MATERIALIZED (
    SELECT r."diaSourceId", r."designation", a."ssObjectId"
    FROM "SsReportedSource" r
    LEFT JOIN "SsAlias" a ON a."alias" = r."designation"
    WHERE r."submittedAt" IS NULL AND r."designation" IS NOT NULL
)
SELECT v."observatoryCode" AS "stn", count(*) AS "n", count(DISTINCT m."ssObjectId") AS "nObjects",
       count(DISTINCT floor(d."midpointMjdTai")) AS "nNights",
       avg(CAST(m."ephOffsetRa" AS double precision)) AS "meanRa",
       avg(CAST(m."ephOffsetDec" AS double precision)) AS "meanDec",
       sqrt(avg(CAST(m."ephOffsetRa" AS double precision) * m."ephOffsetRa")) AS "rmsRa",
       sqrt(avg(CAST(m."ephOffsetDec" AS double precision) * m."ephOffsetDec")) AS "rmsDec",
       avg(CAST(m."ephOffsetAlongTrack" AS double precision)) AS "meanAlong",
       avg(CAST(m."ephRate" AS double precision)) AS "meanMotion",
       sum(CASE WHEN m."ephOffset" > CAST(:outliers AS double precision) THEN 1 ELSE 0 END) AS "nOutliers",
       sum(CASE WHEN r."designation" <> m."designation" AND (r."ssObjectId" IS NULL OR r."ssObjectId" <> m."ssObjectId")
                THEN 1 ELSE 0 END) AS "nOther"
FROM "SSSource" m
JOIN "DiaSource" d ON d."diaSourceId" = m."diaSourceId" AND d."visit" = m."visit"
JOIN stations v ON v."visit" = m."visit"
LEFT JOIN others r ON r."diaSourceId" = m."diaSourceId"
WHERE d."midpointMjdTai" >= coalesce(CAST(:since AS double precision), -1e9)
  AND d."midpointMjdTai" < coalesce(CAST(:until AS double precision), 1e9)
GROUP BY v."observatoryCode"
ORDER BY 2 DESC, 1
