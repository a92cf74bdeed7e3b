-- Near-Earth and hazardous objects: orbits with a small perihelion distance, and what was observed of them.
--
-- Potentially hazardous: --param moid=0.05 --param h=22 (isHazardous tells which are). All that have an orbit, whether
-- they were seen or not: --param times=0.
--
-- Parameters:
--   q      number   AU   1.3  Only orbits with a perihelion distance below this
--   moid   number   AU   all  Only orbits that come at least this near to the Earth's (MOID)
--   h      number   mag  all  Only objects with an absolute magnitude H of at most this
--   times  integer  -    1    Only objects that were observed at least this many times
-- Example: --param moid=0.05 --param h=22
SELECT o."designation", s."ssObjectId", o."orbitClass", o."q", o."e", o."i", o."a", o."aphelion", o."h", o."earth_moid",
       o."isNearEarth", o."isHazardous", coalesce(s."nObs", 0) AS "nObs", s."nNights", s."firstObservationMjdTai",
       s."lastObservationMjdTai"
FROM "SsOrbit" o
LEFT JOIN "SsObjectSummary" s ON s."designation" = o."designation"
WHERE o."q" < CAST(:q AS double precision)
  AND (CAST(:moid AS double precision) IS NULL OR o."earth_moid" <= CAST(:moid AS double precision))
  AND (CAST(:h AS double precision) IS NULL OR o."h" <= CAST(:h AS double precision))
  AND coalesce(s."nObs", 0) >= CAST(:times AS integer)
ORDER BY o."q", o."designation"
