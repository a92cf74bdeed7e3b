-- An object that is not due has as many observations in SSObject as there are in SSSource.
SELECT o."ssObjectId", o.designation, o."nObs", n.found
FROM "SSObject" o
LEFT JOIN (SELECT m."ssObjectId", count(*) AS found FROM "SSSource" m GROUP BY m."ssObjectId") n
       ON n."ssObjectId" = o."ssObjectId"
WHERE o."nObs" <> coalesce(n.found, 0)
  AND NOT EXISTS (SELECT 1 FROM "SsObjectChange" c WHERE c."ssObjectId" = o."ssObjectId")
  AND NOT EXISTS (SELECT 1 FROM "SSSource" m WHERE m."ssObjectId" = o."ssObjectId"
                  AND m.visit IN (SELECT c.visit FROM "SsObjectChange" c WHERE c.visit IS NOT NULL))
