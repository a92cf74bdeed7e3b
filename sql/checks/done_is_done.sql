-- No visit is done while one of its detectors is pending.
SELECT v.visit, d.detector
FROM "Visit" v
JOIN "VisitDetector" d ON d.visit = v.visit
WHERE v.status = 'done' AND d.status <> 'done'
