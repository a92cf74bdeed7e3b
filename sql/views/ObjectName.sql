-- Every name of an object that is known here, with its identifier and designation.
-- Names are those of SsAlias, and the designations of objects that have a source and no row there.
SELECT a."alias", a."ssObjectId",
       coalesce((SELECT min(p."alias") FROM "SsAlias" p WHERE p."ssObjectId" = a."ssObjectId" AND p."kind" = 'provisional'),
                (SELECT min(n."alias") FROM "SsAlias" n WHERE n."ssObjectId" = a."ssObjectId" AND n."kind" = 'number'),
                a."alias") AS "designation",
       a."kind"
FROM "SsAlias" a
UNION ALL
SELECT m."designation", m."ssObjectId", m."designation",
       CASE WHEN m."ssObjectId" < 0 THEN 'name'
            WHEN m."ssObjectId" < 1099511627776 THEN 'number'       -- packed into 5 characters
            ELSE 'provisional' END
FROM (SELECT DISTINCT "designation", "ssObjectId" FROM "SSSource") m
WHERE m."designation" IS NOT NULL
  AND NOT EXISTS (SELECT 1 FROM "SsAlias" s WHERE s."alias" = m."designation" AND s."ssObjectId" = m."ssObjectId")
