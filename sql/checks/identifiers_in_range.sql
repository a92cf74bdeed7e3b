-- The range of identifiers of each visit, by which they are found, holds those of its sources.
SELECT s.visit, v."firstDiaSourceId", s.smallest, v."lastDiaSourceId", s.largest
FROM (SELECT visit, min("diaSourceId") AS smallest, max("diaSourceId") AS largest FROM "DiaSource" GROUP BY visit) s
JOIN "Visit" v ON v.visit = s.visit
WHERE v."firstDiaSourceId" IS NULL OR v."firstDiaSourceId" > s.smallest
   OR v."lastDiaSourceId" IS NULL OR v."lastDiaSourceId" < s.largest
