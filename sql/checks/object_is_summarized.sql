-- Every object that was observed has a row in SSObject, or is due to get one.
-- An object is due if it says so itself, or one of its visits does.
SELECT m."ssObjectId", min(m.visit) AS visit
FROM (SELECT "ssObjectId", visit FROM "SSSource" GROUP BY "ssObjectId", visit) m
LEFT JOIN (SELECT DISTINCT visit FROM "SsObjectChange" WHERE visit IS NOT NULL) c ON c.visit = m.visit
LEFT JOIN "SSObject" o ON o."ssObjectId" = m."ssObjectId"
LEFT JOIN (SELECT DISTINCT "ssObjectId" FROM "SsObjectChange") d ON d."ssObjectId" = m."ssObjectId"
WHERE o."ssObjectId" IS NULL AND d."ssObjectId" IS NULL
GROUP BY m."ssObjectId"
HAVING count(c.visit) = 0
