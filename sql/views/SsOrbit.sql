-- The orbits of mpc_orbits with what follows from their elements: one row an object.
-- a, the semi-major axis, is q / (1 - e); it and the aphelion are there for ellipses alone. The classes have the bounds
-- of JPL's Small-Body Database; a designation such as C/2017 K2 or 67P makes a comet, 1I an interstellar object.
--
-- Columns:
--   aphelion     double   AU  pos.distance;src.orbital    Aphelion distance; NULL where the orbit is not closed
--   orbitClass   text     -   meta.code.class;src.orbital  Dynamical class; NULL where q or e is unknown
--   isNearEarth  boolean  -   meta.code.class             q < 1.3 au; of comets those with a period below 200 years (a < 34.2 au)
--   isHazardous  boolean  -   meta.code.class             Potentially hazardous: near Earth, MOID <= 0.05 au, H <= 22; NULL where that is unknown
SELECT o."designation", o."packed_primary_provisional_designation", o."epoch_mjd", o."q", o."e", o."i", o."node",
       o."argperi", o."peri_time", o."a", o."aphelion", o."h", o."g", o."earth_moid", o."u_param", o."nopp",
       o."arc_length_total", CAST(o."tisserand" AS real) AS "tisserand_J",
       CASE
           WHEN o."q" IS NULL OR o."e" IS NULL THEN NULL
           WHEN o."mark" = 'I' THEN 'interstellar'
           WHEN o."mark" <> '' THEN CASE
               WHEN o."e" > 1 THEN 'hyperbolic comet'
               WHEN o."e" = 1 THEN 'parabolic comet'
               WHEN o."tisserand" > 2 AND o."tisserand" < 3 THEN 'Jupiter-family comet'
               WHEN o."tisserand" >= 3 AND o."a" < 5.2044 THEN 'Encke-type comet'
               WHEN o."tisserand" >= 3 THEN 'Chiron-type comet'
               WHEN o."a" < 34.2 THEN 'Halley-type comet'
               ELSE 'long-period comet' END
           WHEN o."e" > 1 THEN 'hyperbolic'
           WHEN o."e" = 1 THEN 'parabolic'
           WHEN o."aphelion" < 0.983 THEN 'Atira'
           WHEN o."q" < 1.3 AND o."a" < 1.0 THEN 'Aten'
           WHEN o."q" < 1.017 THEN 'Apollo'
           WHEN o."q" < 1.3 THEN 'Amor'
           WHEN o."q" < 1.666 AND o."a" < 3.2 THEN 'Mars-crosser'
           WHEN o."a" < 2.0 THEN 'inner main belt'
           WHEN o."a" < 3.2 THEN 'main belt'
           WHEN o."a" < 4.6 THEN 'outer main belt'
           WHEN o."a" < 5.5 AND o."e" < 0.3 THEN 'Jupiter Trojan'
           WHEN o."a" < 5.5 THEN 'other'
           WHEN o."a" < 30.1 THEN 'Centaur'
           ELSE 'trans-Neptunian' END AS "orbitClass",
       o."near" AS "isNearEarth",
       o."near" AND o."earth_moid" <= 0.05 AND o."h" <= 22 AS "isHazardous"
FROM (
    SELECT p.*, p."q" < 1.3 AND (p."mark" = '' OR (p."e" < 1 AND p."a" < 34.2)) AS "near"
    FROM (
        SELECT m."unpacked_primary_provisional_designation" AS "designation",
               m."packed_primary_provisional_designation", m."epoch_mjd", m."q", m."e", m."i", m."node", m."argperi",
               m."peri_time", m."h", m."g", m."earth_moid", m."u_param", m."nopp", m."arc_length_total",
               CASE WHEN m."e" < 1 THEN m."q" / (1 - m."e") END AS "a",
               CASE WHEN m."e" < 1 THEN m."q" * (1 + m."e") / (1 - m."e") END AS "aphelion",
               -- With q and e, so that it holds for every orbit: a (1 - e^2) = q (1 + e).
               CASE WHEN m."q" > 0 THEN 5.2044 * (1 - m."e") / m."q"
                    + 2 * cos(radians(m."i")) * sqrt(m."q" * (1 + m."e") / 5.2044) END AS "tisserand",
               comet_mark(m."unpacked_primary_provisional_designation") AS "mark"
        FROM "mpc_orbits" m
    ) p
) o
