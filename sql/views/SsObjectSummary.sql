-- The known objects that were seen: one row an object with its number of sources, nights, and the time that they span.
--
-- Columns:
--   nNights                 integer  -  meta.number;obs  Nights with a source: integer parts of MJD TAI
--   lastObservationMjdTai   double   d  time.epoch;obs   The survey's last observation, MJD TAI
SELECT m."ssObjectId", max(m."designation") AS "designation", CAST(count(*) AS integer) AS "nObs",
       CAST(count(DISTINCT floor(d."midpointMjdTai")) AS integer) AS "nNights",
       CAST(max(d."midpointMjdTai") - min(d."midpointMjdTai") AS real) AS "arc",
       min(d."midpointMjdTai") AS "firstObservationMjdTai", max(d."midpointMjdTai") AS "lastObservationMjdTai"
FROM "SSSource" m
JOIN "DiaSource" d ON d."diaSourceId" = m."diaSourceId" AND d."visit" = m."visit"
GROUP BY m."ssObjectId"
