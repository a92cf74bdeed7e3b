-- The sums of every current DiaObject are those of its sources, if it did not come from elsewhere.
-- Of an object that began before the end of the last partition that was detached or dropped, some may be gone.
SELECT o."diaObjectId", coalesce(m.n, 0) AS "nValues", coalesce(s.n, 0) AS n, m.w AS weight, s.w, m.f AS flux, s.f
FROM "DiaObjectLast" o
LEFT JOIN (SELECT "diaObjectId", sum("nValues") AS n, sum("nErrors") AS k, sum(weight) AS w, sum(mean * "nValues") AS f,
                  max(highest) AS hi, min(lowest) AS lo
           FROM "DiaObjectMoment" GROUP BY "diaObjectId") m ON m."diaObjectId" = o."diaObjectId"
LEFT JOIN (SELECT "diaObjectId", count("psfFlux") AS n, count("psfFluxErr") AS k,
                  sum(CASE WHEN "psfFlux" IS NOT NULL AND "psfFluxErr" > 0
                      THEN 1 / (CAST("psfFluxErr" AS double precision) * "psfFluxErr") END) AS w,
                  sum(CAST("psfFlux" AS double precision)) AS f, max("psfFlux") AS hi, min("psfFlux") AS lo
           FROM "DiaSource" WHERE "diaObjectId" IS NOT NULL GROUP BY "diaObjectId") s
       ON s."diaObjectId" = o."diaObjectId"
CROSS JOIN (SELECT max(CAST(value AS double precision)) AS until FROM metadata
            WHERE substr(name, 1, 21) = 'ssdb:goneUntilMjdTai:') gone
WHERE NOT EXISTS (SELECT 1 FROM "DiaObjectBase" b WHERE b."currentId" = o."diaObjectId") AND (
   coalesce(m.n, 0) < coalesce(s.n, 0) OR coalesce(m.k, 0) < coalesce(s.k, 0) OR m.hi < s.hi OR m.lo > s.lo
   OR m.w - coalesce(s.w, 0) < -1e-9 * coalesce(s.w, 0)
   OR (gone.until IS NULL OR o."firstDiaSourceMjdTai" > gone.until
       OR coalesce(m.n, 0) = coalesce(s.n, 0) AND coalesce(m.k, 0) = coalesce(s.k, 0)) AND (
      coalesce(m.n, 0) > coalesce(s.n, 0) OR coalesce(m.k, 0) > coalesce(s.k, 0) OR m.hi > s.hi OR m.lo < s.lo
      OR m.w - coalesce(s.w, 0) > 1e-9 * coalesce(s.w, 0)
      OR abs(m.f - s.f) > 1e-9 * (abs(s.f) + abs(s.hi) + abs(s.lo))))
