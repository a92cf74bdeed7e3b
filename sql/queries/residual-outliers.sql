-- Sources far from their predictions: offsets beyond so many robust widths from the median of their band.
--
-- Parameters:
--   sigmas  positive -  5    How many robust widths (1.4826 times the median absolute deviation)
--   since   time    -  all  Only observations from this time on
--   until   time    -  all  Only observations before this time
-- Columns:
--   component  text    -       ra or dec: the offset to the east or to the north
--   offset     double  arcsec  Source minus prediction
--   deviation  double  -       Distance of the offset from the median, in robust widths; NULL where that width is 0
-- Example: --param sigmas=4
WITH offsets AS (
    SELECT m."visit", m."detector", m."diaSourceId", m."ssObjectId", m."designation", m."ephVmag", m."ephRate",
           d."band", d."midpointMjdTai", c.component,
           CASE c.component WHEN 'ra' THEN m."ephOffsetRa" ELSE m."ephOffsetDec" END AS apart
    FROM "SSSource" m
    JOIN "DiaSource" d ON d."diaSourceId" = m."diaSourceId" AND d."visit" = m."visit"
    CROSS JOIN (SELECT 'ra' AS component UNION ALL SELECT 'dec') c
    WHERE d."midpointMjdTai" >= coalesce(CAST(:since AS double precision), -1e9)
      AND d."midpointMjdTai" < coalesce(CAST(:until AS double precision), 1e9)
), ranked AS (
    SELECT o.*, row_number() OVER (PARTITION BY "band", component ORDER BY apart) AS nth,
           count(*) OVER (PARTITION BY "band", component) AS n
    FROM offsets o WHERE apart IS NOT NULL
), centred AS (        -- the median is the mean of the middle one or two
    SELECT r.*, avg(CASE WHEN nth IN ((n + 1) / 2, (n + 2) / 2) THEN apart END)
                    OVER (PARTITION BY "band", component) AS median
    FROM ranked r
), deviating AS (
    SELECT c.*, abs(apart - median) AS deviation,
           row_number() OVER (PARTITION BY "band", component ORDER BY abs(apart - median)) AS mth
    FROM centred c
), scaled AS (
    SELECT d.*, 1.482602218505602 * avg(CASE WHEN mth IN ((n + 1) / 2, (n + 2) / 2) THEN deviation END)
                    OVER (PARTITION BY "band", component) AS sigma
    FROM deviating d
)
SELECT s."designation", s."ssObjectId", s."band", s."midpointMjdTai", component AS "component", apart AS "offset",
       CASE WHEN sigma > 0 THEN deviation / sigma END AS "deviation", s."ephVmag", s."ephRate", s."visit", s."detector",
       s."diaSourceId", o."midpointUtc"
FROM scaled s
JOIN "SsObservation" o ON o."diaSourceId" = s."diaSourceId" AND o."visit" = s."visit"
WHERE deviation > CAST(:sigmas AS double precision) * sigma
ORDER BY s."midpointMjdTai", s."diaSourceId", component
