-- How many objects of each dynamical class were observed, and how often.
--
-- Classes are those of the view SsOrbit; orbitClass is NULL for objects without an orbit in mpc_orbits.
--
-- Parameters:
--   since  time    -  all  Only observations from this time on
--   until  time    -  all  Only observations before this time
-- Columns:
--   nObjects  long  -  Objects of the class
--   nObs      long  -  Observations of them
-- Example: --param since=60000
WITH observed AS (
    SELECT m."ssObjectId", max(m."designation") AS designation, count(*) AS n
    FROM "SSSource" m
    JOIN "DiaSource" d ON d."diaSourceId" = m."diaSourceId" AND d."visit" = m."visit"
    WHERE d."midpointMjdTai" >= coalesce(CAST(:since AS double precision), -1e9)
      AND d."midpointMjdTai" < coalesce(CAST(:until AS double precision), 1e9)
    GROUP BY m."ssObjectId"
)
SELECT o."orbitClass", count(*) AS "nObjects", CAST(sum(s.n) AS bigint) AS "nObs"
FROM observed s
LEFT JOIN "SsOrbit" o ON o."designation" = s.designation
GROUP BY o."orbitClass"
ORDER BY "nObjects" DESC, o."orbitClass" NULLS LAST
