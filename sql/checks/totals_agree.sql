-- The row of each detector agrees with its sources.
SELECT d.visit, d.detector, d."nDiaSources", s.n, d."firstSourceMjdTai", s.earliest, d."lastSourceMjdTai", s.latest,
       d."firstDiaSourceId", s.smallest, d."lastDiaSourceId", s.largest
FROM "VisitDetector" d
LEFT JOIN (SELECT visit, detector, count(*) AS n, min("midpointMjdTai") AS earliest, max("midpointMjdTai") AS latest,
                  min("diaSourceId") AS smallest, max("diaSourceId") AS largest
           FROM "DiaSource" GROUP BY visit, detector) s ON s.visit = d.visit AND s.detector = d.detector
WHERE d."nDiaSources" <> coalesce(s.n, 0)
   OR s.n > 0 AND (d."firstSourceMjdTai" IS NULL OR d."firstSourceMjdTai" <> s.earliest
                   OR d."lastSourceMjdTai" IS NULL OR d."lastSourceMjdTai" <> s.latest)
   -- NULL, where there are sources: unknown.
   OR d."firstDiaSourceId" <> s.smallest OR d."lastDiaSourceId" <> s.largest
