-- Every expected object was predicted for the visit.
SELECT e.visit, e."ssObjectId"
FROM "SsExpected" e
LEFT JOIN "SsPrediction" p ON p.visit = e.visit AND p."ssObjectId" = e."ssObjectId"
WHERE p.visit IS NULL
