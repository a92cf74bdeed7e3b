-- Every diaSourceId occurs once.
SELECT "diaSourceId", min(visit) AS "firstVisit", max(visit) AS "lastVisit"
FROM "DiaSource"
GROUP BY "diaSourceId"
HAVING count(*) > 1
