-- Which known objects are at positions and times of your own: an uploaded table against the predictions.
--
-- Predictions are moved to the time of the position, along their motion; separations are exact. Of several predictions
-- of an object that are within the radius the one nearest in time is given. Visits whose field is known are looked
-- at only where the position is at most 1 deg outside of it. A position without an object has one row with NULL.
--
-- Upload: positions
-- Parameters:
--   radius  positive arcsec  2     Largest separation
--   days    positive d       0.02  Largest time between the position and the prediction
-- Columns:
--   separation  double  arcsec  Angle between the position and the prediction at its time
--   daysApart   double  d       Time of the position minus that of the prediction
-- Example: --upload positions.csv --param radius=5
WITH slots AS (        -- of time, so that a position meets only visits of its own and of those beside it
    SELECT p.*, CAST(floor(p."midpointMjdTai" / (CAST(:days AS double precision) + 1)) AS integer) + s.step AS slot,
           sin(radians(p."dec")) AS z, cos(radians(p."dec")) AS w, radians(p."ra") AS lon
    FROM positions p CROSS JOIN (SELECT -1 AS step UNION ALL SELECT 0 UNION ALL SELECT 1) s
), exposures AS (
    SELECT v."visit", v."midpointMjdTai" AS mjd, radians(v."ra") AS lon, sin(radians(v."dec")) AS z,
           cos(radians(v."dec")) AS w, v."radius",
           CAST(floor(v."midpointMjdTai" / (CAST(:days AS double precision) + 1)) AS integer) AS slot
    FROM "Visit" v
), meetings AS (
    SELECT s."row", s."midpointMjdTai" AS mjd, s.w * cos(s.lon) AS x, s.w * sin(s.lon) AS y, s.z, s."dec", v."visit"
    FROM slots s
    JOIN exposures v ON v.slot = s.slot
    WHERE abs(v.mjd - s."midpointMjdTai") <= CAST(:days AS double precision) + 0.02
      AND coalesce(s.z * v.z + s.w * v.w * cos(s.lon - v.lon)
                   >= cos(radians(CASE WHEN v."radius" + 1 + CAST(:radius AS double precision) / 3600 < 180
                                       THEN v."radius" + 1 + CAST(:radius AS double precision) / 3600 ELSE 180 END)),
                   TRUE)
), levels AS (          -- predictions, with how often an arcminute is doubled until they can be met no further off
    SELECT p.*, CAST(ceil(ln(CASE WHEN far < 0.016 THEN 1 WHEN far > 180 THEN 61 * 180 ELSE 61 * far END)
                          / ln(CAST(2 AS double precision))) AS integer) AS level
    FROM (
        SELECT p."visit", p."ssObjectId", p."designation", p."ephVmag", p."midpointMjdTai" AS mjd, p."ephDec",
               radians(p."ephRa") AS lon, radians(p."ephDec") AS lat, coalesce(radians(p."ephRateRa"), 0) AS east,
               coalesce(radians(p."ephRateDec"), 0) AS north, CAST(:radius AS double precision) / 3600 + 1e-9
               + coalesce(abs(p."ephRateRa") + abs(p."ephRateDec"), 0) * CAST(:days AS double precision) AS far
        FROM (SELECT DISTINCT "visit" FROM meetings) v
        JOIN "SsPrediction" p ON p."visit" = v."visit"
    ) p
), zones AS MATERIALIZED (      -- each in one zone of declination, of a width of its own
    SELECT l.*, CAST(floor("ephDec" * 60 / power(CAST(2 AS double precision), level)) AS integer) AS zone FROM levels l
), places AS (          -- and each position in one of every width that there is, and in those beside it
    SELECT m.*, z.level,
           s.step + CAST(floor("dec" * 60 / power(CAST(2 AS double precision), z.level)) AS integer) AS zone
    FROM meetings m
    JOIN (SELECT DISTINCT "visit", level FROM zones) z ON z."visit" = m."visit"
    CROSS JOIN (SELECT -1 AS step UNION ALL SELECT 0 UNION ALL SELECT 1) s
), near AS (
    SELECT m."row", m.x, m.y, m.z, p."visit", p."ssObjectId", p."designation", p."ephVmag", m.mjd - p.mjd AS dt,
           p.lon, p.lat, p.east, p.north
    FROM places m
    JOIN zones p ON p."visit" = m."visit" AND p.level = m.level AND p.zone = m.zone
    WHERE abs(m.mjd - p.mjd) <= CAST(:days AS double precision)
), turned AS (          -- along the great circle of the motion: by so much, and the sine of that over the rate
    SELECT n.*, cos(sqrt(east * east + north * north) * dt) AS c,
           CASE WHEN east * east + north * north > 0
                THEN sin(sqrt(east * east + north * north) * dt) / sqrt(east * east + north * north) ELSE 0 END AS s
    FROM near n
), moved AS (
    SELECT t.*, c * cos(lat) * cos(lon) - s * (east * sin(lon) + north * sin(lat) * cos(lon)) AS px,
           c * cos(lat) * sin(lon) + s * (east * cos(lon) - north * sin(lat) * sin(lon)) AS py,
           c * sin(lat) + s * north * cos(lat) AS pz
    FROM turned t
), apart AS (           -- the square of the chord; that of 60 deg is 1
    SELECT m.*, (px - x) * (px - x) + (py - y) * (py - y) + (pz - z) * (pz - z) AS chord2 FROM moved m
), matches AS (
    SELECT a.*, 3600 * degrees(2 * asin(sqrt(CASE WHEN chord2 < 1 THEN chord2 ELSE 1 END) / 2)) AS separation
    FROM apart a
    WHERE chord2 <= 1
), found AS (
    SELECT m.*, row_number() OVER (PARTITION BY m."row", m."ssObjectId" ORDER BY abs(m.dt), m."visit") AS nth
    FROM matches m
    WHERE m.separation <= CAST(:radius AS double precision)
), expected AS (        -- by an inner join, which sends what was found to the servers that have the others
    SELECT e."visit", e."ssObjectId", e."diaSourceId"
    FROM (SELECT DISTINCT "visit", "ssObjectId" FROM found WHERE nth = 1) f
    JOIN "SsExpected" e ON e."visit" = f."visit" AND e."ssObjectId" = f."ssObjectId"
)
SELECT p."id", p."ra", p."dec", p."midpointMjdTai", m."designation", m."ssObjectId", m.separation AS "separation",
       m."ephVmag", m."visit", m.dt AS "daysApart", e."diaSourceId"
FROM positions p
LEFT JOIN found m ON m."row" = p."row" AND m.nth = 1
LEFT JOIN expected e ON e."visit" = m."visit" AND e."ssObjectId" = m."ssObjectId"
ORDER BY p."row", m.separation, m."ssObjectId"
