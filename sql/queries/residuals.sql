-- How far sources are from their predictions, by band, magnitude, rate, night or detector: median, width, outliers.
--
-- Components: ra and dec, source minus prediction to the east and to the north; along and cross, along and across the
-- predicted motion. The robust width is 1.4826 times the median absolute deviation, a standard deviation where the
-- distribution is normal. Of the columns band, ephVmag, ephRate, night and detector the one of by is filled.
--
-- Parameters:
--   by            band|magnitude|rate|night|detector|all  -  band  What the sources are grouped by
--   magnitude_bin positive mag    1    Width of the groups in predicted magnitude
--   rate_bin      positive deg/d  0.1  Width of the groups in predicted motion
--   outliers      positive -      5    Outliers are further from the median than this many robust widths
--   night_begins  number  d       0   When a night begins, as a fraction of the day, TAI: 0 as in SsEphemeris,
--                                 0.5 (noon) where nights go through midnight TAI
--   since         time    -      all  Only observations from this time on
--   until         time    -      all  Only observations before this time
-- Columns:
--   ephVmag       double   mag     Beginning of the group in predicted magnitude
--   ephRate       double   deg/d   Beginning of the group in predicted motion
--   night         integer  d       Night: integer part of MJD TAI minus night_begins
--   component     text     -       ra, dec, along or cross
--   n             long     -       Sources
--   median        double   arcsec  Median of the offsets
--   robustSigma   double   arcsec  1.4826 times the median absolute deviation from the median
--   nOutliers     long     -       Sources further from the median than the given number of robust widths
-- Example: --param by=magnitude --param magnitude_bin=0.5
WITH matched AS (
    SELECT CASE WHEN CAST(:by AS text) = 'band' THEN d."band" END AS band,
           CASE WHEN CAST(:by AS text) = 'magnitude'
                THEN floor(m."ephVmag" / CAST(:magnitude_bin AS double precision))
                     * CAST(:magnitude_bin AS double precision) END AS vmag,
           CASE WHEN CAST(:by AS text) = 'rate'
                THEN floor(m."ephRate" / CAST(:rate_bin AS double precision))
                     * CAST(:rate_bin AS double precision) END AS rate,
           CASE WHEN CAST(:by AS text) = 'night'
                THEN CAST(floor(d."midpointMjdTai" - CAST(:night_begins AS double precision)) AS integer) END AS night,
           CASE WHEN CAST(:by AS text) = 'detector' THEN m."detector" END AS detector,
           m."ephOffsetRa", m."ephOffsetDec", m."ephOffsetAlongTrack", m."ephOffsetCrossTrack"
    FROM "SSSource" m
    JOIN "DiaSource" d ON d."diaSourceId" = m."diaSourceId" AND d."visit" = m."visit"
    WHERE d."midpointMjdTai" >= coalesce(CAST(:since AS double precision), -1e9)
      AND d."midpointMjdTai" < coalesce(CAST(:until AS double precision), 1e9)
), offsets AS (
    SELECT m.*, c.place, c.component,
           CASE c.place WHEN 1 THEN "ephOffsetRa" WHEN 2 THEN "ephOffsetDec"
                        WHEN 3 THEN "ephOffsetAlongTrack" ELSE "ephOffsetCrossTrack" END AS apart
    FROM matched m
    CROSS JOIN (SELECT 1 AS place, 'ra' AS component UNION ALL SELECT 2, 'dec'
                UNION ALL SELECT 3, 'along' UNION ALL SELECT 4, 'cross') c
), ranked AS (
    SELECT o.*, row_number() OVER (PARTITION BY band, vmag, rate, night, detector, place ORDER BY apart) AS nth,
           count(*) OVER (PARTITION BY band, vmag, rate, night, detector, place) AS n
    FROM offsets o WHERE apart IS NOT NULL
), centred AS (        -- the median is the mean of the middle one or two
    SELECT r.*, avg(CASE WHEN nth IN ((n + 1) / 2, (n + 2) / 2) THEN apart END)
                    OVER (PARTITION BY band, vmag, rate, night, detector, place) AS median
    FROM ranked r
), deviating AS (
    SELECT c.*, abs(apart - median) AS deviation,
           row_number() OVER (PARTITION BY band, vmag, rate, night, detector, place
                              ORDER BY abs(apart - median)) AS mth
    FROM centred c
), scaled AS (
    SELECT d.*, 1.482602218505602 * avg(CASE WHEN mth IN ((n + 1) / 2, (n + 2) / 2) THEN deviation END)
                    OVER (PARTITION BY band, vmag, rate, night, detector, place) AS sigma
    FROM deviating d
)
SELECT band AS "band", vmag AS "ephVmag", rate AS "ephRate", night AS "night", detector AS "detector",
       component AS "component", count(*) AS "n", min(median) AS "median", min(sigma) AS "robustSigma",
       sum(CASE WHEN deviation > CAST(:outliers AS double precision) * sigma THEN 1 ELSE 0 END) AS "nOutliers"
FROM scaled
GROUP BY band, vmag, rate, night, detector, place, component
ORDER BY band NULLS LAST, vmag NULLS LAST, rate NULLS LAST, night, detector, place
