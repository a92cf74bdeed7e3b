-- Every candidate belongs to a stored source and an expected object.
SELECT c.visit, c."ssObjectId", c."diaSourceId"
FROM "SsCandidate" c
LEFT JOIN "DiaSource" s ON s."diaSourceId" = c."diaSourceId" AND s.visit = c.visit
LEFT JOIN "SsExpected" e ON e.visit = c.visit AND e."ssObjectId" = c."ssObjectId"
WHERE s.visit IS NULL OR e.visit IS NULL
