-- An object that is not due has as many observations in SSObject as there are in SSSource.
SELECT o."ssObjectId", o.designation, o."nObs", n.found
FROM "SSObject" o
LEFT JOIN (SELECT m."ssObjectId", CAST(sum(m.found) AS integer) AS found, count(c.visit) AS due
           FROM (SELECT "ssObjectId", visit, count(*) AS found FROM "SSSource" GROUP BY "ssObjectId", visit) m
           LEFT JOIN (SELECT DISTINCT visit FROM "SsObjectChange" WHERE visit IS NOT NULL) c ON c.visit = m.visit
           GROUP BY m."ssObjectId") n ON n."ssObjectId" = o."ssObjectId"
LEFT JOIN (SELECT DISTINCT "ssObjectId" FROM "SsObjectChange") d ON d."ssObjectId" = o."ssObjectId"
WHERE o."nObs" <> coalesce(n.found, 0) AND coalesce(n.due, 0) = 0 AND d."ssObjectId" IS NULL
