-- Light curve of an object: every observation of it in all bands, in the order of time.
--
-- Magnitudes are AB magnitudes of psfFlux, NULL where that is not above 0 (the flux is there all the same). The reduced
-- magnitude is what the object would have at 1 au from the Sun and from the observer.
--
-- Parameters:
--   object  object  -  required  Any name of the object
--   band    text    -  all       Only this filter
--   since   time    -  all       Only observations from this time on
--   until   time    -  all       Only observations before this time
-- Example: --param object=433 --param band=r
SELECT o."midpointMjdTai", o."band", o."mag", o."magErr", o."reducedMag", o."psfFlux", o."psfFluxErr", o."ephVmag",
       o."phaseAngle", o."helioRange", o."topoRange", o."ra", o."dec", o."ephOffset", o."extendedness", o."isNegative",
       o."psfFlux_flag", o."centroid_flag", o."pixelFlags_edge", o."pixelFlags_saturated", o."visit", o."detector",
       o."diaSourceId", o."midpointUtc", o."emittedMjdTai"
FROM "SsObservation" o
WHERE o."ssObjectId" = CAST(:object AS bigint)
  AND (CAST(:band AS text) IS NULL OR o."band" = CAST(:band AS text))
  AND o."midpointMjdTai" >= coalesce(CAST(:since AS double precision), -1e9)
  AND o."midpointMjdTai" < coalesce(CAST(:until AS double precision), 1e9)
ORDER BY o."midpointMjdTai", o."diaSourceId"
