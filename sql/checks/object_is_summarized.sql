-- Every object that was observed has a row in SSObject, or is due to get one.
SELECT m."ssObjectId", min(m.visit) AS visit
FROM "SSSource" m
WHERE NOT EXISTS (SELECT 1 FROM "SSObject" o WHERE o."ssObjectId" = m."ssObjectId")
  AND NOT EXISTS (SELECT 1 FROM "SsObjectChange" c WHERE c."ssObjectId" = m."ssObjectId")
  AND NOT EXISTS (SELECT 1 FROM "SSSource" n JOIN "SsObjectChange" c ON c.visit = n.visit WHERE n."ssObjectId" = m."ssObjectId")
GROUP BY m."ssObjectId"
