-- Sources and predictions are of the time of their visit (within 0.02 d): otherwise they belong to another visit.
SELECT v.visit, v."midpointMjdTai", d."firstSourceMjdTai" AS "first", d."lastSourceMjdTai" AS "last"
FROM "Visit" v
JOIN "VisitDetector" d ON d.visit = v.visit
WHERE abs(d."firstSourceMjdTai" - v."midpointMjdTai") > 0.02 OR abs(d."lastSourceMjdTai" - v."midpointMjdTai") > 0.02
UNION ALL
SELECT v.visit, v."midpointMjdTai", min(p."midpointMjdTai"), max(p."midpointMjdTai")
FROM "Visit" v
JOIN "SsPrediction" p ON p.visit = v.visit
GROUP BY v.visit, v."midpointMjdTai"
HAVING min(p."midpointMjdTai") < v."midpointMjdTai" - 0.02 OR max(p."midpointMjdTai") > v."midpointMjdTai" + 0.02
