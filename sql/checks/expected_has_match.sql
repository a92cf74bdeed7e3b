-- Every expected object that was seen has its match.
SELECT e.visit, e."ssObjectId", e."diaSourceId"
FROM "SsExpected" e
LEFT JOIN "SSSource" m ON m.visit = e.visit AND m."ssObjectId" = e."ssObjectId" AND m."diaSourceId" = e."diaSourceId"
WHERE e."diaSourceId" IS NOT NULL AND m.visit IS NULL
