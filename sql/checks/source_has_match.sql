-- Every source that names an object has its row in SSSource.
SELECT s."diaSourceId", s.visit, s."ssObjectId"
FROM "DiaSource" s
LEFT JOIN "SSSource" m ON m."diaSourceId" = s."diaSourceId" AND m.visit = s.visit
WHERE s."ssObjectId" IS NOT NULL AND m.visit IS NULL
