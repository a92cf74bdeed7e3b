-- Sources that are no known object and too doubtful to make a DiaObject: flagged, faint or of low reliability.
--
-- Parameters:
--   visit  integer  -  all  Only this visit
--   since  time     -  all  Only sources from this time on
--   until  time     -  all  Only sources before this time
-- Example: --param since=2026-11-29
SELECT s."diaSourceId", s."visit", s."detector", s."midpointMjdTai", s."band", s."ra", s."dec", s."psfFlux",
       s."psfFluxErr", s."snr", s."reliability", s."centroid_flag", s."pixelFlags_crCenter", s."pixelFlags_nodataCenter",
       s."pixelFlags_interpolatedCenter", s."pixelFlags_saturatedCenter", s."pixelFlags_suspectCenter",
       s."pixelFlags_streakCenter", s."glint_trail"
FROM "DiaSource" s
JOIN "Visit" v ON v."visit" = s."visit" AND v."diaStatus" = 'done'
WHERE s."diaObjectId" IS NULL AND s."ssObjectId" IS NULL AND s."timeWithdrawnMjdTai" IS NULL
  AND (CAST(:visit AS bigint) IS NULL OR s."visit" = CAST(:visit AS bigint))
  AND s."midpointMjdTai" >= coalesce(CAST(:since AS double precision), -1e9)
  AND s."midpointMjdTai" < coalesce(CAST(:until AS double precision), 1e9)
ORDER BY s."midpointMjdTai", s."diaSourceId"
