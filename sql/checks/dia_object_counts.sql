-- Every current DiaObject has as many sources as it says, with those it came with.
SELECT o."diaObjectId", o."nDiaSources", coalesce(s.n, 0) + coalesce(b.n, 0) AS n
FROM "DiaObjectLast" o
LEFT JOIN (SELECT "diaObjectId", count(*) AS n FROM "DiaSource"
           WHERE "diaObjectId" IS NOT NULL GROUP BY "diaObjectId") s ON s."diaObjectId" = o."diaObjectId"
LEFT JOIN (SELECT "currentId", sum("nDiaSources") AS n FROM "DiaObjectBase" GROUP BY "currentId") b
       ON b."currentId" = o."diaObjectId"
WHERE o."nDiaSources" <> coalesce(s.n, 0) + coalesce(b.n, 0)
