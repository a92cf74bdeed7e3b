-- Every source that names a DiaObject has a current one, is no known object, and was not withdrawn.
SELECT s."diaSourceId", s.visit, s."diaObjectId"
FROM "DiaSource" s
LEFT JOIN "DiaObjectLast" o ON o."diaObjectId" = s."diaObjectId"
WHERE s."diaObjectId" IS NOT NULL
  AND (o."diaObjectId" IS NULL OR s."ssObjectId" IS NOT NULL OR s."timeWithdrawnMjdTai" IS NOT NULL)
