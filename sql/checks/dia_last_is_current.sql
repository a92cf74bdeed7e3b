-- DiaObjectLast has the current rows of DiaObject.
SELECT coalesce(o."diaObjectId", l."diaObjectId") AS "diaObjectId", o."validityStartMjdTai", l."validityStartMjdTai" AS "last"
FROM (SELECT * FROM "DiaObject" WHERE "validityEndMjdTai" IS NULL) o
LEFT JOIN "DiaObjectLast" l ON l."diaObjectId" = o."diaObjectId"
WHERE l."diaObjectId" IS NULL OR l."validityStartMjdTai" <> o."validityStartMjdTai"
   OR l."nDiaSources" <> o."nDiaSources" OR l.ra <> o.ra OR l.dec <> o.dec
   OR l."lastDiaSourceMjdTai" <> o."lastDiaSourceMjdTai"
UNION ALL
SELECT l."diaObjectId", NULL, l."validityStartMjdTai"
FROM "DiaObjectLast" l
LEFT JOIN "DiaObject" o ON o."diaObjectId" = l."diaObjectId" AND o."validityEndMjdTai" IS NULL
WHERE o."diaObjectId" IS NULL
