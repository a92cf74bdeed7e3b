-- Objects whose orbits come near the Earth's, by SSObject: MOID, where it is, and the absolute magnitude in a band.
--
-- The MOID is ssdb's own, there for every orbit; near-earth asks mpc_orbits instead, also about objects that were not
-- seen. H is that of the first band that has one, of r, g, i, z, y, u.
--
-- Parameters:
--   moid   positive  AU   0.05  Only orbits that come nearer to the Earth's than this
--   h      number    mag  all   Only objects with an absolute magnitude of at most this
--   times  integer   -    1     Only objects that were observed at least this many times
-- Columns:
--   bandOfH  text    -    The band of hOfBand
--   hOfBand  double  mag  Absolute magnitude in that band, AB
-- Example: --param h=22
SELECT o."designation", o."ssObjectId", o."MOIDEarth", o."MOIDEarthDeltaV", o."MOIDEarthEclipticLongitude", o."tisserand_J",
       o.band AS "bandOfH", CAST(o.found AS double precision) AS "hOfBand", o."nObs", o."arc", o."firstObservationMjdTai",
       m."orbitClass", m."q", m."e", m."i", m."earth_moid", m."u_param"
FROM (
    SELECT s.*, coalesce(s."r_H", s."g_H", s."i_H", s."z_H", s."y_H", s."u_H") AS found,
           CASE WHEN s."r_H" IS NOT NULL THEN 'r' WHEN s."g_H" IS NOT NULL THEN 'g' WHEN s."i_H" IS NOT NULL THEN 'i'
                WHEN s."z_H" IS NOT NULL THEN 'z' WHEN s."y_H" IS NOT NULL THEN 'y' WHEN s."u_H" IS NOT NULL THEN 'u' END AS band
    FROM "SSObject" s
) o
LEFT JOIN "SsOrbit" m ON m."designation" = o."designation"
WHERE o."MOIDEarth" < CAST(:moid AS double precision) AND o."nObs" >= CAST(:times AS integer)
  AND (CAST(:h AS double precision) IS NULL OR o.found <= CAST(:h AS double precision))
ORDER BY o."MOIDEarth", o."ssObjectId"
