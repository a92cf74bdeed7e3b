-- An object that is not due has as many observations in SSObject as there are in SSSource with their DiaSource.
SELECT o."ssObjectId", o.designation, o."nObs"
FROM "SSObject" o
WHERE o."nObs" <> (SELECT count(*) FROM "SSSource" m JOIN "DiaSource" s ON s."diaSourceId" = m."diaSourceId" AND s.visit = m.visit
                   WHERE m."ssObjectId" = o."ssObjectId")
  AND NOT EXISTS (SELECT 1 FROM "SsObjectChange" c WHERE c."ssObjectId" = o."ssObjectId")
  AND NOT EXISTS (SELECT 1 FROM "SSSource" m JOIN "SsObjectChange" c ON c.visit = m.visit WHERE m."ssObjectId" = o."ssObjectId")
