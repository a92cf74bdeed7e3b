-- Every object that was observed has a row in SSObject, or is due to get one.
SELECT x."ssObjectId", x.visit
FROM (
    SELECT m."ssObjectId", min(m.visit) AS visit
    FROM "SSSource" m
    WHERE m.visit NOT IN (SELECT c.visit FROM "SsObjectChange" c WHERE c.visit IS NOT NULL)
      AND NOT EXISTS (SELECT 1 FROM "SSObject" o WHERE o."ssObjectId" = m."ssObjectId")
    GROUP BY m."ssObjectId"
) x
WHERE NOT EXISTS (SELECT 1 FROM "SsObjectChange" c WHERE c."ssObjectId" = x."ssObjectId")
  AND NOT EXISTS (SELECT 1 FROM "SSSource" n WHERE n."ssObjectId" = x."ssObjectId"
                  AND n.visit IN (SELECT c.visit FROM "SsObjectChange" c WHERE c.visit IS NOT NULL))
