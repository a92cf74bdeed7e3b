-- Every match is that of an expected object.
SELECT m."diaSourceId", m.visit, m."ssObjectId"
FROM "SSSource" m
LEFT JOIN "SsExpected" e ON e.visit = m.visit AND e."ssObjectId" = m."ssObjectId" AND e."diaSourceId" = m."diaSourceId"
WHERE e.visit IS NULL
