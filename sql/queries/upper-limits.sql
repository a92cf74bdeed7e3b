-- Known objects that were expected and not seen, with the flux measured where they were predicted, and its limit.
--
-- The fluxes are those of `ssdb forced` or `ssdb ingest forced`, on the difference image. The limit is the AB magnitude of
-- so many errors of the flux: brighter than that the object was not, unless the flux itself says otherwise. A flux of
-- some errors is the object, fainter than what is detected, or something else where it was predicted.
--
-- Parameters:
--   object  object    -  all  Any name of an object
--   visit   integer   -  all  Only this visit
--   sigma   positive  -  5    How many errors of the flux make the limit
--   since   time      -  all  Only visits from this time on
--   until   time      -  all  Only visits before this time
-- Columns:
--   fluxSnr   double  -    psfFlux over psfFluxErr
--   limitMag  double  mag  AB magnitude of sigma times psfFluxErr
-- Example: --param sigma=3
SELECT p."designation", f."ssObjectId", f."visit", f."detector", f."midpointMjdTai", f."band", f."ra", f."dec",
       f."psfFlux", f."psfFluxErr", CAST(f."psfFlux" AS double precision) / f."psfFluxErr" AS "fluxSnr",
       31.4 - 2.5 * log10(CAST(:sigma AS double precision) * f."psfFluxErr") AS "limitMag", p."ephVmag", e."ephMag",
       e."pDetected", p."ephErrMajor", e."edgeDistance"
FROM "SsForcedSource" f
JOIN "SsExpected" e ON e."visit" = f."visit" AND e."ssObjectId" = f."ssObjectId"
JOIN "SsPrediction" p ON p."visit" = f."visit" AND p."ssObjectId" = f."ssObjectId"
WHERE e."diaSourceId" IS NULL AND (e."edgeDistance" IS NULL OR e."edgeDistance" >= 0)
  AND f."psfFluxErr" > 0 AND f."timeWithdrawnMjdTai" IS NULL
  AND (CAST(:object AS bigint) IS NULL OR f."ssObjectId" = CAST(:object AS bigint))
  AND (CAST(:visit AS bigint) IS NULL OR f."visit" = CAST(:visit AS bigint))
  AND f."midpointMjdTai" >= coalesce(CAST(:since AS double precision), -1e9)
  AND f."midpointMjdTai" < coalesce(CAST(:until AS double precision), 1e9)
ORDER BY f."midpointMjdTai", f."visit", f."ssObjectId", f."detector"
