-- Every current DiaObject counts its sources, those it came with, and those that are gone with their partition.
-- Of an object that began before the end of the last partition that was detached or dropped, more may be gone.
SELECT o."diaObjectId", o."nDiaSources", coalesce(s.n, 0) + coalesce(b.n, 0) AS n
FROM "DiaObjectLast" o
LEFT JOIN (SELECT "diaObjectId", count(*) AS n FROM "DiaSource"
           WHERE "diaObjectId" IS NOT NULL GROUP BY "diaObjectId") s ON s."diaObjectId" = o."diaObjectId"
LEFT JOIN (SELECT "currentId", sum("nDiaSources") AS n FROM "DiaObjectBase" GROUP BY "currentId") b
       ON b."currentId" = o."diaObjectId"
CROSS JOIN (SELECT max(CAST(value AS double precision)) AS until FROM metadata
            WHERE substr(name, 1, 21) = 'ssdb:goneUntilMjdTai:') gone
WHERE o."nDiaSources" < coalesce(s.n, 0) + coalesce(b.n, 0)
   OR o."nDiaSources" > coalesce(s.n, 0) + coalesce(b.n, 0)
      AND (gone.until IS NULL OR o."firstDiaSourceMjdTai" > gone.until)
