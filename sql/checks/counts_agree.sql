-- The numbers of sources and matches of a done visit are those of its rows.
SELECT v.visit, v."nSources", v."nAssociatedSsObjects"
FROM "Visit" v
WHERE v.status = 'done'
  AND (v."nSources" <> (SELECT count(*) FROM "DiaSource" s WHERE s.visit = v.visit)
       OR v."nAssociatedSsObjects" <> (SELECT count(*) FROM "SSSource" m WHERE m.visit = v.visit))
