-- Sources of DiaObjects and rows of DiaMatch are the same.
SELECT s."diaSourceId", s.visit, s."diaObjectId", m."diaObjectId" AS "matched"
FROM "DiaSource" s
LEFT JOIN "DiaMatch" m ON m.visit = s.visit AND m."diaSourceId" = s."diaSourceId"
WHERE s."diaObjectId" IS NOT NULL AND (m.visit IS NULL OR m."diaObjectId" <> s."diaObjectId")
UNION ALL
SELECT m."diaSourceId", m.visit, s."diaObjectId", m."diaObjectId"
FROM "DiaMatch" m
LEFT JOIN "DiaSource" s ON s.visit = m.visit AND s."diaSourceId" = m."diaSourceId"
WHERE s."diaObjectId" IS NULL
