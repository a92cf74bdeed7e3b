-- Colours of objects from observations of the same night: differences of mean magnitudes, the bluer band first.
--
-- Flagged fluxes and those not above 0 are left out. Nothing is done about the rotation of the object: hoursApart tells
-- how far the mean times of the two bands are from each other.
--
-- Parameters:
--   object        object  -  all  Any name of an object; all: every object
--   since         time    -  all  Only observations from this time on
--   until         time    -  all  Only observations before this time
--   night_begins  number  d   0   When a night begins, as a fraction of the day, TAI: 0 as in SsEphemeris,
--                                 0.5 (noon) where nights go through midnight TAI
-- Columns:
--   night      integer  d    Night: integer part of MJD TAI minus night_begins
--   colour     text     -    The two bands, as g-r
--   colourMag  double   mag  Mean magnitude in the first band minus that in the second
--   colourErr  double   mag  1-sigma error of colourMag, from the errors of the fluxes alone
--   nFirst     long     -    Observations in the first band
--   nSecond    long     -    Observations in the second band
--   hoursApart double   h    Mean time in the second band minus that in the first
--   fitColour  double   mag  H in the first band minus H in the second, of all nights: see ssdb summarize
--   fitColourErr double mag  1-sigma error of fitColour
-- Example: --param object=433
WITH measured AS (
    SELECT o."ssObjectId", o."designation", o."band", o."mag", o."magErr", o."midpointMjdTai" AS mjd,
           CAST(floor(o."midpointMjdTai" - CAST(:night_begins AS double precision)) AS integer) AS night,
           CASE o."band" WHEN 'u' THEN 1 WHEN 'g' THEN 2 WHEN 'r' THEN 3 WHEN 'i' THEN 4 WHEN 'z' THEN 5 WHEN 'y' THEN 6
                         ELSE 7 END AS place
    FROM "SsObservation" o
    WHERE o."ssObjectId" = coalesce(CAST(:object AS bigint), o."ssObjectId")
      AND o."midpointMjdTai" >= coalesce(CAST(:since AS double precision), -1e9)
      AND o."midpointMjdTai" < coalesce(CAST(:until AS double precision), 1e9)
      AND o."mag" IS NOT NULL AND o."band" IS NOT NULL AND o."psfFlux_flag" IS NOT TRUE
), nightly AS (
    SELECT "ssObjectId", max("designation") AS designation, night, "band" AS band, place, count(*) AS n,
           avg("mag") AS mag, avg(mjd) AS mjd,
           CASE WHEN count("magErr") = count(*) THEN sum("magErr" * "magErr") / (count(*) * count(*)) END AS variance
    FROM measured
    GROUP BY "ssObjectId", night, "band", place
)
SELECT a.designation AS "designation", a."ssObjectId", a.night, a.band || '-' || b.band AS "colour",
       a.mag - b.mag AS "colourMag", sqrt(a.variance + b.variance) AS "colourErr", a.n AS "nFirst", b.n AS "nSecond",
       (b.mjd - a.mjd) * 24 AS "hoursApart", CAST(f."fitH" AS double precision) - g."fitH" AS "fitColour",
       sqrt(CAST(f."fitHErr" AS double precision) * f."fitHErr" + CAST(g."fitHErr" AS double precision) * g."fitHErr")
           AS "fitColourErr"
FROM nightly a
JOIN nightly b ON b."ssObjectId" = a."ssObjectId" AND b.night = a.night
              AND (b.place > a.place OR (b.place = a.place AND b.band > a.band))
LEFT JOIN "SsObjectFit" f ON f."ssObjectId" = a."ssObjectId" AND f."model" <> 'HG1G2'
                         AND f."band" = lower(substr(rtrim(a.band), length(rtrim(a.band)), 1))
LEFT JOIN "SsObjectFit" g ON g."ssObjectId" = b."ssObjectId" AND g."model" <> 'HG1G2'
                         AND g."band" = lower(substr(rtrim(b.band), length(rtrim(b.band)), 1))
ORDER BY a."ssObjectId", a.night, a.place, a.band, b.place, b.band
