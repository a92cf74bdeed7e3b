-- The numbers of sources and matches of a done visit are those of its rows.
SELECT v.visit, v."nSources", v."nAssociatedSsObjects"
FROM "Visit" v
LEFT JOIN (SELECT visit, count(*) AS n FROM "DiaSource" GROUP BY visit) s ON s.visit = v.visit
LEFT JOIN (SELECT visit, count(*) AS n FROM "SSSource" GROUP BY visit) m ON m.visit = v.visit
WHERE v.status = 'done' AND (v."nSources" <> coalesce(s.n, 0) OR v."nAssociatedSsObjects" <> coalesce(m.n, 0))
