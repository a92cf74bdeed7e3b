-- Every detector belongs to a stored visit.
SELECT d.visit, d.detector
FROM "VisitDetector" d
LEFT JOIN "Visit" v ON v.visit = d.visit
WHERE v.visit IS NULL
