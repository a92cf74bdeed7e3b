-- The chosen candidates are the matches.
SELECT c.visit, c."ssObjectId", c."diaSourceId"
FROM "SsCandidate" c
LEFT JOIN "SSSource" m ON m.visit = c.visit AND m."ssObjectId" = c."ssObjectId" AND m."diaSourceId" = c."diaSourceId"
WHERE c.chosen <> (m.visit IS NOT NULL)
UNION ALL
SELECT m.visit, m."ssObjectId", m."diaSourceId"
FROM "SSSource" m
LEFT JOIN "SsCandidate" c ON c.visit = m.visit AND c."ssObjectId" = m."ssObjectId" AND c."diaSourceId" = m."diaSourceId"
WHERE c.visit IS NULL
