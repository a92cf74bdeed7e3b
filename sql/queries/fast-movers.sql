-- Fast movers: observations of objects that move faster than a limit, with the trail that they should leave.
--
-- Parameters:
--   rate   number  deg/d  0.5  Only objects that move at least this fast
--   since  time    -      all  Only observations from this time on
--   until  time    -      all  Only observations before this time
-- Columns:
--   motionAngle     double  deg     Position angle of the predicted motion, north to east
--   expectedTrail   double  arcsec  Distance that the object moved during the exposure
-- Example: --param rate=1
SELECT o."designation", o."ssObjectId", o."midpointMjdTai", o."band", o."mag", o."ephRate",
       CASE WHEN o."ephRateRa" < 0 THEN 360 ELSE 0 END + degrees(atan2(o."ephRateRa", o."ephRateDec")) AS "motionAngle",
       CAST(o."ephRate" AS double precision) * o."exposureTime" / 24 AS "expectedTrail",     -- deg/d is arcsec/s / 24
       o."trailLength", o."trailAngle",
       o."topoRange", o."ra", o."dec", o."ephOffset", o."ephOffsetAlongTrack", o."visit", o."detector", o."diaSourceId",
       o."midpointUtc", o."emittedMjdTai"
FROM "SsObservation" o
WHERE o."ephRate" >= CAST(:rate AS double precision)
  AND o."midpointMjdTai" >= coalesce(CAST(:since AS double precision), -1e9)
  AND o."midpointMjdTai" < coalesce(CAST(:until AS double precision), 1e9)
ORDER BY o."ephRate" DESC, o."midpointMjdTai", o."diaSourceId"
