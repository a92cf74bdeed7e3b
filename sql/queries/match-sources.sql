-- Which stored sources are at positions and times of your own, and which known objects these sources are.
--
-- Separations are exact; nothing is moved. A position without a source has one row with NULL.
--
-- Upload: positions
-- Parameters:
--   radius  positive arcsec  2      Largest separation
--   days    positive d       0.001  Largest time between the position and the source
-- Columns:
--   separation  double  arcsec  Angle between the position and the source
--   daysApart   double  d       Time of the position minus that of the source
-- Example: --upload positions.csv --param radius=1
WITH slots AS (        -- of time, so that a position meets only visits of its own slot and of the two beside it
    SELECT p.*, CAST(floor(p."midpointMjdTai" / (CAST(:days AS double precision) + 1)) AS integer) + s.step AS slot
    FROM positions p CROSS JOIN (SELECT -1 AS step UNION ALL SELECT 0 UNION ALL SELECT 1) s
), exposures AS (
    SELECT v."visit", v."midpointMjdTai" AS mjd,
           CAST(floor(v."midpointMjdTai" / (CAST(:days AS double precision) + 1)) AS integer) AS slot
    FROM "Visit" v
), meetings AS (
    SELECT s."row", s."ra", s."dec", s."midpointMjdTai" AS mjd, v."visit",
           CAST(floor((s."dec" - CAST(:radius AS double precision) / 3600 + 90) * 60) AS integer) AS zone,
           CAST(floor((s."dec" + CAST(:radius AS double precision) / 3600 + 90) * 60) AS integer) AS last_zone
    FROM slots s
    JOIN exposures v ON v.slot = s.slot
    WHERE abs(v.mjd - s."midpointMjdTai") <= CAST(:days AS double precision) + 0.02
), near AS (            -- the zones of declination are those of the index of DiaSource
    SELECT m."row", d."visit", d."diaSourceId", d."ssObjectId", d."detector", d."band",
           m.mjd - d."midpointMjdTai" AS dt, radians(m."ra") AS lon, radians(m."dec") AS lat,
           radians(d."ra") AS lon1, radians(d."dec") AS lat1
    FROM meetings m CROSS JOIN "DiaSource" d        -- to SQLite, CROSS JOIN says in which order to go
    WHERE d."visit" = m."visit" AND d."zone" BETWEEN m.zone AND m.last_zone
      AND abs(m.mjd - d."midpointMjdTai") <= CAST(:days AS double precision)
      AND abs(d."dec" - m."dec") <= CAST(:radius AS double precision) / 3600
), apart AS (           -- the square of half the chord (haversine); that of 60 deg is 1/4
    SELECT n.*, sin((lat1 - lat) / 2) * sin((lat1 - lat) / 2)
                + cos(lat) * cos(lat1) * sin((lon1 - lon) / 2) * sin((lon1 - lon) / 2) AS h2
    FROM near n
), matches AS MATERIALIZED (
    SELECT a."row", a."visit", a."diaSourceId", a."ssObjectId", a."detector", a."band", a.dt,
           3600 * degrees(2 * asin(sqrt(CASE WHEN h2 < 0.25 THEN h2 ELSE 0.25 END))) AS separation
    FROM apart a
    WHERE h2 <= 0.25
), known AS (           -- by an inner join, which sends what was found to the servers that have the others
    SELECT s."visit", s."diaSourceId", s."designation", c."probability"
    FROM (SELECT DISTINCT "visit", "diaSourceId" FROM matches WHERE separation <= CAST(:radius AS double precision)) m
    JOIN "SSSource" s ON s."visit" = m."visit" AND s."diaSourceId" = m."diaSourceId"
    LEFT JOIN "SsCandidate" c ON c."visit" = s."visit" AND c."ssObjectId" = s."ssObjectId"
                             AND c."diaSourceId" = s."diaSourceId"
)
SELECT p."id", p."ra", p."dec", p."midpointMjdTai", m."diaSourceId", m.separation AS "separation", m."visit",
       m."detector", m."band", m.dt AS "daysApart", m."ssObjectId", k."designation", k."probability"
FROM positions p
LEFT JOIN matches m ON m."row" = p."row" AND m.separation <= CAST(:radius AS double precision)
LEFT JOIN known k ON k."visit" = m."visit" AND k."diaSourceId" = m."diaSourceId"
ORDER BY p."row", m.separation, m."visit", m."diaSourceId"
