-- Every prediction belongs to a stored visit whose predictions count as loaded.
SELECT p.visit, p."ssObjectId"
FROM "SsPrediction" p
LEFT JOIN "Visit" v ON v.visit = p.visit
WHERE v."predictionsAt" IS NULL
