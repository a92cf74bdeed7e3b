-- Every row of SSSource belongs to a stored source, which names the same object.
SELECT m."diaSourceId", m.visit, m."ssObjectId"
FROM "SSSource" m
LEFT JOIN "DiaSource" s ON s."diaSourceId" = m."diaSourceId" AND s.visit = m.visit
WHERE s."ssObjectId" IS NULL OR s."ssObjectId" <> m."ssObjectId" OR s.detector <> m.detector
