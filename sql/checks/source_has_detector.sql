-- Every source belongs to a stored visit and detector.
SELECT s."diaSourceId", s.visit, s.detector
FROM "DiaSource" s
LEFT JOIN "Visit" v ON v.visit = s.visit
LEFT JOIN "VisitDetector" d ON d.visit = s.visit AND d.detector = s.detector
WHERE v.visit IS NULL OR d.visit IS NULL
