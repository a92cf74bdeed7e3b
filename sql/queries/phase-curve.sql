-- Phase curve of an object: reduced magnitude against phase angle, band by band.
--
-- Only what can be used: observations with a psfFlux above 0 and none of the flags that ssdb summarize looks at, and known
-- distances and phase angle. With each the fit of its band, as ssdb summarize has left it (HG12 or HG12star): NULL before.
--
-- Parameters:
--   object  object  -  required  Any name of the object
--   band    text    -  all       Only this filter
--   since   time    -  all       Only observations from this time on
--   until   time    -  all       Only observations before this time
-- Example: --param object=433
SELECT o."band", o."phaseAngle", o."reducedMag", o."magErr", o."midpointMjdTai", o."helioRange", o."topoRange",
       o."visit", o."diaSourceId", o."midpointUtc", o."emittedMjdTai",
       f."fitH", f."fitHErr", f."G12", f."slopeFitFailed", f."rms", f."model"
FROM "SsObservation" o
JOIN "DiaSource" d ON d."diaSourceId" = o."diaSourceId" AND d."visit" = o."visit"
LEFT JOIN "SsObjectFit" f ON f."ssObjectId" = o."ssObjectId" AND f."model" <> 'HG1G2'
                         AND f."band" = lower(substr(rtrim(o."band"), length(rtrim(o."band")), 1))
WHERE o."ssObjectId" = CAST(:object AS bigint)
  AND (CAST(:band AS text) IS NULL OR o."band" = CAST(:band AS text))
  AND o."midpointMjdTai" >= coalesce(CAST(:since AS double precision), -1e9)
  AND o."midpointMjdTai" < coalesce(CAST(:until AS double precision), 1e9)
  AND o."reducedMag" IS NOT NULL AND o."phaseAngle" IS NOT NULL AND d."psfFlux_flag" IS NOT TRUE
  AND d."isDipole" IS NOT TRUE AND d."pixelFlags_saturatedCenter" IS NOT TRUE
  AND d."pixelFlags_interpolatedCenter" IS NOT TRUE
ORDER BY o."band", o."phaseAngle", o."diaSourceId"
