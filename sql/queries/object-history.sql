-- History of a DiaObject: every source of it in all bands, in the order of time.
--
-- Magnitudes are AB magnitudes of psfFlux, NULL where that is not above 0 (the flux is there all the same). An identifier
-- of an object that was merged into another stands for that other.
--
-- Parameters:
--   object  diaobject  -  required  diaObjectId of the object
--   band    text       -  all       Only this filter
--   since   time       -  all       Only sources from this time on
--   until   time       -  all       Only sources before this time
-- Columns:
--   mag     double  mag  AB magnitude of psfFlux
--   magErr  double  mag  1-sigma error of mag
-- Example: --param object=1234567890123 --param band=r
SELECT s."midpointMjdTai", s."band",
       CASE WHEN s."psfFlux" > 0 THEN 31.4 - 2.5 * log10(CAST(s."psfFlux" AS double precision)) END AS "mag",
       CASE WHEN s."psfFlux" > 0
            THEN 2.5 / ln(10.0e0) * CAST(s."psfFluxErr" AS double precision) / s."psfFlux" END AS "magErr",
       s."psfFlux", s."psfFluxErr", s."scienceFlux", s."scienceFluxErr", s."ra", s."dec", m."separation", m."chi2",
       m."logOdds", m."isNew", s."snr", s."reliability", s."isNegative", s."visit", s."detector", s."diaSourceId"
FROM "DiaSource" s
LEFT JOIN "DiaMatch" m ON m."visit" = s."visit" AND m."diaSourceId" = s."diaSourceId"
WHERE s."diaObjectId" = CAST(:object AS bigint)
  AND (CAST(:band AS text) IS NULL OR s."band" = CAST(:band AS text))
  AND s."midpointMjdTai" >= coalesce(CAST(:since AS double precision), -1e9)
  AND s."midpointMjdTai" < coalesce(CAST(:until AS double precision), 1e9)
ORDER BY s."midpointMjdTai", s."diaSourceId"
